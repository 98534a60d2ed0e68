package matrix

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// guarantees is docs/guarantees.md.
func guarantees(standing *results, otherwise, byRelay map[string]map[combination]string, kills map[kill]killCount, nodes string) string {
	var b strings.Builder
	b.WriteString(head)
	legend(&b)
	for _, vendor := range []struct{ backend, name string }{{"l2l", "L2L"}, {"lagerkoll", "Lagerkoll"}, {"webhook", "Webhook"}} {
		fmt.Fprintf(&b, "\n### %s\n", vendor.name)
		for _, group := range groups() {
			fmt.Fprintf(&b, "\n%s:\n\n", group.title)
			table(&b, vendor.backend, group.kinds, standing)
		}
	}
	b.WriteString("\n## Who or what could deceive the look\n\n" + lookupCaution + "\n| verb | after doubt it goes by | who or what could deceive it |\n|---|---|---|\n")
	for _, d := range lookups() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", d.verb, d.goesBy, d.misledBy)
	}
	reasons(&b, standing)
	ofRelay(&b, byRelay)
	killTables(&b, kills, nodes)
	assumptions(&b, standing, otherwise)
	return b.String()
}

const head = `# What is guaranteed, verb by verb

This page is written by the test that proves it: ` + "`go test ./internal/matrix -update`" + `. Each cell is one action, carried
by the real outbox and the real backend to the simulated plant, with one thing going wrong, and compared afterwards with
what the plant knows. Time-outs, settle times (60 s) and back-offs are the real ones.

Every verb that changes something is here, and a test fails when one is not. A verb that is tried once and never kept, as
` + "`picking_list.print`" + `, is not: nothing is guaranteed of it.

| in a cell | what it came to |
|---|---|
| ✓ | **once**: it is done, exactly once, and nobody is asked |
| ≈ | **another's**: a second user did the same, and that is taken for ours: it is done once. Only a second user causes it |
| = | **adopted**: somebody else's open dispatch was taken for the call, as ` + "`once`" + ` asks, and its close left theirs open |
| ✗ | **refused**: the vendor said no; held for a person, and it is *not done* |
| ? | **undecided**: held for a person because the vendor's records cannot tell; it is *not done* |
| ?✓ | **undecided**, and it is *done* |
| waits | it waits, and the page says for what: what is posted to can be asked nothing, not even whether it is the key |
| – | cannot happen: a request that only reads, or that has an id of its own, nobody else does; and of what is posted to only the status says that the key is wrong |

The same with ✓ behind it is *done*: that is what the plant knows and the station cannot, and it is why nothing is sent on a
guess. What is held says why, and a person chooses to retry or to discard. A retry of what may have arrived looks first,
for whatever reason it is held, and holds it again where the look cannot tell. A person who says that it is not there
(` + "`--not-there`" + `, or the button) without having looked at the vendor's own page may double it.

No cell says twice, lost, or that somebody else's call was closed: the test fails.

Three things no test can promise. An effect that comes later than the settle time (` + "`settle`" + `, 60 s) after the request was
given up is seen as absent and sent again: by the vendor or a proxy alone, for what was given up this station's own kernel sends
no more ([network.md](network.md)). Whoever changes the vendor's records between the attempt and the look can
deceive it, as a table below says. And a vendor who says yes and does nothing is believed.

## Every verb under every fault

`

const lookupCaution = `Of every verb: an effect that comes later than the settle time is sent once more. Before a verb was ever sent there is no
doubt, and none of this matters; what a look cannot tell is held.
`

// legend numbers the faults.
func legend(b *strings.Builder) {
	b.WriteString("| | what goes wrong |\n|---|---|\n")
	for i, f := range faults() {
		fmt.Fprintf(b, "| %d | %s |\n", i, f.name)
	}
}

type group struct {
	title string
	kinds []kind
}

func groups() []group {
	return []group{
		{"Nothing is wrong, or nothing reaches the vendor for a while", []kind{toNothing, toWay}},
		{"The acting request is struck", []kind{toRequest}},
		{"A second user does the same", []kind{bySecond}},
		{"It is held while it is in doubt, and a person retries it", []kind{toHeld}},
	}
}

func table(b *strings.Builder, backend string, kinds []kind, standing *results) {
	columns := 0
	b.WriteString("| verb |")
	for i, f := range faults() {
		if slices.Contains(kinds, f.kind) {
			fmt.Fprintf(b, " %d |", i)
			columns++
		}
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", columns) + "\n")
	for _, s := range samples() {
		if s.backend != backend {
			continue
		}
		fmt.Fprintf(b, "| %s |", s.titled())
		for _, f := range faults() {
			if slices.Contains(kinds, f.kind) {
				e, tried := standing.of(s, f)
				fmt.Fprintf(b, " %s |", e.sign(tried))
			}
		}
		b.WriteString("\n")
	}
}

func (s sample) titled() string {
	return strings.Replace(s.String(), s.verb, "`"+s.verb+"`", 1)
}

// sign is the end as a cell of the tables has it.
func (e end) sign(tried bool) string {
	signs := map[string]string{once: "✓", anothers: "≈", adopted: "=", "refused, not done": "✗", "undecided, not done": "?",
		"refused, done": "✗✓", "undecided, done": "?✓"}
	switch sign, known := signs[e.String()]; {
	case !tried:
		return "–"
	case known:
		return sign
	}
	return e.String()
}

// numbers are faults as the tables number them: 3, 8–12.
func numbers(of []string) string {
	var text []string
	from := -1
	for i, f := range append(faults(), fault{}) {
		in := slices.Contains(of, f.name)
		switch {
		case in && from < 0:
			from = i
		case !in && from == i-1 && from >= 0:
			text, from = append(text, strconv.Itoa(from)), -1
		case !in && from >= 0:
			text, from = append(text, fmt.Sprintf("%d–%d", from, i-1)), -1
		}
	}
	return strings.Join(text, ", ")
}

// aMark is an entry's mark, which is another in every run.
var aMark = regexp.MustCompile(`\[sd-[A-Z2-7]{10}\]`)

// anAge is how old an entry is when it is held, which goes by back-offs that are drawn.
var anAge = regexp.MustCompile(`it is [0-9hms]+ old`)

// anID is an entry's id, which is another in every run.
var anID = regexp.MustCompile(`[0-9a-f]{32}\.\d+`)

// reasons says in which words a person is told why an entry is held.
func reasons(b *strings.Builder, standing *results) {
	b.WriteString("\n## What the person is told\n\nWhy each of the above is held, in the words of the page and the command line:\n\n")
	for _, s := range samples() {
		told := make(map[string][]string)
		var order []string
		for _, f := range faults() {
			e, _ := standing.of(s, f)
			if e.word != isHeld {
				continue
			}
			text := anID.ReplaceAllString(anAge.ReplaceAllString(aMark.ReplaceAllString(e.reason, "[sd-…]"), "it is … old"), "…")
			if told[text] == nil {
				order = append(order, text)
			}
			told[text] = append(told[text], f.name)
		}
		if len(order) > 0 {
			fmt.Fprintf(b, "* %s\n", s.titled())
		}
		for _, text := range order {
			fmt.Fprintf(b, "  * %s: \"%s\"\n", numbers(told[text]), text)
		}
	}
}

// assumptions says what becomes different where one of docs/assumptions.md does
// not hold.
func assumptions(b *strings.Builder, standing *results, otherwise map[string]map[combination]string) {
	b.WriteString(`
## Where an assumption does not hold

Each assumption of [assumptions.md](assumptions.md) that can be switched was switched, one at a time, and everything tried
again that rests on it: the plant says which answers do. Never twice and never lost holds there too; what is *held*
or *waits* more often than above stands here, with the numbers of the faults (*all*: whatever happens, even nothing).
*Waits*: until the key is accepted, or until a person decides about the entry before; the page says which. *Misfit* is
held and was not sent, because it waited too long. *Once* is better than above. ` + "`make matrix`" + ` tries all of it, and every run
of the tests a part of it that is always the same.

In words, for those that bite:

* Where the key may not read ` + "`/batch`" + ` (A49), or what it says cannot be read, a trace with a batch or a serial is sent all the
  same: what was never sent can be sent without a guess. After a lost answer a person decides, because the one record that
  would tell is not shown, and the article's finished amount alone does not say whose it is. A serial that is traced
  already is then not noticed beforehand.
* Where orders cannot be searched (A50), an order is created all the same, and Lagerkoll itself refuses a reference that is
  taken. After a lost answer a person decides.
* Where L2L refuses a ` + "`limit`" + ` above 1 (A8), every dispatch in doubt is held: its list shows one, and the mark may be on the next.
* Where a wrong key is a plain no (A3), what is sent before the key is put right waits, or is held as refused, and goes
  back by itself when the right key is there and a read works again.
* Where L2L takes no ` + "`reported`" + ` (A12), a call is refused and held. Such a site cannot be told when an operator pressed.

| assumption | put to | what ends differently |
|---|---|---|
`)
	var silent []string
	for _, at := range variants() {
		name := fmt.Sprintf("A%d `%s`", at.Number, at.Assumption)
		if !at.affectsAny(standing) {
			if !slices.Contains(silent, name) {
				silent = append(silent, name)
			}
			continue
		}
		what := at.otherwise(otherwise[at.name()])
		if what == "" {
			what = "nothing"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", name, at.to, what)
	}
	fmt.Fprintf(b, "\nNothing that a verb does rests on %s.\n", strings.Join(silent, ", "))
}

func (at variant) affectsAny(standing *results) bool {
	for _, s := range samples() {
		for _, f := range faults() {
			if s.meets(f) && at.affects(s, f, standing) {
				return true
			}
		}
	}
	return false
}

// otherwise says what ends differently at the site: first the ends, then by which
// verbs and faults.
func (at variant) otherwise(ends map[combination]string) string {
	type differing struct{ end, faults string }
	var order []differing
	by := make(map[differing][]string)
	for _, s := range samples() {
		met := 0
		faultsOf := make(map[string][]string)
		var here []string
		for _, f := range faults() {
			if s.meets(f) {
				met++
			}
			if e := ends[combination{s.String(), f.name}]; e != "" {
				if faultsOf[e] == nil {
					here = append(here, e)
				}
				faultsOf[e] = append(faultsOf[e], f.name)
			}
		}
		for _, e := range here {
			d := differing{e, numbers(faultsOf[e])}
			if len(faultsOf[e]) == met {
				d.faults = "all"
			}
			if by[d] == nil {
				order = append(order, d)
			}
			by[d] = append(by[d], s.titled())
		}
	}
	var lines []string
	for _, d := range order {
		lines = append(lines, fmt.Sprintf("**%s** (%s): %s", d.end, d.faults, strings.Join(by[d], "; ")))
	}
	return strings.Join(lines, "<br>")
}
