package matrix

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// killEnds keeps how everything ended that was struck by a relay, and nodeEnds what was struck of an
// engine of three nodes: see cmd/stationd.
const (
	killEnds = "testdata/relaykill.txt"
	nodeEnds = "../../cmd/stationd/testdata/enginenodes.txt"
)

// writeKills writes how everything ended, a line a cell of the matrix. What was not tried now, for
// -run left it out, stays as it was.
func writeKills(t *testing.T, counted map[kill]*killCount) {
	t.Helper()
	was := make(map[kill]killCount)
	if _, err := os.Stat(killEnds); err == nil {
		was = readKills(t)
	}
	var b strings.Builder
	for _, k := range kills() {
		n := was[k.kill]
		if now := *counted[k.kill]; now != (killCount{}) {
			n = now
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\n", k.partner, k.kill.strike, k.instant, n.tried, n.once, n.held, n.taken, n.missed)
	}
	if err := os.WriteFile(killEnds, []byte(b.String()), 0o644); err != nil { //nolint:gosec // for everybody
		t.Fatal(err)
	}
}

// readKills reads how everything ended.
func readKills(t *testing.T) map[kill]killCount {
	t.Helper()
	text, err := os.ReadFile(killEnds)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[kill]killCount)
	for line := range strings.Lines(string(text)) {
		part := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		var n [5]int
		for i := range n {
			if len(part) == 8 {
				n[i], err = strconv.Atoi(part[3+i])
			}
			if len(part) != 8 || err != nil {
				t.Fatalf("%s: %q", killEnds, line)
			}
		}
		all[kill{part[0], part[1], part[2]}] = killCount{n[0], n[1], n[2], n[3], n[4]}
	}
	return all
}

// readNodes reads what was struck of a plant in processes of their own.
func readNodes(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(nodeEnds)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Each strike and each moment is in what make relay-kill has written.
func TestEveryKillIsInTheGuarantees(t *testing.T) {
	t.Parallel()
	was := readKills(t)
	for _, k := range kills() {
		if was[k.kill] == (killCount{}) {
			t.Errorf("%s is not in %s (make relay-kill UPDATE=-update tries all and writes it)", k, killEnds)
		}
		delete(was, k.kill)
	}
	for k := range was {
		t.Errorf("%s has %s, which nobody tries", killEnds, k)
	}
}

// killTables says what was struck when, and how it ended.
func killTables(b *strings.Builder, all map[kill]killCount, nodes string) {
	b.WriteString(killHead)
	for i, at := range instants() {
		fmt.Fprintf(b, "| %d | %s |\n", i+1, at.name)
	}
	b.WriteString(killLegend)
	tried := killCount{}
	for _, partner := range []string{"", atOnce, whenStruck} {
		title := "One station"
		if partner != "" {
			title = "Two stations in a lane, the second acts " + partner
		}
		fmt.Fprintf(b, "\n%s:\n\n| what is struck |", title)
		for i := range instants() {
			fmt.Fprintf(b, " %d |", i+1)
		}
		b.WriteString("\n|---|" + strings.Repeat("---|", len(instants())) + "\n")
		for _, k := range strikes() {
			fmt.Fprintf(b, "| %s |", k.name)
			for _, at := range instants() {
				n := all[kill{partner, k.name, at.name}]
				tried = tried.plus(n)
				fmt.Fprintf(b, " %s |", n)
			}
			b.WriteString("\n")
		}
	}
	combinations := 0
	for _, s := range killed() {
		for _, k := range kills() {
			if s.meetsKill(k.kill) {
				combinations++
			}
		}
	}
	fmt.Fprintf(b, "\n%d combinations of a verb, a strike and a moment were tried, and %d were NOT. In %d the verb has no such moment. Of the others %d actions\n"+
		"ended once, %d were held, and %d were taken for done by another's or left to it. None was done twice, none was lost, and no station did\n"+
		"anything in a lane before what it had confirmed earlier there.\n", tried.tried, combinations-tried.tried, tried.missed, tried.once, tried.held, tried.taken)
	nodeTable(b, nodes)
	b.WriteString(killNotTried)
}

// String is the count as a cell of the table.
func (n killCount) String() string {
	var text []string
	for _, one := range []struct {
		sign string
		n    int
	}{{"✓", n.once}, {"?", n.held}, {"=", n.taken}} {
		if one.n > 0 {
			text = append(text, fmt.Sprint(one.sign, one.n))
		}
	}
	if text == nil {
		return "–"
	}
	return strings.Join(text, " ")
}

// nodeTable says what was struck of a plant in processes of their own.
func nodeTable(b *strings.Builder, text string) {
	b.WriteString(nodeHead)
	var moments, struck []string
	parts := make(map[[2]string]string)
	all, held := 0, "0"
	for line := range strings.Lines(text) {
		part := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if part[0] == "held" {
			held = part[2]
			continue
		}
		if !slices.Contains(struck, part[0]) {
			struck = append(struck, part[0])
		}
		if !slices.Contains(moments, part[1]) {
			moments = append(moments, part[1])
		}
		n, _ := strconv.Atoi(part[2])
		all += n
		parts[[2]string{part[0], part[1]}] = part[2]
	}
	b.WriteString("| what is struck | " + strings.Join(moments, " | ") + " |\n|---|" + strings.Repeat("---|", len(moments)) + "\n")
	for _, s := range struck {
		fmt.Fprintf(b, "| %s |", s)
		for _, m := range moments {
			fmt.Fprintf(b, " %s |", parts[[2]string{s, m}])
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(b, "\n%d parts in %d strikes; %s were held.\n", all, len(struck)*len(moments), held)
}

const killHead = `
## The kill matrix

Each part of a plant with two relays was struck once, at each moment of a verb: those of both vendors, a late merge (a call that
was opened and closed in an outage), and a call with ` + "`once`" + `; with the real outbox, backend, relays and engine, by the clock of
the test. ` + "`make relay-kill UPDATE=-update`" + ` tries all and writes it, ` + "`ONE_IN=4`" + ` one in four, and every run of the tests some; how many
combinations are in these tables, and how many are not, stands below them. A process is killed by ending all that it is
connected to; one that stands still, or whose cable is bent, lets nothing through for longer than the lease and patience, and
then all that was kept. The station's outbox is what the file has at that moment. A relay keeps nothing on disk: without power it
is as one that was killed.

| | when |
|---|---|
`

const killLegend = `
In a cell: how many actions ended once (✓), held (?), or were taken for done by another's or left to it (=, where both stations ask
for the same, as *finish this order*, or ` + "`once`" + `); – where no verb has such a moment.
`

const nodeHead = `
### In processes of their own

Two stations, two relays and an engine of three nodes (` + "`nats-server`" + `, lease on all three) were processes of their own, and struck by
SIGKILL, SIGSTOP and SIGTERM while both stations traced parts onto one order, without a pause (` + "`make relay-nodes`" + `). A node that loses
its power is killed, and has the disk of an earlier moment. In a cell: the parts that were traced around that strike, each once and
in the order in which its station confirmed it.

`

const killNotTried = `
NOT tried: verbs other than ` + "`article.trace`" + ` in processes of their own; a station's SIGSTOP for longer than patience (40 s) there; a
machine of an engine's node that loses its power in fact, in the place of an older copy of its disk. What a station's own card
loses with its power is tried where the outbox is (` + "`make soak`" + `).
`
