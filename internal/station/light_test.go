package station

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A scene is how a station is, in a sentence of docs/lamps.md.
type scene struct {
	so     string
	state  State
	health Health
}

func sources(t Tally) map[string]Tally { return map[string]Tally{"maintenance": t} }

func openCall(closing ID) []Call {
	return []Call{{Backend: "l2l", Source: "maintenance", Ref: "9000001", Closing: closing}}
}

func noted(kind NoteKind) map[string]Note {
	return map[string]Note{"maintenance": {Kind: kind, At: atSecond(99)}}
}

var wrongKey = Health{Backends: map[string]Contact{"l2l": {Kind: Connected, Fault: "the key is wrong"}}}

// lampsPage is the page that is printed and hung up beside the station.
func lampsPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "lamps.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// says compares the table under a heading of docs/lamps.md with what is so.
func says(t *testing.T, heading string, want []string) {
	t.Helper()
	_, rest, found := strings.Cut(lampsPage(t), "<!-- "+heading+" -->\n")
	if !found {
		t.Fatalf("docs/lamps.md has no table %q", heading)
	}
	table, _, _ := strings.Cut(rest, "\n\n")
	got := strings.Split(table, "\n")
	if diff := cmp.Diff(want, got[2:]); diff != "" {
		t.Errorf("docs/lamps.md (-so it is +it says):\n%s", diff)
	}
}

func TestTheOwnLampIsAsThePageSays(t *testing.T) {
	t.Parallel()
	p := Program{Lamps: []string{"red", "white"}, Lamp: map[string]string{"maintenance": "red"}, DefaultLamp: "white"}
	var rows []string
	for _, sc := range []scene{
		{so: "nothing is going on"},
		{so: "what was pressed or scanned is recorded and waits", state: State{Sources: sources(Tally{Waiting: 1})}},
		{so: "it may have arrived, and the vendor is asked (*confirming*)", state: State{Sources: sources(Tally{Waiting: 1})}, health: Health{Backends: map[string]Contact{"l2l": {Kind: Confirming}}}},
		{so: "the call it opened is open at the vendor", state: State{Calls: openCall("")}},
		{so: "the call is open and its close waits", state: State{Calls: openCall("2.1"), Sources: sources(Tally{Waiting: 1})}},
		{so: "what it recorded is held for a person", state: State{Calls: openCall(""), Sources: sources(Tally{Waiting: 1, Held: 1})}},
		{so: "what it recorded was delivered, for two seconds", state: State{Notes: noted(NoteDelivered)}},
		{so: "nobody knows what it scanned, for two seconds", state: State{Notes: noted(NoteUnknown)}},
		{so: "something must be scanned first, for two seconds", state: State{Notes: noted(NoteNeeds)}},
		{so: "it was pressed again and the call is open already", state: State{Calls: openCall(""), Notes: noted(NoteAlready)}},
		{so: "the button, the scanner or the lamp itself is not well", health: Health{Devices: map[string]string{"maintenance": "stuck"}}},
		{so: "a vendor does not accept the key", health: wrongKey},
	} {
		rows = append(rows, fmt.Sprintf("| %s | %s |", sc.so, p.Lights(sc.state, sc.health, atSecond(100))["red"]))
	}
	says(t, "own lamp", rows)
}

func TestTheStackLightIsAsThePageSays(t *testing.T) {
	t.Parallel()
	p := Program{
		Lamps:       []string{"white", "tower-red", "tower-yellow", "tower-green"},
		DefaultLamp: "white",
		Stacks:      []Stack{{Name: "tower", Red: "tower-red", Yellow: "tower-yellow", Green: "tower-green"}},
	}
	var rows []string
	for _, sc := range []scene{
		{so: "everything is delivered and well", state: State{Notes: noted(NoteDelivered)}, health: Health{Backends: map[string]Contact{"l2l": {Kind: Connected}}, Devices: map[string]string{"maintenance": ""}}},
		{so: "a vendor has not been contacted since the start", health: Health{Backends: map[string]Contact{"l2l": {}}}},
		{so: "a call is open at the vendor", state: State{Calls: openCall("")}},
		{so: "an unknown scan is kept", state: State{Notes: noted(NoteUnknown)}},
		{so: "something waits to be delivered", state: State{Sources: sources(Tally{Waiting: 1})}},
		{so: "no contact with a vendor", health: Health{Backends: map[string]Contact{"l2l": {Kind: NoContact, Last: "no route to host"}, "lagerkoll": {Kind: Connected}}}},
		{so: "something may have arrived, and the vendor is asked (*confirming*)", state: State{Sources: sources(Tally{Waiting: 1})}, health: Health{Backends: map[string]Contact{"l2l": {Kind: Confirming}}}},
		{so: "something is held for a person", state: State{Sources: sources(Tally{Held: 1})}},
		{so: "something is held and something else waits", state: State{Sources: map[string]Tally{"maintenance": {Held: 1}, "hand": {Waiting: 2}}}},
		{so: "a vendor does not accept the key", health: wrongKey},
		{so: "a button, a scanner, a lamp or a buzzer is not well", health: Health{Devices: map[string]string{"hand": "unplugged"}}},
		{so: "the outbox takes nothing more", health: Health{Storage: "the card is read-only"}},
	} {
		lit := p.Lights(sc.state, sc.health, atSecond(100))
		rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s |", sc.so, lit["tower-red"], lit["tower-yellow"], lit["tower-green"]))
	}
	says(t, "stack light", rows)
}

func TestWhatBelongsToNoSourceIsSeenSomewhere(t *testing.T) {
	t.Parallel()
	tower := []Stack{{Name: "tower", Red: "t-red", Green: "t-green"}}
	tests := []struct {
		name    string
		program Program
		health  Health
		want    map[string]Light
	}{
		{"a stack light's own lamp that is not well, on the station's lamp", Program{Lamps: []string{"red", "white", "t-red", "t-green"}, DefaultLamp: "white", Stacks: tower}, Health{Devices: map[string]string{"t-green": "gone"}}, map[string]Light{"red": Off, "white": Quick, "t-red": Quick, "t-green": Off}},
		{"a wrong key, on the station's lamp", Program{Lamps: []string{"red", "white"}, DefaultLamp: "white"}, wrongKey, map[string]Light{"red": Off, "white": Quick}},
		{"a wrong key, on a stack light's red", Program{Lamps: []string{"red", "t-red", "t-green"}, Stacks: tower}, wrongKey, map[string]Light{"red": Off, "t-red": Quick, "t-green": Off}},
		{"a wrong key, on every lamp where there is neither", Program{Lamps: []string{"red", "green"}}, wrongKey, map[string]Light{"red": Quick, "green": Quick}},
		{"a failed outbox, on every lamp but never on a green one", Program{Lamps: []string{"red", "t-red", "t-green"}, Stacks: tower}, Health{Storage: "gone"}, map[string]Light{"red": Quick, "t-red": Quick, "t-green": Off}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, test.program.Lights(State{}, test.health, atSecond(1))); diff != "" {
				t.Errorf("lights (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPartWithoutALampShowsOnTheLampsThatAnswerNothing(t *testing.T) {
	t.Parallel()
	p := Program{Lamps: []string{"red", "yellow"}, Lamp: map[string]string{"maintenance": "red"}}
	faulty := Health{Devices: map[string]string{"page": "another program listens there"}}
	waits := State{Sources: sources(Tally{Waiting: 1})}
	for _, c := range []struct {
		so     string
		p      Program
		state  State
		health Health
		want   map[string]Light
	}{
		{"nothing is going on", p, State{}, faulty, map[string]Light{"red": Quick, "yellow": Quick}},
		{"a press is recorded and waits", p, waits, faulty, map[string]Light{"red": Slow, "yellow": Quick}},
		{"the part is well again", p, waits, Health{Devices: map[string]string{"page": ""}}, map[string]Light{"red": Slow, "yellow": Off}},
		{"no other machine sees the page", p, State{}, Health{Devices: map[string]string{PageElsewhere: "nobody said who may"}}, map[string]Light{"red": Off, "yellow": Off}},
		{"the same with a stack light", Program{Lamps: []string{"up", "ok"}, Stacks: []Stack{{Name: "tower", Red: "up", Green: "ok"}}}, State{}, Health{Devices: map[string]string{PageElsewhere: "nobody said who may"}}, map[string]Light{"up": Off, "ok": Steady}},
		{"a lamp shows the station", Program{Lamps: p.Lamps, Lamp: p.Lamp, DefaultLamp: "yellow"}, State{}, faulty, map[string]Light{"red": Off, "yellow": Quick}},
		{"a red of a stack light does", Program{Lamps: []string{"red", "yellow", "up"}, Lamp: p.Lamp, Stacks: []Stack{{Name: "tower", Red: "up"}}}, State{}, faulty,
			map[string]Light{"red": Off, "yellow": Off, "up": Quick}},
	} {
		if diff := cmp.Diff(c.want, c.p.Lights(c.state, c.health, atSecond(100))); diff != "" {
			t.Errorf("%s: %s", c.so, diff)
		}
	}
}
