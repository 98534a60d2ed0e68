package gpio

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

// patient is how long a test on a real socket waits for what must come.
const patient = 5 * time.Second

// newSim runs a Sim for the length of the test. The returned channel carries
// what happened to the outputs; stop ends the Sim.
func newSim(t testing.TB) (sim *Sim, path string, seen chan string, stop context.CancelFunc) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "sim")
	seen = make(chan string, 100)
	sim, err := ListenSim(path, func(pin int, isHigh bool) { seen <- level(isHigh) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- sim.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
	return sim, path, seen, stop
}

func TestASimulatedChipIsRefusedOutsideTheDemo(t *testing.T) {
	t.Setenv(demoVariable, "") // so it cannot run beside others
	_, err := Open(Panel{Chips: Chips{Chip: "sim:/nowhere"}, Buttons: []Button{red}}, nil, silent())
	if err == nil || !strings.Contains(err.Error(), "for the demo alone") {
		t.Errorf("Open returned %v", err)
	}
}

func TestAStationOnASimulatedChip(t *testing.T) {
	t.Setenv(demoVariable, "1") // so it cannot run beside others
	sim, path, seen, stop := newSim(t)
	board, err := Open(Panel{Chips: Chips{Chip: simPrefix + path}, Buttons: []Button{red}, Lamps: []Lamp{redLamp}}, func(at time.Time) station.Stamp { return station.Stamp{Wall: at} }, silent())
	if err != nil {
		t.Fatal(err)
	}
	defer board.Close()
	told := make(chan string, 100)
	inputsEnded, lampsEnded := make(chan error, 1), make(chan error, 1)
	go func() { inputsEnded <- board.Banks()[0].Run(t.Context()) }()
	ctx, stopLamps := context.WithCancel(t.Context())
	defer stopLamps()
	go func() {
		_ = board.Run(t.Context(), func(ev station.Event) (station.Result, error) { // nil, when the test is over
			told <- ev.Name()
			return station.Result{}, nil
		})
	}()
	go func() { lampsEnded <- board.RunLamps(ctx) }()

	board.Show(map[string]station.Light{"red": station.Steady})
	if got := receive(t, seen); got != high || !sim.Level(5) {
		t.Fatalf("the lamp is %s", got)
	}
	// Nothing tells when the button is armed, so it is pressed until it is.
	for pressed := false; !pressed; {
		sim.Press(17)
		select {
		case name := <-told:
			if name != "red.press" {
				t.Fatalf("told %s", name)
			}
			pressed = true
		case <-time.After(200 * ms):
		}
		sim.Release(17)
		<-time.After(2 * defaultRelease)
	}

	stop()
	if err := receive(t, inputsEnded); err == nil || !strings.Contains(err.Error(), "gpio chip sim:"+path) {
		t.Errorf("Run returned %v when its chip was gone", err)
	}
	board.Show(nil)
	if err := receive(t, lampsEnded); err == nil {
		t.Error("RunLamps goes on without a chip")
	}
}

func receive[T any](t *testing.T, from chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patient):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func TestASimulatedChipAnswersWithItsLevelsAndThenItsEdges(t *testing.T) {
	t.Setenv(demoVariable, "1") // so it cannot run beside others
	sim, path, seen, _ := newSim(t)
	sim.Press(22) // before anybody is there
	c, err := dialSim(path)
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.inputs([]inputPin{{pin: 17, activeLow: true}, {pin: 22, activeLow: true}, {pin: 23}})
	if err != nil {
		t.Fatal(err)
	}
	if bits, err := in.levels(); err != nil || bits != 0b001 {
		t.Errorf("levels %03b, %v; want 001: 17 is up, 22 pressed, 23 down", bits, err)
	}
	if _, err := in.wait(minWait); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("waiting for nothing returned %v", err)
	}
	sim.Press(23)
	sim.Press(23) // it is down already
	sim.Release(22)
	sim.Press(5) // nobody has taken it
	for _, want := range []edge{{line: 2, high: true}, {line: 1, high: true}} {
		got, err := in.wait(patient)
		if err != nil {
			t.Fatal(err)
		}
		if got.at.IsZero() {
			t.Errorf("line %d changed at no time", got.line)
		}
		got.at = time.Time{}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(edge{})); diff != "" {
			t.Errorf("edge (-want +got):\n%s", diff)
		}
	}
	lamp, err := c.output(6)
	if err != nil {
		t.Fatal(err)
	}
	if err := lamp.set(true); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, seen); got != high {
		t.Errorf("the lamp's line is %s", got)
	}
	c.close()
	if got := receive(t, seen); got != low || sim.Level(6) {
		t.Errorf("when the station has gone the lamp's line is %s", got)
	}

	next, err := dialSim(path)
	if err != nil {
		t.Fatal(err)
	}
	defer next.close()
	in, err = next.inputs([]inputPin{{pin: 23}})
	if err != nil {
		t.Fatal(err)
	}
	if bits, err := in.levels(); err != nil || bits != 1 {
		t.Errorf("the next station finds the levels %b, %v; 23 is still pressed", bits, err)
	}
}

func TestTheBytesOfASimulatedChip(t *testing.T) {
	t.Parallel()
	sim, path, seen, _ := newSim(t)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patient)); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(conn)
	says := func(want string) {
		t.Helper()
		got, err := said.ReadString('\n')
		if err != nil || !regexp.MustCompile("^"+want+" [0-9]+\n$").MatchString(got) {
			t.Errorf("the chip says %q, %v; want %q and a time", got, err, want)
		}
	}
	io.WriteString(conn, "take 17 low\n")
	says("17 high")
	sim.Press(17)
	says("17 low")
	sim.Release(17)
	says("17 high")
	io.WriteString(conn, "drive 22 high\n")
	if got := receive(t, seen); got != high {
		t.Errorf("line 22 is %s", got)
	}
	io.WriteString(conn, "drive twenty-two high\n")
	if _, err := said.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after a line that it does not know the chip said %v", err)
	}
}

func TestAStationDoesNotTrustAStrangeChip(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"17\n", "17 up 5\n", "18 high 5\n", "-1 high 5\n", "17 high\n", "17 high soon\n", "17 high -5\n", "\n"} {
		near, far := net.Pipe()
		go func() {
			io.WriteString(far, text)
			far.Close()
		}()
		in := &simInputs{conn: near, places: map[int]int{17: 0}}
		if _, err := in.wait(patient); err == nil || !strings.Contains(err.Error(), "not a line of ours") {
			t.Errorf("%q: %v", text, err)
		}
		if _, err := in.levels(); err == nil {
			t.Errorf("after %q there are levels", text)
		}
	}
}

func TestALineThatComesInPiecesIsOneLine(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		io.WriteString(far, "17 hi")
		io.WriteString(far, "gh 1\n17 low 2\n17 h")
		io.WriteString(far, "igh 3\n")
		far.Close()
	}()
	in := &simInputs{conn: near, places: map[int]int{17: 0}}
	for _, want := range []bool{true, false, true} {
		if got, err := in.wait(patient); err != nil || got.high != want {
			t.Errorf("high %v, %v; want %v", got.high, err, want)
		}
	}
	// A pipe whose other end is gone says so when its deadline is set, or when it is read.
	if _, err := in.wait(patient); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("at the end: %v", err)
	}
}

func TestAPressThatIsReadLateIsAsLongAsItWas(t *testing.T) {
	t.Setenv(demoVariable, "1") // so it cannot run beside others
	sim, path, _, _ := newSim(t)
	chip, err := dialSim(path)
	if err != nil {
		t.Fatal(err)
	}
	defer chip.close()
	in, err := chip.inputs([]inputPin{{pin: 17}})
	if err != nil {
		t.Fatal(err)
	}
	const push = 40 * time.Millisecond
	sim.Press(17)
	<-time.After(push)
	sim.Release(17)
	down, err := in.wait(patient)
	if err != nil {
		t.Fatal(err)
	}
	up, err := in.wait(patient)
	if err != nil {
		t.Fatal(err)
	}
	if took := up.at.Sub(down.at); down.at.IsZero() || took < push {
		t.Errorf("a push of %v was one of %v", push, took)
	}
}

// A worn contact closes and opens, and a busy computer reads it a second later: at its first
// edge it is known to be open by now, and so to be no press.
func TestAContactThatBouncedIsKnownToBeOpenAtItsFirstEdge(t *testing.T) {
	t.Setenv(demoVariable, "1") // so it cannot run beside others
	sim, path, _, _ := newSim(t)
	chip, err := dialSim(path)
	if err != nil {
		t.Fatal(err)
	}
	defer chip.close()
	in, err := chip.inputs([]inputPin{{pin: 17}})
	if err != nil {
		t.Fatal(err)
	}
	open, err := in.levels()
	if err != nil {
		t.Fatal(err)
	}
	sim.Chatter(17, 4, 3*time.Millisecond, 2*time.Millisecond)
	for n := range 8 {
		e, err := in.wait(patient)
		if err != nil {
			t.Fatal(err)
		}
		if now, err := in.levels(); err != nil || now != open || e.high != (n%2 == 0) {
			t.Errorf("edge %d: it became high: %v; the level is %b, and %b while it is open (%v)", n, e.high, now, open, err)
		}
	}
}

func FuzzParseLevel(f *testing.F) {
	f.Add("17 high")
	f.Add("+5 low")
	f.Add("-1 high")
	f.Fuzz(func(t *testing.T, text string) {
		pin, isHigh, err := parseLevel(text)
		if err != nil {
			return
		}
		said := fmt.Sprintf("%d %s", pin, level(isHigh))
		if again, stillHigh, err := parseLevel(said); err != nil || again != pin || stillHigh != isHigh {
			t.Errorf("%q is said again as %q and read as line %d, %v: %v", text, said, again, stillHigh, err)
		}
	})
}
