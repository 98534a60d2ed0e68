package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

// Version is the version of the wire that this program writes, and Least the oldest that it
// understands.
const (
	Version = 1
	Least   = 1
)

// Bounds of what is sent, in bytes. The engine's own bound is 1 MB where nobody changes it.
const (
	mostAnnouncement = 4 << 10
	mostAsk          = 256 << 10
	mostAnswer       = 768 << 10

	// mostPart is how much of a file goes with one answer.
	mostPart = 512 << 10
)

// Patience is how old the tick of an ask may be when something is begun for it that changes
// anything.
const Patience = api.RelayPatience

// What an ask may say in do.
const (
	doDeliver  = "deliver"
	doLook     = "look"
	doProbe    = "probe"
	doRead     = "read"
	doFetch    = "fetch"
	doRehearse = "rehearse"
	doEnd      = "end"
)

// leadSubject is where the relay that leads announces itself.
const leadSubject = "sd.lead"

// hasNameForm reports whether text can stand in a subject as one part.
func hasNameForm(text string) bool {
	const longest, letters = 64, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	return text != "" && len(text) <= longest && strings.Trim(text, letters+"0123456789_-") == ""
}

// CheckName says why a station or a relay cannot have this name, "" when it can.
func CheckName(name string) string {
	if hasNameForm(name) {
		return ""
	}
	return "must be of letters, digits, - and _, and of 64 at most: it is the address in the plant"
}

func askSubject(term, backend, name, id string) string {
	return strings.Join([]string{"sd.do", term, backend, name, id}, ".")
}

func answerSubject(name, id string) string { return "sd.answer." + name + "." + id }

// An announcement is what the relay that leads says once a second.
type announcement struct {
	Version int    `json:"v"`
	Least   int    `json:"least"`
	Term    string `json:"term"`
	Tick    int64  `json:"tick"`
	Relay   string `json:"relay"`
}

// An ask is one thing that a station asks for.
type ask struct {
	Version  int               `json:"v"`
	Do       string            `json:"do"`
	Tick     int64             `json:"tick"`
	Settle   time.Duration     `json:"settle,omitempty"`
	Delivery *delivery         `json:"delivery,omitempty"`
	Question string            `json:"question,omitempty"`
	With     map[string]string `json:"with,omitempty"`
}

// A delivery is a station.Delivery on the wire, field by field.
type delivery struct {
	station.Entry `json:"entry"`

	Attempt  int           `json:"attempt,omitempty"`
	Doubtful bool          `json:"doubtful,omitempty"`
	Ref      string        `json:"ref,omitempty"`
	Before   []byte        `json:"before,omitempty"`
	When     time.Time     `json:"when,omitzero"`
	Exact    bool          `json:"exact,omitempty"`
	Merged   bool          `json:"merged,omitempty"`
	Forced   bool          `json:"forced,omitempty"`
	Marks    station.Marks `json:"marks,omitempty"`
	Settle   time.Duration `json:"settle,omitempty"`
	LookOnly bool          `json:"look_only,omitempty"`
}

// An answer is what became of an ask.
type answer struct {
	Version  int           `json:"v"`
	Outcome  string        `json:"outcome"`
	Ref      string        `json:"ref,omitempty"`
	Number   string        `json:"number,omitempty"`
	Note     string        `json:"note,omitempty"`
	Adopted  bool          `json:"adopted,omitempty"`
	Runs     *running      `json:"runs,omitempty"`
	Wait     time.Duration `json:"wait,omitempty"`
	Answered bool          `json:"answered,omitempty"`
	Sent     bool          `json:"sent,omitempty"`
	Marks    station.Marks `json:"marks,omitempty"`
	Final    bool          `json:"final,omitempty"`
	Error    *fault        `json:"error,omitempty"`
	Before   []byte        `json:"before,omitempty"`
	Answer   *table        `json:"answer,omitempty"`
	Body     []byte        `json:"body,omitempty"`
	Vendor   time.Time     `json:"vendor,omitzero"`

	Requests []api.DryRunRequest `json:"requests,omitempty"`
	More     bool                `json:"more,omitempty"` // it is a part of a file, and nothing else
}

// running is a station.Running on the wire.
type running struct {
	Line    string `json:"line"`
	Order   string `json:"order,omitempty"`
	Product string `json:"product,omitempty"`
}

// A fault is an error on the wire: its text, and what callers tell errors apart by.
type fault struct {
	Text    string   `json:"text"`
	Kinds   []string `json:"kinds,omitempty"`
	Refusal *string  `json:"refusal,omitempty"`
}

// A table is a station.Answer on the wire, field by field.
type table struct {
	Columns []string        `json:"columns,omitempty"`
	Rows    [][]string      `json:"rows,omitempty"`
	Note    string          `json:"note,omitempty"`
	All     json.RawMessage `json:"all,omitempty"`
	File    []byte          `json:"file,omitempty"`
	Type    string          `json:"type,omitempty"`
}

// kinds are the errors that callers tell apart, by their names on the wire.
func kinds() map[string]error {
	return map[string]error{
		"key": station.ErrKey, "forbidden": station.ErrForbidden, "undecided": station.ErrUndecided,
		"not_shown": station.ErrNotShown, "absent": station.ErrAbsent, "unreadable": station.ErrUnreadable,
		"failed": station.ErrFailed, "misfit": station.ErrMisfit,
	}
}

// mostText bounds the text of an error, in bytes.
const mostText = 4 << 10

// faultOf puts an error on the wire; nil for nil.
func faultOf(err error) *fault {
	if err == nil {
		return nil
	}
	f := &fault{Text: station.OneLine(err.Error(), mostText)}
	for name, kind := range kinds() {
		if errors.Is(err, kind) {
			f.Kinds = append(f.Kinds, name)
		}
	}
	slices.Sort(f.Kinds)
	if no, is := errors.AsType[*api.Refusal](err); is {
		f.Refusal = &no.Text
	}
	return f
}

// err is the error as it was. A kind that is not known is left out.
func (f *fault) err() error {
	if f == nil {
		return nil
	}
	e := &wireError{text: f.Text}
	for _, name := range f.Kinds {
		if kind, known := kinds()[name]; known {
			e.is = append(e.is, kind)
		}
	}
	if f.Refusal != nil {
		e.is = append(e.is, &api.Refusal{Text: *f.Refusal})
	}
	return e
}

// A wireError is an error that came over the wire.
type wireError struct {
	text string
	is   []error
}

func (e *wireError) Error() string   { return e.text }
func (e *wireError) Unwrap() []error { return e.is }

// answerOf puts a receipt on the wire.
func answerOf(rc station.Receipt) answer {
	a := answer{
		Outcome: rc.Outcome.String(), Ref: rc.Ref, Number: rc.Number, Note: rc.Note, Adopted: rc.Adopted, Wait: rc.Wait, Answered: rc.Answered,
		Sent: rc.Sent, Marks: rc.Marks, Final: rc.Final, Error: faultOf(rc.Err),
	}
	if rc.Runs != (station.Running{}) {
		a.Runs = &running{rc.Runs.Line, rc.Runs.Order, rc.Runs.Product}
	}
	return a
}

// receipt is the receipt as it was. It says so where it has no outcome that is known.
func (a answer) receipt() (station.Receipt, error) {
	rc := station.Receipt{
		Ref: a.Ref, Number: a.Number, Note: a.Note, Adopted: a.Adopted, Wait: a.Wait, Answered: a.Answered,
		Sent: a.Sent, Marks: a.Marks, Final: a.Final, Err: a.Error.err(),
	}
	if a.Runs != nil {
		rc.Runs = station.Running{Line: a.Runs.Line, Order: a.Runs.Order, Product: a.Runs.Product}
	}
	for _, o := range []station.Outcome{station.Delivered, station.Refused, station.Unreached, station.Doubtful} {
		if a.Outcome == o.String() {
			rc.Outcome = o
		}
	}
	if rc.Outcome == 0 || rc.Wait < 0 || (rc.Err == nil) != (rc.Outcome == station.Delivered) {
		return station.Receipt{}, fmt.Errorf("the relay's answer cannot be read: outcome %q", station.OneLine(a.Outcome, 40))
	}
	return rc, nil
}

// Ceilings lists what there is at most on the way to a relay, and in it.
func Ceilings() []station.Ceiling {
	return []station.Ceiling{
		{Of: "an ask of a station's on the way to the relay", Most: fmt.Sprint(mostAsk>>10, " kB"), Then: "the entry is held: not sent"},
		{Of: "an answer of the relay's", Most: fmt.Sprint(mostAnswer>>10, " kB; a file comes in parts"), Then: "a command says so; of an attempt, it is looked up"},
		{Of: "asks of a station that are under way", Most: fmt.Sprint(mostPending), Then: "the next is not sent, and tried again later"},
		{Of: "asks that wait at a relay for one vendor, and of one station's", Most: fmt.Sprint(mostWaiting, ", ", mostOfStation), Then: "the station is told to wait a second; the relay's log says so"},
		{Of: "questions of persons that wait at a station, and its answer", Most: fmt.Sprint(mostQuestions, "; ", mostTold>>10, " kB"), Then: "the command says so"},
		{Of: "what a station says of itself, and how long the engine keeps it", Most: fmt.Sprint(mostStatus>>10, " kB; ", int(statusKept/(24*time.Hour)), " days"), Then: "it is not kept"},
		{Of: "stations that the relays refuse", Most: fmt.Sprint(mostRevoked), Then: "`fleet revoke` says so"},
		{Of: "the time that an ask waits at a relay", Most: fmt.Sprint(waitTime), Then: "the station asks again, and keeps its turn"},
	}
}
