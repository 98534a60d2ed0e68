package setup

import (
	"encoding/json"
	"slices"
	"strings"

	"stationd/internal/scanner"
)

// A draft is the configuration so far. render.go writes it as TOML, and the saved
// answers are its JSON: the names of its fields are those of stationd.toml.draft.
type draft struct {
	Name, Timezone, Data string
	Language             string
	L2L                  *l2lDraft
	Lagerkoll            *lagerkollDraft
	Chip                 string // label of the chip in [gpio]; empty: the header's
	Buttons              []buttonDraft
	Lamps, Buzzers       []outputDraft
	Stack                *stackDraft
	Buzzer               string // of [station], for all that has no buzzer of its own
	Readers              []readerDraft
	More                 moreDraft
}

// clone returns a copy that shares nothing with the draft.
func (d *draft) clone() (copied draft, err error) {
	text, err := json.Marshal(d) // as it is saved
	if err == nil {
		err = json.Unmarshal(text, &copied)
	}
	return copied, err
}

// watchesOrder reports whether a reader's parts are traced on the order that Lagerkoll says is
// made.
func (d *draft) watchesOrder() bool {
	return slices.ContainsFunc(d.Readers, func(r readerDraft) bool { return r.Watched })
}

// A l2lDraft is the [l2l] table.
type l2lDraft struct {
	URL, Site, Line, Machine, Trade string
	Key                             string // the file with the key; empty: the credential
}

// A lagerkollDraft is the [lagerkoll] table.
type lagerkollDraft struct {
	URL, Store string
	Key        string // the file with the key; empty: the credential
}

// A buttonDraft is a button and what its events do.
type buttonDraft struct {
	Name  string
	Label string // what people call it; empty: its name
	gpioLine
	NC             *gpioLine // its second, normally closed contact, where it has one
	Wiring, Active string    // empty: the default
	Latch          bool
	Lamp, Buzzer   string
	Calls          []callDraft // empty: it does nothing yet
}

// A callDraft is what one event of a button does: it opens a call, or ends one.
type callDraft struct {
	Event             string // press, hold or double
	Ends              bool   // it ends the call; otherwise it opens one
	Type, Description string // of the call
}

// types returns the types of the calls that a button opens.
func (b buttonDraft) types() []string {
	var types []string
	for _, c := range b.Calls {
		if !c.Ends && !slices.Contains(types, c.Type) {
			types = append(types, c.Type)
		}
	}
	return types
}

// An outputDraft is a lamp or a buzzer.
type outputDraft struct {
	Name string
	gpioLine
	Active string // empty: the default
}

// A stackDraft is the stack light, by the names of its lamps.
type stackDraft struct {
	Name               string
	Red, Yellow, Green string
	Buzzer             string
}

// lampOf returns the field with the name of a colour's lamp.
func (k *stackDraft) lampOf(c colour) *string {
	switch c.letter {
	case "r":
		return &k.Red
	case "y":
		return &k.Yellow
	}
	return &k.Green
}

// A readerDraft is a reader and what its labels mean.
type readerDraft struct {
	Name, Port, Maker string
	Label             string     // what people call it; empty: its name
	Layout            string     // of one that types; empty: the default
	Lamp, Buzzer      string     // that answer its scans
	Identifies        bool       // it sent an AIM identifier with every scan
	Assume, GS        string     // as the test label showed; empty: the default
	Prefix, Suffix    string     // that it puts around the code
	Frame             string     // what ends a scan; empty: the default
	Encoding          string     // of text; empty: the default
	Orders, Products  []string   // regular expressions
	Parts             [][]string // application identifiers that a part's symbol carries
	Watched           bool       // parts are for the order that Lagerkoll says is made
	Labels            []labelDraft
	Finished          *finishedDraft // nil: each part is traced by itself

	toldOfAIM bool // that it sends no AIM identifiers was said
}

// Types reports whether it types like a keyboard.
func (r readerDraft) Types() bool { return isKeyboard(scanner.Config{Port: r.Port}) }

// Reports reports whether it sends whole scans, which need no suffix: HID-POS.
func (r readerDraft) Reports() bool { return strings.HasPrefix(r.Port, "pos:") }

// config returns the configuration of the reader as far as it is known.
func (r readerDraft) config() scanner.Config {
	s := scanner.Config{
		Name: r.Port, Port: r.Port, Layout: r.Layout, Assume: r.Assume, Encoding: r.Encoding,
		Strip: scanner.Strip{Prefix: r.Prefix, Suffix: r.Suffix},
	}
	if r.GS != "" {
		s.GS = &[]string{r.GS}
	}
	return s
}

// missingCredentials returns the names of the keys that the packaged service must be given.
func (d *draft) missingCredentials() []string {
	var names []string
	if d.L2L != nil && d.L2L.Key == "" {
		names = append(names, "l2l.key")
	}
	if d.Lagerkoll != nil && d.Lagerkoll.Key == "" {
		names = append(names, "lagerkoll.key")
	}
	return names
}
