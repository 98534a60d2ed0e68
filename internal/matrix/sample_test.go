package matrix

import (
	"maps"
	"testing"

	"stationd/internal/api/l2l"
	"stationd/internal/api/lagerkoll"
	"stationd/internal/plant"
	"stationd/internal/station"
)

const soup = "09506000134352"

// A sample is one way to use a verb: what it is told decides what a look-up after
// doubt can go by.
type sample struct {
	name      string // the column of the table
	backend   string
	verb      string
	with      map[string]string
	exclusive bool   // lagerkoll: nobody but this station reports on its orders
	called    bool   // a call is open that can be closed
	act       string // the request that acts, as plant.Fault.Where

	// done is how often anybody has done it, as the plant knows.
	done func(*plant.Plant) int
}

// samples has every mutating verb of both backends at least once.
func samples() []sample {
	open := map[string]string{"machine": "SEAL-1", "trade": "MECH", "description": "Help needed"}
	trace := map[string]string{"order": "4711", "article": soup}
	const (
		opens   = "POST /api/1.0/dispatches/open/"
		closes  = "POST /api/1.0/dispatches/close/*"
		changes = "POST /api/1.0/buildsequence/start_change_over/"
		traces  = "PUT /v1/production_orders/*"
	)
	return []sample{
		{name: "open, one at a time", backend: "l2l", verb: "dispatch.open", with: with(open, "type", "MAINT"), act: opens, done: opened("MAINT")},
		{name: "open, any number", backend: "l2l", verb: "dispatch.open", with: with(open, "type", "MATERIAL"), act: opens, done: opened("MATERIAL")},
		{name: "close", backend: "l2l", verb: "dispatch.close", called: true, act: closes, done: closed},
		{name: "changeover by product", backend: "l2l", verb: "changeover.start", with: with(nil, "line", "PACK4", "product", "100"), act: changes, done: changed},
		{name: "changeover by id", backend: "l2l", verb: "changeover.start", with: with(nil, "line", "PACK4", "id", "8802"), act: changes, done: changed},
		{name: "changeover by line", backend: "l2l", verb: "changeover.start", with: with(nil, "line", "PACK4"), act: changes, done: changed},
		{name: "trace, serial", backend: "lagerkoll", verb: "article.trace", with: with(trace, "batch", "B7", "serial", "S1"), act: traces, done: traced},
		{name: "trace, batch, exclusive", backend: "lagerkoll", verb: "article.trace", with: with(trace, "batch", "B7", "amount", "5"), exclusive: true, act: traces, done: traced},
		{name: "trace, batch, shared", backend: "lagerkoll", verb: "article.trace", with: with(trace, "batch", "B7", "amount", "5"), act: traces, done: traced},
		{name: "trace, bare, shared", backend: "lagerkoll", verb: "article.trace", with: with(trace, "amount", "5"), act: traces, done: traced},
	}
}

func with(base map[string]string, more ...string) map[string]string {
	all := make(map[string]string)
	maps.Copy(all, base)
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

func opened(kind string) func(*plant.Plant) int {
	return func(p *plant.Plant) (n int) {
		for _, d := range p.Dispatches() {
			if d.Type == kind {
				n++
			}
		}
		return n
	}
}

func closed(p *plant.Plant) (n int) {
	for _, d := range p.Dispatches() {
		if !d.Closed.IsZero() {
			n++
		}
	}
	return n
}

func changed(p *plant.Plant) int { return len(p.Changeovers()) }

func traced(p *plant.Plant) int { return len(p.Traces()) }

// A deceiver says, of a verb, what its look-up goes by after doubt, and who or
// what could make it see something else than what happened.
type deceiver struct{ verb, look, who string }

func deceivers() []deceiver {
	return []deceiver{
		{"dispatch.open",
			"the mark that this entry put in front of its description, among the machine's dispatches of that type, open or not",
			"whoever takes the mark out of the description, or moves the dispatch to another machine or type, before the look (then a second one may be opened where no trace is left, or it is held where the mark is seen elsewhere); a site that does not show descriptions, or that hides closed dispatches and where it was closed within the settle time; an effect that comes later than the settle time"},
		{"dispatch.close",
			"nothing: it is sent again, and L2L's \"already closed\" is the answer that was lost",
			"nobody about the end (the dispatch is closed), but who closed it and when cannot be told; a site that words its refusal differently has it held as refused although it is closed"},
		{"changeover.start",
			"the line's current order, before and after",
			"whoever changes the line between our two looks: another's changeover to the same product or id is taken for ours (the line is where it was wanted), one to anything else has it held; by line alone any change has it held; whoever changes it over and back again unseen makes us send once more; somebody who starts the same product in the moment between our look and our request makes L2L start the next order of it"},
		{"article.trace",
			"with a serial the order's batch list; else the article's finished amount and its batch, which must both have moved by the whole amount or both by nothing",
			"with a serial: whoever reports the same serial, which is then taken for ours; without: with exclusive = true whoever reports the same amount all the same, which is then taken for ours (without it the entry is held); whoever takes back as much as arrived; an effect that comes later than the settle time"},
	}
}

func TestSamples(t *testing.T) {
	t.Parallel()
	known := make(map[string]bool)
	sampled := func(backend string, verbs []station.Verb) {
		for _, v := range verbs {
			known[v.Name] = true
			ways, said := 0, 0
			for _, s := range samples() {
				if s.backend == backend && s.verb == v.Name {
					ways++
				}
			}
			for _, d := range deceivers() {
				if d.verb == v.Name {
					said++
				}
			}
			if ways == 0 {
				t.Errorf("%s of %s has no sample: it is NOT in the fault matrix", v.Name, backend)
			}
			if said != 1 {
				t.Errorf("%d sentences say who could deceive the look of %s, want one", said, v.Name)
			}
		}
	}
	sampled("l2l", l2l.Verbs())
	sampled("lagerkoll", lagerkoll.Verbs())
	for _, s := range samples() {
		if !known[s.verb] {
			t.Errorf("%s: there is no verb %s any more", s.name, s.verb)
		}
	}
	for _, d := range deceivers() {
		if !known[d.verb] {
			t.Errorf("a sentence about %s, which is no verb any more", d.verb)
		}
	}
}
