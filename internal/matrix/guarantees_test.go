package matrix

import (
	"fmt"
	"slices"
	"strings"
)

// guarantees is docs/guarantees.md.
func guarantees(standing *results, other []results) string {
	var b strings.Builder
	b.WriteString(head)
	table(&b, standing)
	reasons(&b, standing)
	b.WriteString("\n## Who or what could deceive the look\n\n| verb | after doubt it goes by | who or what could deceive it |\n|---|---|---|\n")
	for _, d := range deceivers() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", d.verb, d.look, d.who)
	}
	assumptions(&b, standing, other)
	return b.String()
}

const head = `# What is guaranteed, verb by verb

This page is written by the test that proves it: ` + "`go test ./internal/matrix -update`" + `. Each cell is one action, carried
by the real outbox and the real backend to the simulated plant, with one thing going wrong, and compared afterwards with
what the plant knows. Time-outs, settle times (60 s) and back-offs are the real ones.

* **once**: it is done, exactly once, and nobody is asked.
* **another's**: a second user did the same, and that is taken for ours: it is done once. Only a second user causes it.
* **refused**, **undecided**, **misfit**: held for a person, who is told why and chooses to resend or to discard. *Done* or
  *not done* is what the plant knows and the station cannot: it is why nothing is sent on a guess. A person who resends
  what is *undecided* without looking at the vendor's own page may double it.

No cell says twice and none says lost: the test fails.

Three things no test can promise. An effect that comes later than the settle time (` + "`settle`" + `, 60 s) after the request was given up is
seen as absent and sent again. Whoever changes the vendor's records between the attempt and the look can deceive it, as
the table below the next says. And a vendor who says yes and does nothing is believed.

## Every verb under every fault

`

func table(b *strings.Builder, standing *results) {
	b.WriteString("| what goes wrong |")
	for _, s := range samples() {
		fmt.Fprintf(b, " %s |", s.name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(samples())) + "\n")
	for _, f := range faults() {
		fmt.Fprintf(b, "| %s |", f.name)
		for _, s := range samples() {
			e, _ := standing.of(s, f)
			fmt.Fprintf(b, " %v |", e)
		}
		b.WriteString("\n")
	}
}

// reasons says in which words a person is told why an entry is held.
func reasons(b *strings.Builder, standing *results) {
	b.WriteString("\n## What the person is told\n\n")
	told := make(map[string][]string)
	var order []string
	for _, s := range samples() {
		for _, f := range faults() {
			e, _ := standing.of(s, f)
			if e.word != isHeld {
				continue
			}
			text := fmt.Sprintf("%s: \"%s\"", s.name, e.reason)
			if told[text] == nil {
				order = append(order, text)
			}
			told[text] = append(told[text], f.name)
		}
	}
	for _, text := range order {
		fmt.Fprintf(b, "* %s — %s\n", text, strings.Join(told[text], "; "))
	}
}

// assumptions says what becomes different where one of docs/assumptions.md does
// not hold.
func assumptions(b *strings.Builder, standing *results, other []results) {
	b.WriteString(`
## Where an assumption does not hold

Each assumption of [assumptions.md](assumptions.md) that can be switched was switched, one at a time, and the verbs of its
vendor tried again: with nothing wrong, with the answer lost, with the request lost, and with one fault more in turn (all
faults: ` + "`make matrix`" + `). Never twice and never lost holds there too. What ends differently than above:

| assumption | put to | what ends differently |
|---|---|---|
`)
	for i, at := range sites() {
		var lines []string
		for _, s := range samples() {
			by := make(map[string][]string)
			for _, f := range faults() {
				e, tried := other[i].of(s, f)
				if was, _ := standing.of(s, f); tried && e.String() != was.String() {
					by[e.String()] = append(by[e.String()], f.name)
				}
			}
			var words []string
			for word, names := range by {
				words = append(words, fmt.Sprintf("%s: **%s** (%s)", s.name, word, strings.Join(names, "; ")))
			}
			slices.Sort(words)
			lines = append(lines, words...)
		}
		what := "nothing"
		if len(lines) > 0 {
			what = strings.Join(lines, "<br>")
		}
		fmt.Fprintf(b, "| A%d `%s` | %s | %s |\n", at.Number, at.Assumption, at.to, what)
	}
}
