package matrix

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/plant"
)

var update = flag.Bool("update", false, "write docs/guarantees.md anew")

// rounds is how much more than usual is to be proved: STATIOND_ROUNDS, 0 where it
// is not set.
func rounds() int {
	n, _ := strconv.Atoi(os.Getenv("STATIOND_ROUNDS"))
	return n
}

// results are ends by sample and fault.
type results struct {
	mu  sync.Mutex
	end map[[2]string]end
}

func (r *results) add(s sample, f fault, e end) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end == nil {
		r.end = make(map[[2]string]end)
	}
	r.end[[2]string{s.name, f.name}] = e
}

func (r *results) of(s sample, f fault) (end, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.end[[2]string{s.name, f.name}]
	return e, ok
}

// A site is the plant with one assumption put to another position.
type site struct {
	plant.Switch
	to plant.Position
}

func (s site) name() string { return fmt.Sprintf("A%d %s %s", s.Number, s.Assumption, s.to) }

// sites lists every plant with one assumption that does not hold.
func sites() (all []site) {
	for _, s := range plant.Switches() {
		for _, to := range s.Positions {
			all = append(all, site{s, to})
		}
	}
	return all
}

// concerns reports whether the assumption is about the sample's vendor.
// docs/assumptions.md numbers L2L's up to 39.
func (s site) concerns(one sample) bool { return (s.Number < 40) == (one.backend == "l2l") }

// usual reports whether a fault is tried at every site in every run of the tests:
// nothing, an effect without an answer, a request without an effect, and of the
// rest one for each site and sample, so that a run meets each fault somewhere.
func usual(site, sample, fault int) bool {
	all := faults()
	switch all[fault].name {
	case "nothing", "the answer is lost after the effect", "the connection is torn before the effect":
		return true
	}
	return (site*len(samples())+sample)%len(all) == fault
}

// TestMatrix tries every verb against every fault, and again at plants that are
// not as we assume, and keeps the account of it in docs/guarantees.md.
func TestMatrix(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("that each action ends once or held, whatever goes wrong, was NOT proved: thousands of outboxes take their time")
	}
	var standing results
	other := make([]results, len(sites()))
	t.Run("at a plant as we assume", func(t *testing.T) {
		for _, s := range samples() {
			for _, f := range faults() {
				t.Run(s.name+"/"+f.name, func(t *testing.T) {
					t.Parallel()
					standing.add(s, f, run(t, s, f, site{}))
				})
			}
		}
	})
	left := 0
	t.Run("at a plant that is not as we assume", func(t *testing.T) {
		for i, at := range sites() {
			for j, s := range samples() {
				if !at.concerns(s) {
					continue
				}
				for k, f := range faults() {
					if rounds() == 0 && !usual(i, j, k) {
						left++
						continue
					}
					t.Run(at.name()+"/"+s.name+"/"+f.name, func(t *testing.T) {
						t.Parallel()
						e := run(t, s, f, at)
						if usual(i, j, k) {
							other[i].add(s, f, e)
						}
					})
				}
			}
		}
	})
	if left > 0 {
		t.Logf("NOT tried: %d combinations of a verb, a fault and an assumption that does not hold; make matrix tries all", left)
	}
	if t.Failed() {
		return
	}
	const path = "../../docs/guarantees.md"
	want := guarantees(&standing, other)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil { //nolint:gosec // a page for everybody
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(have), want); d != "" {
		t.Errorf("docs/guarantees.md does not say what was found (go test ./internal/matrix -update writes it):\n%s", d)
	}
}
