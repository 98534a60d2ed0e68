package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/station"
)

// readDump opens a file that dump wrote, and returns the parts by their names.
func readDump(t *testing.T, file string) map[string]string {
	t.Helper()
	info, err := os.Stat(file)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("everybody may read it: %v", info.Mode())
	}
	in, err := os.Open(file)
	must(t, err)
	defer in.Close()
	zipped, err := gzip.NewReader(in)
	must(t, err)
	parts := make(map[string]string)
	for files := tar.NewReader(zipped); ; {
		head, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		text, err := io.ReadAll(files)
		must(t, err)
		if dir := path.Dir(head.Name); strings.Contains(dir, "/") || !strings.HasPrefix(dir, "stationd-dump-") {
			t.Errorf("%s is not in one folder with the others", head.Name)
		}
		parts[path.Base(head.Name)] = string(text)
	}
	for name, text := range parts {
		if at := strings.Index(strings.ToLower(text), canary); at >= 0 {
			t.Errorf("%s shows a key: …%q…", name, text[max(0, at-60):min(len(text), at+40)])
		}
	}
	return parts
}

// startCanaryStation returns a station that has done something, whose keys are everywhere
// that a person could put them.
func startCanaryStation(t *testing.T) *demo.Simulation {
	t.Helper()
	b := newStation(t, func(s *demo.Config) { s.Plant.L2LKey, s.Plant.APIKey = canaryL2L, canaryLagerkoll })
	text, err := os.ReadFile(b.ConfigPath())
	must(t, err)
	key := filepath.Join(b.KeysPath(), "alert.key")
	must(t, os.WriteFile(key, []byte("canary-alert-7f3c\n"), 0o600))
	token := filepath.Join(b.KeysPath(), "page.token")
	must(t, os.WriteFile(token, []byte("canary-page-2c4e\n"), 0o600))
	more := fmt.Sprintf("\n# the old key was canary+l2l/7f3c\n[alert]\nurl = \"http://127.0.0.1:1/canary-hook?sig=canary-91ab\" # canary\nkey = { file = %q }\n", key)
	must(t, os.WriteFile(filepath.Join(b.Dir, "site.toml"), []byte(more), 0o600))
	must(t, os.WriteFile(b.ConfigPath(), append([]byte("include = [\"site.toml\"] # canary\n"), text...), 0o600))
	editConfig(t, b, "[web]\n", fmt.Sprintf("[web]\ntoken = { file = %q }\n", token))
	must(t, b.Power(t.Context(), true))
	b.Plant.AddFault(plant.Fault{Kind: plant.Refusal, Where: "POST *dispatches/open/", Text: "no: " + canaryL2L, Next: 1})
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	scanAndWait(t, b, "7310865004703")
	must(t, demo.Until(t.Context(), "the call is held", func() bool {
		c, err := b.Contents(t.Context())
		return err == nil && c.Held == 1
	}))
	must(t, demo.Until(t.Context(), "a look shows it", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && s.Held == 1
	}))
	return b
}

func TestADumpHasWhatHelpNeedsAndNoKey(t *testing.T) {
	t.Parallel()
	b := startCanaryStation(t)
	dump := func(name string, want map[string]string) {
		t.Helper()
		file := filepath.Join(b.Dir, name)
		out, code := runProgram(t, b, "dump", "--config", b.ConfigPath(), "-o", file)
		if code != 0 || !strings.Contains(out, name+": ") {
			t.Fatalf("%d:\n%s", code, out)
		}
		if strings.Contains(strings.ToLower(out), canary) {
			t.Errorf("it prints a key:\n%s", out)
		}
		parts := readDump(t, file)
		for part, text := range want {
			if !strings.Contains(parts[part], text) {
				t.Errorf("%s has no %q:\n%.2000s", part, text, parts[part])
			}
		}
		if out, code := runProgram(t, b, "dump", "--config", b.ConfigPath(), "-o", file); code != 1 || !strings.Contains(out, "is there already") {
			t.Errorf("a second one over it: %d\n%s", code, out)
		}
	}
	dump("up.tar.gz", map[string]string{
		"CONTENTS.txt":         "what waits and is on hold",
		"version.json":         `"running": "`,
		"doctor.txt":           "configuration",
		"stationd.toml":        "include = [\"site.toml\"] #\n",
		"included-1-site.toml": "url = \"http://127.0.0.1:1/<removed>\" #\n",
		"state.json":           `"Held": 1`,
		"outbox.jsonl":         "dispatch.open",
		"log.txt":              heardReady,
		"metrics.txt":          "\nstationd_outbox_held 1\n",
		"history.jsonl":        "maintenance.press",
		"computer.txt":         "outbox.db",
	})
	must(t, b.Power(t.Context(), false))
	dump("down.tar.gz", map[string]string{
		"CONTENTS.txt":   "not there: the station does not run",
		"version.json":   `"running": "not running"`,
		"doctor.txt":     "not running with this configuration",
		"stationd.toml":  "[l2l]",
		"last-good.toml": "[\"alert\"]",
		"state.json":     `"calls"`,
		"outbox.jsonl":   "7310865004703",
		"history.jsonl":  "maintenance.press",
	})
}

// A station whose configuration has faults is one that needs help.
func TestADumpIsWrittenWhateverTheConfigurationIs(t *testing.T) {
	t.Parallel()
	b := startCanaryStation(t)
	editConfig(t, b, "[l2l]\n", "[l2l]\nkey = \""+canaryL2L+"\n")
	for _, power := range []bool{true, false} {
		if !power {
			must(t, b.Power(t.Context(), false))
		}
		file := filepath.Join(b.Dir, fmt.Sprintf("%t.tar.gz", power))
		if out, code := runProgram(t, b, "dump", "--config", b.ConfigPath(), "-o", file); code != 0 {
			t.Fatalf("%d:\n%s", code, out)
		}
		parts := readDump(t, file)
		for part, text := range map[string]string{"doctor.txt": "FAIL", "stationd.toml": "key = \"<removed>\n", "outbox.jsonl": "dispatch.open"} {
			if !strings.Contains(parts[part], text) {
				t.Errorf("%s has no %q:\n%.2000s", part, text, parts[part])
			}
		}
	}
	t.Run("and where there is none it says so", func(t *testing.T) {
		t.Parallel()
		var all said
		file := filepath.Join(t.TempDir(), "none.tar.gz")
		code := command(t.Context(), []string{"dump", "--config", "/nonexistent/stationd.toml", "-o", file}, strings.NewReader(""), &all, &all)
		if parts := readDump(t, file); code != 0 || !strings.Contains(parts["CONTENTS.txt"], "no such file") {
			t.Errorf("%d: %s\n%s", code, all.String(), parts["CONTENTS.txt"])
		}
	})
}

// Whoever is in the station's group and not root reaches the control socket and nothing else.
func TestAMemberOfTheGroupGetsADumpOfWhatTheStationTells(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("this is not root: what a member of the group gets in a dump was NOT proved")
	}
	b := startCanaryStation(t)
	const member = 65534
	must(t, os.Chmod(b.Dir, 0o711))
	must(t, os.Chmod(b.DataPath(), 0o711))
	must(t, os.Chmod(b.ConfigPath(), 0o644))
	must(t, os.Chmod(filepath.Join(b.Dir, "site.toml"), 0o644))
	must(t, os.Chown(b.SocketPath(), 0, member))
	out := filepath.Join(b.Dir, "member")
	must(t, os.Mkdir(out, 0o700))
	must(t, os.Chown(out, member, member))
	binary := filepath.Join(b.Dir, "stationd") // the test's own folder is not everybody's
	// Copied by another process: a file that this one has open for writing when it starts a
	// process is busy for as long as that has it, too.
	self, err := os.Executable()
	must(t, err)
	must(t, exec.CommandContext(t.Context(), "install", "-m", "755", self, binary).Run())
	file := filepath.Join(out, "dump.tar.gz")
	c := exec.CommandContext(t.Context(), binary, "dump", "--config", b.ConfigPath(), "-o", file)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: member, Gid: member}}
	c.Dir = out
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	parts := readDump(t, file)
	for part, text := range map[string]string{
		"CONTENTS.txt":  "permission denied", // the folder of the outbox
		"state.json":    `"Held": 1`,
		"outbox.jsonl":  "dispatch.open",
		"log.txt":       heardReady,
		"metrics.txt":   "\nstationd_outbox_held 1\n",
		"history.jsonl": "maintenance.press",
	} {
		if !strings.Contains(parts[part], text) {
			t.Errorf("%s has no %q:\n%.2000s", part, text, parts[part])
		}
	}
}

func TestADumpIsBounded(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	must(t, b.Cable(false))
	long := strings.Repeat("7", 200)
	for range 1100 {
		_, err := b.Control().Ask(t.Context(), station.ActionRequest{Backend: "l2l", Verb: "dispatch.add", With: map[string]string{
			"machine": "SEAL-1", "trade": "MECH", "type": "MAINT", "description": long, "reported": "2026-03-02 06:00", "completed": "2026-03-02 06:10"}})
		must(t, err)
	}
	file := filepath.Join(b.Dir, "full.tar.gz")
	if out, code := runProgram(t, b, "dump", "--config", b.ConfigPath(), "-o", file); code != 0 {
		t.Fatalf("%d:\n%s", code, out)
	}
	parts := readDump(t, file)
	if n := strings.Count(parts["outbox.jsonl"], `{"entry":`); n != 1000 || !strings.Contains(parts["outbox.jsonl"], `"waiting":1100`) {
		t.Errorf("%d entries are in it:\n%.500s", n, parts["outbox.jsonl"])
	}
}
