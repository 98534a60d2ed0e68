package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/queue"
	"stationd/internal/station"
)

// canaryL2L and canaryLagerkoll are keys that occur nowhere else, in whatever encoding;
// canary is what both begin with.
const canaryL2L, canaryLagerkoll, canary = "canary+l2l/7f3c", "canary+lagerkoll/91ab", "canary"

// TestVendorScript runs the vendors' commands as an integrator types them, beside a
// station of its own process and the plant. In a script
//
//	power on|off        starts the station, or stops it in order
//	cable in|out        plugs the network in, or pulls it
//	fault KIND WHERE    strikes the next request there
//	technician WHAT ID  completes or closes a dispatch in L2L
//
// What the commands print never holds a key.
func TestVendorScript(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the vendors' commands beside a whole station were NOT proved: it takes its time")
	}
	testscript.RunT(verboseT{t}, testscript.Params{
		Dir:                "testdata/vendor",
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			b, err := openScriptStation(t.Context(), env)
			if err != nil {
				return err
			}
			env.Setenv("CONFIG", b.ConfigPath())
			env.Values[scriptKey{}] = b
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"power": scriptCommand(1, func(b *demo.Simulation, args []string) error {
				if args[0] == "on" {
					return b.Power(t.Context(), true)
				}
				return b.Stop()
			}),
			"cable":      scriptCommand(1, func(b *demo.Simulation, args []string) error { return b.Cable(args[0] == "in") }),
			"technician": scriptCommand(2, func(b *demo.Simulation, args []string) error { return actOnDispatch(t.Context(), b, args[0], args[1]) }),
			"fault": scriptCommand(2, func(b *demo.Simulation, args []string) error {
				b.Plant.AddFault(plant.Fault{Kind: plant.FaultKind(args[0]), Where: args[1], Next: 1, Text: "no"})
				return nil
			}),
		},
	})
}

// scriptKey is the key of a script's simulation.
type scriptKey struct{}

// scriptCommand is a command of a script that does something to its simulation.
func scriptCommand(args int, do func(*demo.Simulation, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, said []string) {
		if neg || len(said) != args {
			ts.Fatalf("this command takes %d words, and no !", args)
		}
		b, _ := ts.Value(scriptKey{}).(*demo.Simulation)
		ts.Check(do(b, said))
	}
}

// openScriptStation opens a simulation whose station is off.
func openScriptStation(ctx context.Context, env *testscript.Env) (*demo.Simulation, error) {
	binary, err := exec.LookPath("stationd") // the test binary itself, see TestMain
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "stationd-box-")
	if err != nil {
		return nil, err
	}
	setting := demo.Config{Dir: dir, Command: []string{binary}, Plant: plant.Demo(), Settle: 300 * time.Millisecond, Rate: "60000/min", Watch: 200 * time.Millisecond}
	setting.Plant.PerMinute = 1_000_000
	setting.Plant.L2LKey, setting.Plant.APIKey = canaryL2L, canaryLagerkoll
	b, err := demo.Open(ctx, setting)
	if err != nil {
		return nil, err
	}
	env.Defer(func() {
		err := b.Close()
		nobody := func(text string) bool { return strings.Contains(text, "NOSUCH") } // it is asked for on purpose
		if c := slices.DeleteFunc(b.Plant.Complaints(), nobody); len(c) > 0 {
			err = errors.Join(err, fmt.Errorf("the plant complains: %q", c))
		}
		if _, absent := os.Stat(b.OutboxPath()); absent == nil && err == nil {
			err = queue.VerifyFile(b.OutboxPath())
		}
		_ = os.RemoveAll(dir)
		if err != nil {
			env.T().Fatal(err)
		}
	})
	return b, nil
}

// actOnDispatch has somebody in L2L complete or close a dispatch, with the plant's own
// key and without this station.
func actOnDispatch(ctx context.Context, b *demo.Simulation, what, id string) error {
	form := url.Values{"auth": {canaryL2L}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.Plant.L2LURL()+"dispatches/"+what+"/"+id+"/", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && !bytes.Contains(text, []byte(`"success":true`)) && !bytes.Contains(text, []byte(`"success": true`)) {
		err = fmt.Errorf("L2L answers the technician %s", text)
	}
	return err
}

// verboseT runs scripts and reads everything that their commands print.
type verboseT struct{ *testing.T }

func (w verboseT) Verbose() bool { return true } // or the log would leave out what went well

func (w verboseT) Log(args ...any) {
	text := fmt.Sprint(args...)
	if at := strings.Index(strings.ToLower(text), canary); at >= 0 {
		w.Errorf("a command shows a key: …%q…", text[max(0, at-60):min(len(text), at+40)])
	}
	if testing.Verbose() || w.Failed() {
		w.T.Log(text)
	}
}

func (w verboseT) Run(name string, run func(testscript.T)) {
	w.T.Run(name, func(t *testing.T) { run(verboseT{t}) })
}

// The table of coverage promises a command for each operation; here is where the
// commands are.
func TestEveryOperationHasTheCommandThatTheTableNames(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "coverage.md"))
	must(t, err)
	rows := regexp.MustCompile("`stationd ([^`]+)`").FindAllStringSubmatch(string(page), -1)
	if len(rows) < 30 {
		t.Fatalf("only %d commands are in the table", len(rows))
	}
	for _, row := range rows {
		var words []string
		for word := range strings.FieldsSeq(row[1]) {
			if !strings.ContainsAny(word, "=[") && word != strings.ToUpper(word) && word[0] != '-' { // all but what is told
				words = append(words, word)
			}
		}
		c, rest, err := commands().Find(words)
		if err != nil || len(rest) > 0 || !c.Runnable() || len(words) < 2 || c.Name() != words[len(words)-1] {
			t.Errorf("there is no command stationd %s", row[1])
		}
	}
}

func TestATechnicianCompletesTheCallAndTheLampGoesOut(t *testing.T) {
	t.Parallel()
	b := startStation(t, func(s *demo.Config) {
		s.Watch = 100 * time.Millisecond
		s.Plant.L2LKey = canaryL2L
	})
	shows := func(l station.Light) func() bool {
		return func() bool {
			now, ok := b.Lamps.Light(demo.PinRed)
			return ok && now == l
		}
	}
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, demo.Until(t.Context(), "the red lamp is steady: the call is at the vendor", shows(station.Steady)))
	found := b.Plant.Dispatches()
	if len(found) != 1 {
		t.Fatalf("the plant has %+v", found)
	}
	waitRecorded(t, b, "l2l.dispatch.closed", func() { must(t, actOnDispatch(t.Context(), b, "complete", fmt.Sprint(found[0].ID))) })
	must(t, demo.Until(t.Context(), "the red lamp is out", shows(station.Off)))
	calls, err := b.Control().Calls(t.Context())
	if err != nil || len(calls) != 0 {
		t.Errorf("open calls: %+v, %v", calls, err)
	}
	if n := len(b.Plant.Dispatches()); n != 1 {
		t.Errorf("the plant has %d dispatches", n)
	}
}
