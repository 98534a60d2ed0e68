package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/exit"
)

func TestAReloadThatIsRejectedIsSeenEverywhere(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	const good, bad = `type = "MAINT"`, `type = "MAINT", colour = "red"`
	editConfig(t, b, good, bad)
	said, code := runProgram(t, b, "reload", "--config", b.ConfigPath())
	if code != exit.Config || !strings.Contains(said, `unknown key "colour"`) || !strings.Contains(said, "nothing was taken up") {
		t.Errorf("stationd reload ended with %d and said:\n%s", code, said)
	}
	expectFault(t, b, "configuration", `unknown key "colour"`)
	said, _ = runProgram(t, b, "doctor", "--config", b.ConfigPath())
	if !strings.Contains(said, `unknown key "colour"`) || !strings.Contains(said, "the running station") {
		t.Errorf("doctor says:\n%s", said)
	}

	editConfig(t, b, bad, good)
	editConfig(t, b, "pin  = 22", "pin  = 25")
	said, code = runProgram(t, b, "reload", "--config", b.ConfigPath())
	if code != exit.Config || !strings.Contains(said, "a change of [[lamp]] red: pin needs a restart") {
		t.Errorf("stationd reload ended with %d and said:\n%s", code, said)
	}
	expectFault(t, b, "configuration", "[[lamp]] red: pin needs a restart")

	editConfig(t, b, "pin  = 25", "pin  = 22")
	said, code = runProgram(t, b, "reload", "--config", b.ConfigPath())
	if code != 0 || !strings.Contains(said, "is in force") {
		t.Errorf("stationd reload ended with %d and said:\n%s", code, said)
	}
	expectFault(t, b, "configuration", "")
	must(t, b.Power(t.Context(), false))
	if said, code = runProgram(t, b, "reload", "--config", b.ConfigPath()); code != exit.Failure || !strings.Contains(said, "no stationd answers") {
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
			b := startStation(t, nil)
			text := whole(t, b)
			must(t, b.Power(t.Context(), false))
			must(t, os.WriteFile(b.ConfigPath(), c.spoil(t, b, text), 0o600))
			must(t, b.Power(t.Context(), true))
			expectFault(t, b, "configuration", c.says)
			pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
			must(t, b.WaitDelivered(t.Context()))
			must(t, os.WriteFile(b.ConfigPath(), text, 0o600))
			if said, code := runProgram(t, b, "reload", "--config", b.ConfigPath()); code != 0 {
				t.Errorf("stationd reload ended with %d and said:\n%s", code, said)
			}
			expectFault(t, b, "configuration", "")
		})
	}
	t.Run("what a reload put in force is the last good one", func(t *testing.T) {
		t.Parallel()
		b := startStation(t, nil)
		editConfig(t, b, `"Help needed at {station}"`, `"Hurry"`)
		reloadStation(t, b, heardReload)
		kept, err := os.ReadFile(filepath.Join(b.DataPath(), "last-good.toml"))
		must(t, err)
		if !bytes.Contains(kept, []byte(`"Hurry"`)) || !bytes.HasPrefix(kept, []byte("# Kept by stationd")) {
			t.Errorf("it is:\n%s", kept)
		}
		if info, err := os.Stat(filepath.Join(b.DataPath(), "last-good.toml")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		editConfig(t, b, `"Hurry"`, `"Hurry", colour = "red"`)
		reloadStation(t, b, heardStays)
		if again, err := os.ReadFile(filepath.Join(b.DataPath(), "last-good.toml")); err != nil || !bytes.Equal(again, kept) {
			t.Errorf("what was rejected is kept: %v\n%s", err, again)
		}
	})
	t.Run("a station that may not ends with 78, and so does one that never ran", func(t *testing.T) {
		t.Parallel()
		b := startStation(t, func(s *demo.Config) {})
		editConfig(t, b, "[web]", "last_good = false\n[web]")
		reloadStation(t, b, heardReload)
		must(t, b.Power(t.Context(), false))
		editConfig(t, b, "[web]", "[web]\nlissten = 1")
		said, code := runProgram(t, b, "run", "--config", b.ConfigPath())
		if code != exit.Config || !strings.Contains(said, "lissten") {
			t.Errorf("it ended with %d and said:\n%s", code, said)
		}
		editConfig(t, b, "last_good = false\n", "")
		must(t, os.Remove(filepath.Join(b.DataPath(), "last-good.toml")))
		if said, code = runProgram(t, b, "run", "--config", b.ConfigPath()); code != exit.Config || !strings.Contains(said, "lissten") {
			t.Errorf("it ended with %d and said:\n%s", code, said)
		}
	})
	t.Run("what was kept of another file is not taken", func(t *testing.T) {
		t.Parallel()
		b := startStation(t, nil)
		must(t, b.Power(t.Context(), false))
		other := filepath.Join(b.Dir, "other.toml")
		must(t, os.WriteFile(other, append(whole(t, b), "[web]\n"...), 0o600))
		if said, code := runProgram(t, b, "run", "--config", other); code != exit.Config {
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
			b := startStation(t, nil)
			must(t, b.Cable(false))
			pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
			editConfig(t, b, `type = "MAINT"`, `type = "MAINT", colour = "red"`)
			if c.forget {
				must(t, os.Remove(filepath.Join(b.DataPath(), "last-good.toml")))
			}
			if !c.power {
				must(t, b.Power(t.Context(), false))
			}
			for _, args := range [][]string{{"outbox", "ls"}, {"outbox", "summary"}, {"outbox", "verify"}, {"call", "ls"}} {
				said, code := runProgram(t, b, append(args, "--config", b.ConfigPath())...)
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
		b := startStation(t, nil)
		if said, code := runProgram(t, b, "outbox", "ls", "--config", b.ConfigPath()+"x"); code != exit.Config {
			t.Errorf("it ended with %d and said:\n%s", code, said)
		}
	})
}
