package setup

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"strings"
)

// A bindingDraft is one [[on]] of the configuration.
type bindingDraft struct {
	about   string // what it does, for people who choose among bindings
	comment string // in the file, above it
	call    bool   // it opens or ends a call

	events            []string
	at                []string // in place of events
	after             string
	match             string // a regular expression
	gs1, needs, clear []string
	set, add, count   string // inline tables; add is append
	expire            string
	undo              bool
	do                []keyValue // its one action: the backend and its verb first
	conditionsDraft
}

// A keyValue is a key and its value as TOML.
type keyValue struct{ key, value string }

// texts returns keys and texts, in turn, as keys and values.
func texts(all ...string) (kv []keyValue) {
	for pair := range slices.Chunk(all, 2) {
		kv = append(kv, keyValue{pair[0], quote(pair[1])})
	}
	return kv
}

// key tells a binding from all others of the draft: by its event and what that must hold.
func (b bindingDraft) key() string {
	return strings.Join(slices.Concat(b.events[:min(len(b.events), 1)], b.at, []string{b.after, b.match}, b.gs1), " ")
}

// bindings returns every binding of the configuration in the order of the file: of those that
// an event fits the first one wins.
func (d *draft) bindings() (all []bindingDraft) {
	for _, b := range d.Buttons {
		all = append(all, d.buttonBindings(b)...)
	}
	var scans []bindingDraft
	for _, r := range d.Readers {
		scans = append(scans, r.bindings()...)
	}
	// From the most specific to the least, so that none hides another: each reader may do what
	// another does too.
	sort.SliceStable(scans, func(i, j int) bool {
		a, b := &scans[i], &scans[j]
		return cmp.Or(len(b.gs1)-len(a.gs1), moreSpecific(a.match, b.match)) < 0
	})
	all = append(all, scans...)
	all = append(all, d.More.bindings()...)
	for i := range all {
		all[i].conditionsDraft = d.More.Conditions[all[i].key()]
		all[i].events = slices.Concat(all[i].events, all[i].Also)
		for _, need := range all[i].Needs {
			if !slices.Contains(all[i].needs, need) {
				all[i].needs = append(slices.Clip(all[i].needs), need)
			}
		}
	}
	return all
}

// buttonBindings returns what a button does.
func (d *draft) buttonBindings(b buttonDraft) (all []bindingDraft) {
	types := b.types()
	for _, a := range d.More.Afters {
		if a.Source == b.Name && !slices.Contains(types, a.Type) {
			types = append(types, a.Type)
		}
	}
	for _, c := range b.Calls {
		on := bindingDraft{events: []string{b.Name + "." + c.Event}, call: true}
		if c.Ends {
			on.about, on.comment = on.events[0]+": ends the call "+c.Type, "Closes the call that the button opened."
			on.do = texts("l2l", "dispatch.close")
			if len(types) > 1 {
				on.do = texts("l2l", "dispatch.close", "type", c.Type)
			}
		} else {
			on.about = on.events[0] + ": calls " + c.Type
			on.do = texts("l2l", "dispatch.open", "type", c.Type, "description", c.Description)
		}
		all = append(all, on)
	}
	return all
}

// bindings returns what a reader's labels mean.
func (r readerDraft) bindings() (all []bindingDraft) {
	scan := []string{r.Name + ".scan"}
	for _, part := range r.Parts {
		on := bindingDraft{events: scan, gs1: part, about: "scan of a part: traced on the order", comment: "A part's GS1 symbol, traced on the current production order."}
		order := "{order}"
		if r.Watched {
			order = "{lagerkoll.order}"
		} else {
			on.needs = []string{"order"}
		}
		article := texts("article", "{gs1.01}")
		for _, ai := range part {
			switch ai {
			case "10":
				article = append(article, texts("batch", "{gs1.10}")...)
			case "21":
				article = append(article, texts("serial", "{gs1.21}")...)
			}
		}
		if r.Finished == nil {
			on.do = slices.Concat(texts("lagerkoll", "article.trace", "order", order), article, texts("best_before", "{gs1.15?}", "amount", "{gs1.30|1}"))
		} else {
			on.about, on.comment = "scan of a part: put on the list", "A part's GS1 symbol, put on the list until the finished article is scanned."
			on.add, on.expire = inline(keyValue{"parts", inline(article...)}), "1h"
		}
		all = append(all, on)
	}
	for _, l := range r.Labels {
		all = append(all, l.binding(scan))
	}
	if f := r.Finished; f != nil {
		order := "{order}"
		on := bindingDraft{events: scan, match: f.Pattern, needs: []string{"order", f.need()}, clear: []string{"parts"}, about: "scan of a finished article: the parts are traced on it", comment: "A finished article's label: the parts on the list are traced on it."}
		if r.Watched {
			order, on.needs = "{lagerkoll.order}", on.needs[1:]
		}
		on.do = texts("lagerkoll", "article.trace", "order", order, "article", "{article}", "parts", "{parts}")
		all = append(all, on)
	}
	for _, order := range r.Orders {
		all = append(all, bindingDraft{events: scan, match: order, set: inline(texts("order", "{order}")...), expire: "12h",
			about: "scan of an order: it becomes the current one", comment: "A production order's label: the current one until the next is scanned, or for 12 hours."})
	}
	for _, product := range r.Products {
		all = append(all, bindingDraft{events: scan, match: product, do: texts("l2l", "changeover.start", "product", "{product}"),
			about: "scan of a product: its changeover starts", comment: "A product's card: starts the changeover."})
	}
	return all
}

// render adds the binding.
func (b bindingDraft) render(out *document) {
	out.lines("")
	if b.comment != "" {
		out.lines("# " + b.comment)
	}
	out.lines("[[on]]")
	var keys []keyValue
	add := func(key, value string) {
		if value != "" && value != "[]" && value != "{}" {
			keys = append(keys, keyValue{key, value})
		}
	}
	quoted := func(text string) string {
		if text == "" {
			return ""
		}
		return quote(text)
	}
	if events := quoteAll(b.events); len(b.events) == 1 {
		add("event", quote(b.events[0]))
	} else {
		add("event", events)
	}
	add("at", quoteAll(b.at))
	add("after", quoted(b.after))
	if b.match != "" {
		add("match", quotePattern(b.match))
	}
	add("gs1", quoteAll(b.gs1))
	if b.Technician {
		add("role", quote("technician"))
	}
	add("needs", quoteAll(b.needs))
	add("ask", quoted(b.Ask))
	add("in", inlineTexts(b.In))
	add("not_in", inlineTexts(b.NotIn))
	var allow []keyValue
	for _, name := range slices.Sorted(maps.Keys(b.Allow)) {
		allow = append(allow, keyValue{name, quoteAll(b.Allow[name])})
	}
	add("allow", inline(allow...))
	add("min", inlineNumbers(b.Min))
	add("max", inlineNumbers(b.Max))
	switch b.Confirm {
	case "":
	case sameAgain:
		add("confirm", "true")
	default:
		add("confirm", quote(b.Confirm))
	}
	add("set", b.set)
	add("append", b.add)
	add("count", b.count)
	add("expire", quoted(b.expire))
	if b.undo {
		add("undo", "true")
	}
	add("clear", quoteAll(b.clear))
	const inLine = 3 // keys of an action that stands in one line
	if 0 < len(b.do) && len(b.do) <= inLine {
		add("do", "["+inline(b.do...)+"]")
	}
	out.aligned(keys)
	if len(b.do) > inLine {
		out.lines("", "[[on.do]]")
		out.aligned(b.do)
	}
}
