package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What the package installs is what the program prints; here a shell uses it.
func TestBashCompletesWhatIsTyped(t *testing.T) {
	t.Parallel()
	const framework = "/usr/share/bash-completion/bash_completion"
	if _, err := os.Stat(framework); err != nil {
		t.Skip("bash-completion is not installed: that bash completes with what the package has was NOT proved")
	}
	dir := t.TempDir()
	must(t, command(t, "go", "build", "-o", filepath.Join(dir, "stationd"), "../cmd/stationd"))
	script := filepath.Join(dir, "completion")
	text, err := command(t, filepath.Join(dir, "stationd"), "completion", "bash").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(script, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]string{
		"stationd outbox re":               "retry",
		"stationd l2l dispatch.open mach":  "machine=",
		"stationd lagerkoll article.tra":   "article.trace",
		"stationd doctor --con":            "--config",
		"stationd version something here ": "",
	} {
		t.Run(typed, func(t *testing.T) {
			t.Parallel()
			// compopt speaks to a shell that is completing, which this one is not.
			c := exec.CommandContext(t.Context(), "bash", "--norc", "-c", `
				. `+framework+`; . "$1"; compopt() { :; }
				COMP_LINE=$2; COMP_POINT=${#2}; read -ra COMP_WORDS <<<"$2"
				[[ $2 != *" " ]] || COMP_WORDS+=("")
				COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_TYPE=9
				__start_stationd; printf '%s\n' "${COMPREPLY[@]}"`, "bash", script, typed)
			c.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
			said, err := c.CombinedOutput()
			if got := strings.TrimSpace(string(said)); err != nil || !strings.HasPrefix(got, want) || want == "" && got != "" {
				t.Errorf("it is completed to %q, not %q: %v", got, want, err)
			}
		})
	}
}

// A station's entries and fields are offered by the program; a shell asks it by its script.
func TestZshAndFishCompleteWhatIsTyped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "stationd")
	must(t, command(t, "go", "build", "-o", program, "../cmd/stationd"))
	script := func(t *testing.T, shell string) string {
		t.Helper()
		if _, err := exec.LookPath(shell); err != nil {
			t.Skipf("%s is not here: that it completes with what the package has was NOT proved", shell)
		}
		text, err := command(t, program, "completion", shell).Output()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "_stationd")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Run("zsh reads its script", func(t *testing.T) {
		t.Parallel()
		if out := must(t, command(t, "zsh", "-n", script(t, "zsh"))); out != "" {
			t.Errorf("it says %s", out)
		}
	})
	t.Run("fish offers what the program does", func(t *testing.T) {
		t.Parallel()
		path := script(t, "fish")
		for typed, want := range map[string]string{
			"stationd outbox ret":             "retry\tSend",
			"stationd l2l dispatch.open mach": "machine=",
			"stationd doctor --js":            "--json",
		} {
			c := command(t, "fish", "--no-config", "--private", "-c", "source $argv[1]; complete -C $argv[2]", path, typed)
			c.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+t.TempDir())
			if said := must(t, c); !strings.HasPrefix(said, want) {
				t.Errorf("%q is completed to %q, not %q", typed, said, want)
			}
		}
	})
}
