package setup

import (
	"fmt"
	"strconv"
	"strings"
)

// A document is the configuration that is written, line by line. A note stands behind its
// value after a tab.
type document struct{ strings.Builder }

// lines adds lines as they are.
func (d *document) lines(all ...string) {
	for _, line := range all {
		d.WriteString(line + "\n")
	}
}

// set adds a key with its value as TOML, and a note behind it where there is one.
func (d *document) set(key, value, note string) {
	if note != "" {
		note = "\t# " + note
	}
	d.lines(key + " = " + value + note)
}

// text adds a key with a text.
func (d *document) text(key, value, note string) { d.set(key, quote(value), note) }

// optional is text for a key that is left out where the text is empty.
func (d *document) optional(key, value, note string) {
	if value != "" {
		d.text(key, value, note)
	}
}

// render returns the draft as TOML.
func (d *draft) render() []byte {
	out := new(document)
	d.renderStation(out)
	d.renderVendors(out)
	if d.Chip != "" {
		out.lines("", "[gpio]")
		out.text("chip", d.Chip, "")
	}
	for _, b := range d.Buttons {
		b.render(out)
	}
	for _, l := range d.Lamps {
		l.render(out, "lamp", "the level that lights it")
	}
	for _, b := range d.Buzzers {
		b.render(out, "buzzer", "the level that sounds it")
		out.lines("#remind = \"5m\"\t# interval of the reminder while something is held")
	}
	if d.Stack != nil {
		d.Stack.render(out)
	}
	for _, r := range d.Readers {
		r.render(out)
	}
	out.lines("", "# What events do. The first [[on]] in this file that matches wins; a scan that none matches",
		"# is kept as an unknown scan and shown to the operator.")
	for _, b := range d.bindings() {
		b.render(out)
	}
	return []byte(alignNotes(out.String()))
}

func (d *draft) renderStation(out *document) {
	out.lines("# stationd's configuration, written by stationd setup. Edit it as you like:",
		"# stationd.example.toml explains every key. This lists all faults, each with its line and",
		"# column:", "#", "#   stationd check /etc/stationd/stationd.toml", "", "[station]")
	out.text("name    ", d.Name, "")
	out.text("timezone", d.Timezone, "")
	out.text("data    ", d.Data, "")
	if d.Language != "" {
		out.text("language", d.Language, "of the operator's page")
	} else {
		out.lines("#language = \"en\"\t# of the operator's page")
	}
	out.lines("#label   = \"\"\t# what people call the station, on the page", "#lamp    = \"\"\t# shows everything that has no lamp of its own")
	const answers = "answers for everything that has none of its own"
	if d.Buzzer != "" {
		out.text("buzzer  ", d.Buzzer, answers)
	} else {
		out.lines("#buzzer  = \"\"\t# " + answers)
	}
	d.More.Page.render(out)
	if d.More.access() {
		out.lines("", "# What needs a technician: whoever has shown a badge, or typed the PIN on the page.", "[access]")
		out.lines("#expire = \"10m\"\t# how long a badge holds that was shown")
	}
	for _, shift := range d.More.Shifts {
		out.lines("", "[[shift]]")
		out.aligned(texts("name", shift.Name, "start", shift.Start, "end", shift.End))
	}
}

func (d *draft) renderVendors(out *document) {
	key := func(file, credential string) string {
		if file != "" {
			return "{ file = " + quote(file) + " }"
		}
		return "{ credential = " + quote(credential) + " }"
	}
	if v := d.L2L; v != nil {
		out.lines("", "# L2L: dispatches and changeovers. The key is in a file of its own.", "[l2l]")
		out.text("url    ", v.URL, "")
		out.set("site   ", v.Site, "")
		out.text("line   ", v.Line, "")
		out.text("machine", v.Machine, "")
		out.text("trade  ", v.Trade, "")
		out.set("key    ", key(v.Key, "l2l.key"), "")
	}
	if v := d.Lagerkoll; v != nil {
		out.lines("", "# Lagerkoll: production orders and traceability. The key is in a file of its own.", "[lagerkoll]")
		out.text("url  ", v.URL, "")
		out.text("store", v.Store, "")
		out.set("key  ", key(v.Key, "lagerkoll.key"), "")
		if d.watchesOrder() {
			out.text("watch", "60s", "how often the order that is made is read")
		}
		out.lines("#rate = \"60/min\"\t# this station's share of the account's 200 requests a minute")
	}
}

// render adds the line that something is wired to.
func (l gpioLine) render(out *document) {
	note := ""
	if l.Header != 0 {
		note = fmt.Sprintf("pin %d of the header", l.Header)
	}
	out.set("pin   ", strconv.Itoa(l.Pin), note)
	out.optional("chip  ", l.Chip, "")
}

func (b buttonDraft) render(out *document) {
	out.lines("", "[[button]]")
	out.text("name  ", b.Name, "")
	out.optional("label ", b.Label, "what people call it, on the page")
	b.gpioLine.render(out)
	if b.NC != nil {
		note := "its normally closed contact"
		if b.NC.Header != 0 {
			note = fmt.Sprintf("pin %d of the header: %s", b.NC.Header, note)
		}
		out.set("pin_nc", strconv.Itoa(b.NC.Pin), note)
	}
	out.optional("wiring", b.Wiring, "normally closed: a cut wire shows as a fault")
	out.optional("active", b.Active, "a closed contact is high")
	if b.Latch {
		out.set("latch ", "true", "the second press ends the call")
	}
	out.optional("lamp  ", b.Lamp, "")
	out.optional("buzzer", b.Buzzer, "")
	out.lines("#debounce = \"30ms\"\t# a contact closed for this long is a press")
	for _, c := range b.Calls {
		switch c.Event {
		case "hold":
			out.lines("#hold   = \"2s\"\t# a button pressed for this long is held")
		case "double":
			out.lines("#double = \"300ms\"\t# a second press within this time makes a double")
		}
	}
}

// render adds a lamp or a buzzer.
func (o outputDraft) render(out *document, table, active string) {
	out.lines("", "[["+table+"]]")
	out.text("name  ", o.Name, "")
	o.gpioLine.render(out)
	out.optional("active", o.Active, active)
}

func (k *stackDraft) render(out *document) {
	out.lines("", "# Shows the station as a whole: red when action is needed, yellow while something waits,", "# green when all is OK.", "[[stack]]")
	out.text("name  ", k.Name, "")
	out.optional("red   ", k.Red, "")
	out.optional("yellow", k.Yellow, "")
	out.optional("green ", k.Green, "")
	out.optional("buzzer", k.Buzzer, "for held entries of the whole station")
}

func (r readerDraft) render(out *document) {
	out.lines("", "[[scanner]]")
	out.text("name  ", r.Name, "")
	out.optional("label ", r.Label, "what people call it, on the page")
	out.text("port  ", r.Port, r.Maker)
	out.optional("layout", r.Layout, "the keyboard layout that it is set to")
	out.optional("lamp  ", r.Lamp, "")
	out.optional("buzzer", r.Buzzer, "")
	if r.Identifies {
		out.text("aim   ", "required", "it sent an AIM identifier with every scan")
	}
	out.optional("assume", r.Assume, "it sends no AIM identifiers")
	if r.GS != "" {
		out.set("gs    ", "["+quote(r.GS)+"]", "what it sends for the separator")
	}
	if r.Prefix != "" || r.Suffix != "" {
		out.lines("strip  = " + inline(texts("prefix", r.Prefix, "suffix", r.Suffix)...))
	}
	out.optional("encoding", r.Encoding, "the encoding of its text")
	const ends = "what ends a scan"
	switch {
	case r.Reports():
	case r.Frame != "":
		out.text("frame ", r.Frame, ends)
	case r.Types():
		out.lines("#frame  = \"cr\"\t# " + ends + `: Enter; "tab" where it sends Tab`)
	default:
		out.lines("#frame  = \"cr\"\t# " + ends)
	}
	out.lines("#repeat = \"800ms\"\t# the same code again within this time is the same scan")
}
