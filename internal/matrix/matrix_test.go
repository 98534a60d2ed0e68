package matrix

import (
	"cmp"
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"stationd/internal/plant"
)

var update = flag.Bool("update", false, "write docs/guarantees.md, and with STATIOND_ROUNDS testdata/otherwise.txt too")

// rounds is how much more than usual is to be proved: STATIOND_ROUNDS, 0 where it
// is not set.
func rounds() int {
	n, _ := strconv.Atoi(os.Getenv("STATIOND_ROUNDS"))
	return n
}

// A combination is a row and a column of the matrix.
type combination struct{ sample, fault string }

// results are ends by combination, and what each rests on.
type results struct {
	mu          sync.Mutex // guards the fields below
	end         map[combination]end
	assumptions map[combination][]plant.Assumption
}

func (r *results) add(s sample, f fault, e end, assumptions []plant.Assumption) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end == nil {
		r.end, r.assumptions = make(map[combination]end), make(map[combination][]plant.Assumption)
	}
	at := combination{s.String(), f.name}
	r.end[at], r.assumptions[at] = e, assumptions
}

func (r *results) of(s sample, f fault) (end, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.end[combination{s.String(), f.name}]
	return e, ok
}

// A variant is the plant with one assumption put to another position, or the way by a relay.
type variant struct {
	plant.Switch
	to      plant.Position
	byRelay bool
	relays  int    // how many there are, where it is by one: one leads
	partner string // when a second station acts in the lane; "": there is none
}

func (at variant) name() string {
	if at.byRelay {
		return "by a relay"
	}
	return fmt.Sprintf("A%d %s %s", at.Number, at.Assumption, at.to)
}

// variants lists every plant with one assumption that does not hold.
func variants() (all []variant) {
	for _, s := range plant.Switches() {
		for _, to := range s.Positions {
			all = append(all, variant{Switch: s, to: to})
		}
	}
	return all
}

// affects reports whether a combination can end otherwise at the variant: whether
// any answer in it rests on the assumption. What the key's place rests on shows
// only where the key is put there.
func (at variant) affects(s sample, f fault, standing *results) bool {
	if at.Assumption == plant.KeyInHeader || at.Assumption == plant.KeyInBody {
		return s.backend == "l2l"
	}
	return slices.Contains(standing.assumptions[combination{s.String(), f.name}], at.Assumption)
}

// sampled reports whether a combination is tried at a variant in every run of the
// tests: every one in which the answer is lost, and of the rest one in some, always
// the same.
func (at variant) sampled(s sample, f fault) bool {
	const oneIn = 10
	if f.name == "the answer is lost after the effect" {
		return true
	}
	h := fnv.New32a()
	fmt.Fprint(h, at.name(), s, f.name)
	return h.Sum32()%oneIn == 0
}

// TestMatrix tries every verb against every fault, and again at plants that are
// not as we assume, and keeps the account of it in docs/guarantees.md.
func TestMatrix(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("that each action ends once or held, whatever goes wrong, was NOT proved: thousands of outboxes take their time")
	}
	standing := tryAll(t)
	if t.Failed() {
		return
	}
	other := tryOtherwise(t, standing)
	if t.Failed() {
		return
	}
	if rounds() > 0 {
		compareFile(t, "testdata/otherwise.txt", differences(standing, variants(), other))
	}
	byRelay := tryByRelay(t, standing)
	if t.Failed() {
		return
	}
	if relayWhole() {
		compareFile(t, relayEnds, differences(standing, []variant{{byRelay: true}}, []results{{end: byRelay.end}}))
	}
	compareFile(t, "../../docs/guarantees.md", guarantees(standing, readOtherwise(t), readEnds(t, relayEnds), readKills(t), readNodes(t)))
}

// tryAll tries every combination at a plant as we assume.
func tryAll(t *testing.T) *results {
	t.Helper()
	var standing results
	t.Run("at a plant as we assume", func(t *testing.T) {
		for _, s := range samples() {
			for _, f := range faults() {
				if !s.meets(f) {
					continue
				}
				t.Run(s.String()+"/"+f.name, func(t *testing.T) {
					t.Parallel()
					e, assumptions := run(t, s, f, variant{})
					standing.add(s, f, e, assumptions)
				})
			}
		}
	})
	return &standing
}

// tryOtherwise tries what can end otherwise where one assumption does not hold:
// all of it where more is asked for than usual. It must end as
// testdata/otherwise.txt has it.
func tryOtherwise(t *testing.T, standing *results) []results {
	t.Helper()
	before, other := readOtherwise(t), make([]results, len(variants()))
	tried, left := 0, 0
	t.Run("at a plant that is not as we assume", func(t *testing.T) {
		for i, at := range variants() {
			for _, s := range samples() {
				for _, f := range faults() {
					switch {
					case !s.meets(f) || !at.affects(s, f, standing):
						continue
					case rounds() == 0 && !at.sampled(s, f):
						left++
						continue
					}
					tried++
					t.Run(at.name()+"/"+s.String()+"/"+f.name, func(t *testing.T) {
						t.Parallel()
						e, _ := run(t, s, f, at)
						other[i].add(s, f, e, nil)
						was, _ := standing.of(s, f)
						if want := cmp.Or(before[at.name()][combination{s.String(), f.name}], was.otherwise()); e.otherwise() != want && !*update {
							t.Errorf("it ends %s, and testdata/otherwise.txt says %s (STATIOND_ROUNDS=1 go test ./internal/matrix -run TestMatrix -update tries all and writes it)", e.otherwise(), want)
						}
					})
				}
			}
		}
	})
	t.Logf("%d combinations at a plant as we assume, %d at others", len(standing.end), tried)
	if left > 0 {
		t.Logf("NOT tried: %d combinations of a verb, a fault and an assumption that does not hold; make matrix tries all", left)
	}
	return other
}

// differences says what ends otherwise at which site, as testdata/otherwise.txt
// keeps it:
//
//	A8 limit-above-1 refused	dispatch.open, one at a time	undecided, done	500 after the effect; …
func differences(standing *results, all []variant, other []results) string {
	var b strings.Builder
	for i, at := range all {
		for _, s := range samples() {
			var ends []string
			by := make(map[string][]string)
			for _, f := range faults() {
				was, _ := standing.of(s, f)
				e, tried := other[i].of(s, f)
				if !tried || e.otherwise() == was.otherwise() {
					continue
				}
				if by[e.otherwise()] == nil {
					ends = append(ends, e.otherwise())
				}
				by[e.otherwise()] = append(by[e.otherwise()], f.name)
			}
			for _, e := range ends {
				fmt.Fprintf(&b, "%s\t%v\t%s\t%s\n", at.name(), s, e, strings.Join(by[e], "; "))
			}
		}
	}
	return b.String()
}

// readOtherwise reads testdata/otherwise.txt: the ends that differ, by site.
func readOtherwise(t *testing.T) map[string]map[combination]string {
	t.Helper()
	return readEnds(t, "testdata/otherwise.txt")
}

func readEnds(t *testing.T, path string) map[string]map[combination]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	all := make(map[string]map[combination]string)
	for line := range strings.Lines(string(text)) {
		part := strings.Split(strings.TrimSpace(line), "\t")
		if len(part) != 4 {
			t.Fatalf("%s: %q", path, line)
		}
		if all[part[0]] == nil {
			all[part[0]] = make(map[combination]string)
		}
		for fault := range strings.SplitSeq(part[3], "; ") {
			all[part[0]][combination{part[1], fault}] = part[2]
		}
	}
	return all
}

// compareFile compares a file with what it should say, or writes it.
func compareFile(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil { //nolint:gosec // a page for everybody
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(strings.Split(string(have), "\n"), strings.Split(want, "\n")); d != "" {
		t.Errorf("%s does not say what was found (go test ./internal/matrix -update writes it):\n%s", path, d)
	}
}
