package main

import (
	"os"
	"path/filepath"
	"testing"

	"stationd/internal/verify"
)

// The process that looks at an outbox for another is answered before the commands are put
// together. It must say what the command says.
func TestTheVerifierSaysWhatTheCommandSays(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	must(t, b.Power(t.Context(), true))
	scanAndWait(t, b, "PO4711")
	must(t, b.Stop())
	sound, err := os.ReadFile(b.OutboxPath())
	must(t, err)
	dir := t.TempDir()
	files := map[string][]byte{"sound": sound, "none": []byte("not an outbox"), "empty": {}}
	for name, content := range files {
		must(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	// In a process of its own: it ends itself after a minute.
	say := func(args ...string) (said string, code int) { return runProgram(t, b, args...) }
	for _, name := range []string{"sound", "none", "empty", "absent"} {
		path := filepath.Join(dir, name)
		asked := []string{"outbox", "verify", "--file", path, "--quick"}
		if _, _, requested := verify.Requested(asked); !requested {
			t.Fatalf("%q is not what a station asks", asked)
		}
		at, code := say(asked...)
		other, otherCode := say("outbox", "verify", "--quick", "--file="+path)
		if at != other || code != otherCode {
			t.Errorf("%s: asked by a station it says %d %q, and as a command %d %q", name, code, at, otherCode, other)
		}
		if (code == 0) != (name == "sound") {
			t.Errorf("%s: exit code %d: %s", name, code, at)
		}
	}
	for _, others := range [][]string{{"outbox", "verify"}, {"outbox", "verify", "--file", "x", "--json"}, {"outbox", "verify", "--file", "x", "--quick", "y"}, {"outbox", "ls", "--file", "x"}} {
		if _, _, requested := verify.Requested(others); requested {
			t.Errorf("%q is taken for what a station asks", others)
		}
	}
}
