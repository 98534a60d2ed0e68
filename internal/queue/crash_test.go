package queue

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stationd/internal/station"
)

// recordForEver records, and delivers to a vendor whose books outlive the
// process: a file that is written before the answer is given.
func recordForEver(path string) error {
	clock := board("boot-1")
	box, err := Open(path, Setting{
		Size: 4 << 20, Stamp: clock, Program: program,
		Settle: func(string) time.Duration { return 0 }, // what is not in the books did not arrive
	})
	if err != nil {
		return err
	}
	done, err := books(path)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+".books", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	vendor := &vendor{done: done, answer: func(d station.Delivery) (bool, station.Receipt) {
		if _, err := fmt.Fprintln(f, d.ID); err != nil {
			return false, station.Receipt{Outcome: station.Unreached, Err: err}
		}
		return true, station.Receipt{Outcome: station.Delivered, Ref: "ref-" + d.ID.Short()}
	}}
	for range 2 {
		go func() { _ = box.Run(context.Background(), "l2l", vendor) }()
	}
	for i := 0; ; i++ {
		source, kind, code := "hand", station.Scan, fmt.Sprintf("%d/n%d", i%3, i)
		if i%10 == 9 {
			source, kind, code = "red", []string{station.Press, station.Hold}[i/10%2], ""
		}
		done, err := box.Record(station.Event{Source: source, Kind: kind, Code: code, At: clock(time.Now())})
		if err != nil {
			return err
		}
		for _, id := range done.Entries {
			fmt.Println(id)
		}
	}
}

// books reads what the vendor has done.
func books(path string) ([]station.ID, error) {
	text, err := os.ReadFile(path + ".books")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var ids []station.ID
	for line := range strings.Lines(string(text)) {
		ids = append(ids, station.ID(strings.TrimSuffix(line, "\n")))
	}
	return ids, nil
}

func TestSIGKILL(t *testing.T) {
	t.Parallel()
	t.Run("SIGKILL at random moments: nothing acknowledged is lost, and the outbox is sound", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "outbox.db")
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		moments := rand.New(rand.NewPCG(seed, 0))
		rounds := rounds(50)
		var recorded []station.ID
		for round := range rounds {
			for line := range strings.Lines(killed(t, path, moments)) {
				if id, whole := strings.CutSuffix(line, "\n"); whole { // else the kill cut it off
					recorded = append(recorded, station.ID(id))
				}
			}
			if err := VerifyFile(path); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		if len(recorded) < rounds {
			t.Fatalf("only %d entries acknowledged in %d rounds: too little to prove anything", len(recorded), rounds)
		}
		effects, err := books(path)
		if err != nil {
			t.Fatal(err)
		}
		there := make(map[station.ID]int)
		for _, id := range effects {
			if there[id]++; there[id] > 1 {
				t.Errorf("entry %s took effect %d times", id, there[id])
			}
		}
		c, err := ReadContents(path, station.NoLimit())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.Entries {
			there[e.ID]++
		}
		for _, id := range recorded {
			if there[id] == 0 {
				t.Errorf("entry %s was acknowledged and is lost", id)
			}
		}
		t.Logf("%d entries acknowledged, %d delivered, %d rounds", len(recorded), len(effects), rounds)
	})
}

// killed runs the recording process until a random moment, and returns what it
// said before it was killed.
func killed(t *testing.T, path string, moments *rand.Rand) string {
	t.Helper()
	child := again(t.Context(), t, "record for ever", path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	lines := bufio.NewReader(out)
	for n := 1 + moments.IntN(60); n > 0; n-- {
		line, err := lines.ReadString('\n')
		said.WriteString(line)
		if err != nil {
			break
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := lines.WriteTo(&said); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Fatal("it was not killed")
	}
	return said.String()
}
