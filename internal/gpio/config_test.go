package gpio

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	header, soon := 18, 9*time.Second
	never := time.Duration(0)
	tests := []struct {
		name    string
		chips   Chips
		buttons []Button
		lamps   []Lamp
		buzzers []Buzzer
		want    []string
	}{
		{
			name:    "a button and a lamp with nothing but a name and a pin are well",
			buttons: []Button{{Name: "red", Pin: 17}},
			lamps:   []Lamp{{Name: "red", Pin: 22}},
		},
		{
			name:    "every fault is told at once",
			buttons: []Button{{Active: "lo", Bias: "up", Debounce: time.Second, Hold: time.Millisecond}},
			lamps:   []Lamp{{Name: "red", Pin: 28, Active: "on"}},
			want: []string{
				`button 0 name: the button has no name; give it one`,
				`button 0 pin: the pin is missing; give the GPIO number, 1 to 27 (GPIO0 is kept for add-on boards)`,
				`button 0 active: "lo" is not known here; allowed are low, high`,
				`button 0 bias: "up" is not known here; allowed are pull-up, pull-down, none`,
				`button 0 debounce: 1s is out of range; allowed are 1ms to 250ms`,
				`button 0 hold: 1ms is shorter than the debounce time of 1s; a hold must be longer than a press`,
				`lamp 0 pin: there is no GPIO28 on a Raspberry Pi's header; allowed are 0 to 27 (GPIO numbers, not header positions)`,
				`lamp 0 active: "on" is not known here; allowed are high, low`,
			},
		},
		{
			name:    "one pin has one user, be it a button or a lamp",
			chips:   Chips{Chip: "pinctrl-rp1"},
			buttons: []Button{{Name: "red", Pin: 17}, {Name: "green", Pin: 17, Chip: "pinctrl-rp1"}},
			lamps:   []Lamp{{Name: "red", Pin: 17}},
			want: []string{
				`button 1 pin: pin 17 is used by button "red" already; one pin has one user`,
				`lamp 0 pin: pin 17 is used by button "red" already; one pin has one user`,
			},
		},
		{
			name:    "the same pin of two chips is two pins, and line 0 of an expander is a line like all",
			buttons: []Button{{Name: "red", Pin: 17}, {Name: "green", Pin: 17, Chip: "mcp23017@1-0020"}, {Name: "blue", Pin: 0, Chip: "mcp23017@1-0020"}},
		},
		{
			name:    "names are told apart",
			buttons: []Button{{Name: "red", Pin: 17}, {Name: "red", Pin: 22}},
			lamps:   []Lamp{{Name: "red", Pin: 5}, {Name: "red", Pin: 6}},
			want: []string{
				`button 1 name: another button is called "red" already; names are told apart`,
				`lamp 1 name: another lamp is called "red" already; names are told apart`,
			},
		},
		{
			name:    "two contacts take two pins, of which nobody else has one",
			buttons: []Button{{Name: "red", Pin: 17, PinNC: &header}, {Name: "green", Pin: 18}, {Name: "blue", Pin: 5, PinNC: &header, Wiring: "nc"}, {Name: "white", Pin: 6, Wiring: "NC"}},
			want: []string{
				`button 1 pin: pin 18 is used by button "red" already; one pin has one user`,
				`button 2 pin_nc: pin 18 is used by button "red" already; one pin has one user`,
				`button 2 wiring: a button with pin_nc has a contact of either kind: pin is its normally open one; take wiring away`,
				`button 3 wiring: "NC" is not known here; allowed are no, nc`,
			},
		},
		{
			name: "a double press has a time that a hand can keep",
			buttons: []Button{
				{Name: "a", Pin: 17, Double: 100 * time.Millisecond},
				{Name: "b", Pin: 18, Double: 250 * time.Millisecond, Debounce: 200 * time.Millisecond},
				{Name: "c", Pin: 19, Double: 500 * time.Millisecond, Hold: 400 * time.Millisecond},
				{Name: "d", Pin: 20, Double: 500 * time.Millisecond},
				{Name: "e", Pin: 21, Hold: 200 * time.Millisecond},
			},
			want: []string{
				`button 0 double: 100ms is out of range; allowed are 150ms to 1s`,
				`button 1 double: in 250ms there is no room for a press of 200ms and a release of 50ms; make it longer`,
				`button 2 double: 500ms is not shorter than the hold time of 400ms; a hold must be longer than a double press`,
			},
		},
		{
			name:    "a buzzer has a pin of its own and does not remind all the time",
			lamps:   []Lamp{{Name: "red", Pin: 13}},
			buzzers: []Buzzer{{Name: "horn", Pin: 13}, {Pin: 14, Active: "loud", Remind: &soon}, {Name: "quiet", Pin: 15, Remind: &never}},
			want: []string{
				`buzzer 0 pin: pin 13 is used by lamp "red" already; one pin has one user`,
				`buzzer 1 name: the buzzer has no name; give it one`,
				`buzzer 1 active: "loud" is not known here; allowed are high, low`,
				`buzzer 1 remind: 9s is too often; allowed are 10s and more, and "0s" for never`,
			},
		},
		{
			name:    "a negative debounce time is no time",
			buttons: []Button{{Name: "red", Pin: 17, Debounce: -time.Millisecond}},
			want:    []string{`button 0 debounce: -1ms is out of range; allowed are 1ms to 250ms`},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			Check(Panel{Chips: test.chips, Buttons: test.buttons, Lamps: test.lamps, Buzzers: test.buzzers}, func(table string, index int, key, text string) {
				got = append(got, fmt.Sprintf("%s %d %s: %s", table, index, key, text))
			})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAButtonIsPulledAwayFromItsActiveLevel(t *testing.T) {
	t.Parallel()
	for active, want := range map[string]string{"": pullUp, low: pullUp, high: pullDown} {
		if got := (Button{Active: active}).withDefaults(Chips{}).Bias; got != want {
			t.Errorf("active %q: %s, want %s", active, got, want)
		}
	}
}
