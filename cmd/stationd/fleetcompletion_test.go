package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"stationd/internal/demo"
	"stationd/internal/relay/relaytest"
)

// offers asks the program for what a shell offers behind these words.
func offers(t *testing.T, words ...string) string {
	t.Helper()
	var out, errs said
	if code := command(t.Context(), append([]string{"__complete"}, words...), strings.NewReader(""), &out, &errs); code != 0 {
		t.Errorf("completion ends with %d: %s", code, errs.String())
	}
	return out.String()
}

func TestAShellOffersTheStationsOfThePlant(t *testing.T) {
	t.Parallel()
	e := relaytest.StartEngine(t, nil)
	conn, err := nats.Connect(e.Table().Servers[0])
	must(t, err)
	t.Cleanup(conn.Close)
	js, err := conn.JetStream()
	must(t, err)
	kept, err := js.CreateKeyValue(&nats.KeyValueConfig{Bucket: "sd-status", History: 1})
	must(t, err)
	for name, status := range map[string]string{"pack4-1": `{"clock":true}`, "pack4-2": `{"clock":true,"held":2}`} {
		_, err := kept.Put(name, []byte(status))
		must(t, err)
	}
	config := filepath.Join(t.TempDir(), "fleet.toml")
	written := func(server string) {
		must(t, os.WriteFile(config, fmt.Appendf(nil, "[fleet]\nname = \"anna\"\ntimezone = \"Europe/Stockholm\"\nservers = [%q]\n", server), 0o600))
	}
	written(e.Table().Servers[0])
	for _, verb := range []string{"show", "doctor", "revoke", "retry"} {
		var got string
		if err := demo.Until(t.Context(), "fleet "+verb+" is offered the stations", func() bool { // on a busy computer not within two seconds
			got = offers(t, "fleet", verb, "--config", config, "")
			return strings.HasPrefix(got, "pack4-2\theld\npack4-1\twell\n")
		}); err != nil {
			t.Errorf("%v:\n%s", err, got)
		}
	}
	if got := offers(t, "fleet", "show", "--config", config, "pack4-1", ""); !strings.HasPrefix(got, ":4") {
		t.Errorf("behind the one station a shell is offered:\n%s", got)
	}

	dir := t.TempDir()
	binary, err := exec.LookPath("stationd") // the test binary itself, see TestMain
	must(t, err)
	must(t, os.Symlink(binary, filepath.Join(dir, "stationd")))
	for shell, asks := range map[string]string{
		"bash": `. /usr/share/bash-completion/bash_completion; . <(stationd completion bash); compopt() { :; }
			COMP_LINE="stationd fleet show --config $1 p"; COMP_POINT=${#COMP_LINE}; read -ra COMP_WORDS <<<"$COMP_LINE"
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_TYPE=9; __start_stationd; printf '%s\n' "${COMPREPLY[@]}"`,
		"fish": `stationd completion fish | source; complete -C "stationd fleet show --config $argv[1] p"`,
		"zsh":  `autoload -U compinit; compinit -u -D; source <(stationd completion zsh); words=(stationd fleet show --config $1 p); CURRENT=6; _describe() { print -l $completions }; _stationd`,
	} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(shell); err != nil {
				t.Skipf("%s is not here: that it offers stations was NOT proved", shell)
			}
			if _, err := os.Stat("/usr/share/bash-completion/bash_completion"); shell == "bash" && err != nil {
				t.Skip("bash-completion is not installed: that bash offers stations was NOT proved")
			}
			args := map[string][]string{"bash": {"--norc", "-c", asks, "bash", config}, "zsh": {"-f", "-c", asks, "zsh", config}, "fish": {"--no-config", "--private", "-c", asks, config}}
			home := t.TempDir()
			var out []byte
			var err error
			if late := demo.Until(t.Context(), shell+" offers the stations", func() bool {
				c := exec.CommandContext(t.Context(), shell, args[shell]...)
				c.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+home)
				out, err = c.CombinedOutput()
				return err == nil && strings.Contains(string(out), "pack4-1") && strings.Contains(string(out), "pack4-2")
			}); late != nil {
				t.Errorf("%v: %v:\n%s", late, err, out)
			}
		})
	}
}

// Where the engine is not there, or takes connections and says nothing, the shell stands still
// for two seconds and is offered nothing.
func TestAShellIsNotKeptWaitingByAnEngineThatIsAway(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, gone.Close())
	for sentence, at := range map[string]net.Addr{"it says nothing": silent.Addr(), "it is not there": gone.Addr()} {
		config := filepath.Join(t.TempDir(), "fleet.toml")
		must(t, os.WriteFile(config, fmt.Appendf(nil, "[fleet]\nname = \"anna\"\ntimezone = \"Europe/Stockholm\"\nservers = [\"nats://%s\"]\n", at), 0o600))
		over := make(chan string, 1)
		ctx, cancel := context.WithTimeout(t.Context(), demo.WaitLimit)
		go func() { over <- offers(t, "fleet", "show", "--config", config, "") }()
		select {
		case got := <-over:
			if !strings.HasPrefix(got, ":") {
				t.Errorf("%s: a shell is offered\n%s", sentence, got)
			}
		case <-ctx.Done():
			t.Errorf("%s: a shell waits for longer than %v", sentence, demo.WaitLimit)
		}
		cancel()
	}
}
