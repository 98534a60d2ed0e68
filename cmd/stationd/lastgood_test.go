package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/exit"
)

// commandOf runs a command of the station's own program and returns what it says and
// its exit code.
func commandOf(t *testing.T, b *demo.Simulation, args ...string) (said string, code int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), b.Command[0], args...)
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}

func TestAReloadThatIsRejectedIsSeenEverywhere(t *testing.T) {
	t.Parallel()
	b := floor(t, nil)
	const good, bad = `type = "MAINT"`, `type = "MAINT", colour = "red"`
	edit(t, b, good, bad)
	said, code := commandOf(t, b, "reload", "--config", b.ConfigPath())
	if code != exit.Config || !strings.Contains(said, `unknown key "colour"`) || !strings.Contains(said, "nothing was taken up") {
		t.Errorf("stationd reload ended with %d and said:\n%s", code, said)
	}
	misses(t, b, "configuration", `unknown key "colour"`)
	said, _ = commandOf(t, b, "doctor", "--config", b.ConfigPath())
	if !strings.Contains(said, `unknown key "colour"`) || !strings.Contains(said, "the running station") {
		t.Errorf("doctor says:\n%s", said)
	}

	edit(t, b, bad, good)
	edit(t, b, "pin  = 22", "pin  = 25")
	said, code = commandOf(t, b, "reload", "--config", b.ConfigPath())
	if code != exit.Config || !strings.Contains(said, "a change of [[lamp]] red: pin needs a restart") {
		t.Errorf("stationd reload ended with %d and said:\n%s", code, said)
	}
	misses(t, b, "configuration", "[[lamp]] red: pin needs a restart")

	edit(t, b, "pin  = 25", "pin  = 22")
	said, code = commandOf(t, b, "reload", "--config", b.ConfigPath())
	if code != 0 || !strings.Contains(said, "is in force") {
		t.Errorf("stationd reload ended with %d and said:\n%s", code, said)
	}
	misses(t, b, "configuration", "")
	must(t, b.Power(t.Context(), false))
	if said, code = commandOf(t, b, "reload", "--config", b.ConfigPath()); code != exit.Failure || !strings.Contains(said, "no stationd answers") {
		t.Errorf("without a station stationd reload ended with %d and said:\n%s", code, said)
	}
}

func TestAStartWithAFaultyFileRunsTheLastGoodOne(t *testing.T) {
	t.Parallel()
	whole := func(t *testing.T, b *demo.Simulation) []byte {
		t.Helper()
		text, err := os.ReadFile(b.ConfigPath())
		must(t, err)
		return text
	}
	for name, c := range map[string]struct {
		spoil func(t *testing.T, b *demo.Simulation, text []byte) []byte
		says  string
	}{
		"a key that is unknown": {func(_ *testing.T, _ *demo.Simulation, text []byte) []byte {
			return bytes.Replace(text, []byte("[web]"), []byte("[web]\nlissten = 1"), 1)
		}, `unknown key "lissten"`},
		"a quotation mark that is missing": {func(_ *testing.T, _ *demo.Simulation, text []byte) []byte {
			return bytes.Replace(text, []byte(`trade   = "MECH"`), []byte(`trade   = "MECH`), 1)
		}, "closing quote is missing"},
		"half a file": {func(_ *testing.T, _ *demo.Simulation, text []byte) []byte { return text[:len(text)*2/3] }, ":"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := floor(t, nil)
			text := whole(t, b)
			must(t, b.Power(t.Context(), false))
			must(t, os.WriteFile(b.ConfigPath(), c.spoil(t, b, text), 0o600))
			must(t, b.Power(t.Context(), true))
			misses(t, b, "configuration", c.says)
			pressed(t, b, "maintenance.press", demo.PinMaintenance)
			must(t, b.WaitDelivered(t.Context()))
			must(t, os.WriteFile(b.ConfigPath(), text, 0o600))
			if said, code := commandOf(t, b, "reload", "--config", b.ConfigPath()); code != 0 {
				t.Errorf("stationd reload ended with %d and said:\n%s", code, said)
			}
			misses(t, b, "configuration", "")
		})
	}
	t.Run("what a reload put in force is the last good one", func(t *testing.T) {
		t.Parallel()
		b := floor(t, nil)
		edit(t, b, `"Help needed at {station}"`, `"Hurry"`)
		reload(t, b, heardReload)
		kept, err := os.ReadFile(filepath.Join(b.DataPath(), "last-good.toml"))
		must(t, err)
		if !bytes.Contains(kept, []byte(`"Hurry"`)) || !bytes.HasPrefix(kept, []byte("# Kept by stationd")) {
			t.Errorf("it is:\n%s", kept)
		}
		if info, err := os.Stat(filepath.Join(b.DataPath(), "last-good.toml")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		edit(t, b, `"Hurry"`, `"Hurry", colour = "red"`)
		reload(t, b, heardStays)
		if again, err := os.ReadFile(filepath.Join(b.DataPath(), "last-good.toml")); err != nil || !bytes.Equal(again, kept) {
			t.Errorf("what was rejected is kept: %v\n%s", err, again)
		}
	})
	t.Run("a station that may not ends with 78, and so does one that never ran", func(t *testing.T) {
		t.Parallel()
		b := floor(t, func(s *demo.Config) {})
		edit(t, b, "[web]", "last_good = false\n[web]")
		reload(t, b, heardReload)
		must(t, b.Power(t.Context(), false))
		edit(t, b, "[web]", "[web]\nlissten = 1")
		said, code := commandOf(t, b, "run", "--config", b.ConfigPath())
		if code != exit.Config || !strings.Contains(said, "lissten") {
			t.Errorf("it ended with %d and said:\n%s", code, said)
		}
		edit(t, b, "last_good = false\n", "")
		must(t, os.Remove(filepath.Join(b.DataPath(), "last-good.toml")))
		if said, code = commandOf(t, b, "run", "--config", b.ConfigPath()); code != exit.Config || !strings.Contains(said, "lissten") {
			t.Errorf("it ended with %d and said:\n%s", code, said)
		}
	})
	t.Run("what was kept of another file is not taken", func(t *testing.T) {
		t.Parallel()
		b := floor(t, nil)
		must(t, b.Power(t.Context(), false))
		other := filepath.Join(b.Dir, "other.toml")
		must(t, os.WriteFile(other, append(whole(t, b), "[web]\n"...), 0o600))
		if said, code := commandOf(t, b, "run", "--config", other); code != exit.Config {
			t.Errorf("it ended with %d and said:\n%s", code, said)
		}
	})
}

func TestTheCommandsFindARunningStationBesideAFaultyFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		forget bool // the last good configuration cannot be read, as by a member of the group
		power  bool
		code   int
	}{
		"by the last good configuration":            {power: true},
		"by the socket alone":                       {power: true, forget: true},
		"by the last good one where none runs":      {},
		"nobody knows where it is and none answers": {forget: true, code: exit.Config},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := floor(t, nil)
			must(t, b.Cable(false))
			pressed(t, b, "maintenance.press", demo.PinMaintenance)
			edit(t, b, `type = "MAINT"`, `type = "MAINT", colour = "red"`)
			if c.forget {
				must(t, os.Remove(filepath.Join(b.DataPath(), "last-good.toml")))
			}
			if !c.power {
				must(t, b.Power(t.Context(), false))
			}
			for _, args := range [][]string{{"outbox", "ls"}, {"outbox", "summary"}, {"outbox", "verify"}, {"call", "ls"}} {
				said, code := commandOf(t, b, append(args, "--config", b.ConfigPath())...)
				if code != c.code || !strings.Contains(said, "fault") {
					t.Errorf("%v ended with %d and said:\n%s", args, code, said)
				}
				if args[0] == "outbox" && args[1] == "ls" && code == 0 && !strings.Contains(said, "waiting") {
					t.Errorf("%v does not show what waits:\n%s", args, said)
				}
			}
		})
	}
	t.Run("a file that is not there is nobody's", func(t *testing.T) {
		t.Parallel()
		b := floor(t, nil)
		if said, code := commandOf(t, b, "outbox", "ls", "--config", b.ConfigPath()+"x"); code != exit.Config {
			t.Errorf("it ended with %d and said:\n%s", code, said)
		}
	})
}
