package station

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSounds(t *testing.T) {
	t.Parallel()
	p := Program{
		Reminders:     map[string]time.Duration{"horn": 5 * time.Minute, "beeper": 0, "siren": time.Minute},
		Buzzer:        map[string]string{"hand": "beeper"},
		DefaultBuzzer: "horn",
		Stacks:        []Stack{{Name: "tower", Buzzer: "siren"}},
	}
	sound := func(kind SoundKind, buzzer string, second int) Sound {
		return Sound{Kind: kind, Buzzer: buzzer, Boot: "b", Up: time.Duration(second) * time.Second}
	}
	held := func(source string, noteAt int) State {
		return State{
			Notes:   map[string]Note{source: {Kind: NoteHeld, At: atSecond(noteAt)}},
			Sources: map[string]Tally{source: {Held: 1}},
		}
	}
	earlier := held("maintenance", 0)
	earlier.Notes["maintenance"] = Note{Kind: NoteHeld, At: Stamp{Boot: "a", Up: time.Hour}}
	overwritten := held("maintenance", 0)
	overwritten.Notes["maintenance"] = Note{Kind: NoteRecorded, At: atSecond(298)}
	tests := []struct {
		name   string
		state  State
		health Health
		second int
		want   map[string]Sound
	}{
		{name: "a station where nothing happened is silent", second: 300, want: map[string]Sound{}},
		{
			name:   "each source sounds on its own buzzer, or on the station's",
			state:  State{Notes: map[string]Note{"maintenance": {Kind: NoteRecorded, At: atSecond(7)}, "hand": {Kind: NoteUnknown, At: atSecond(8)}}},
			second: 9,
			want:   map[string]Sound{"maintenance": sound(SoundRecorded, "horn", 7), "hand": sound(SoundRefused, "beeper", 8)},
		},
		{
			name:   "a note stays the same sound however long it stands",
			state:  State{Notes: map[string]Note{"maintenance": {Kind: NoteRecorded, At: atSecond(7)}}},
			second: 100_000,
			want:   map[string]Sound{"maintenance": sound(SoundRecorded, "horn", 7)},
		},
		{
			name:   "what is held is said by the source's buzzer and by the stack light's",
			state:  held("hand", 31),
			second: 31,
			want:   map[string]Sound{"hand": sound(SoundHeld, "beeper", 31), "tower/hand": sound(SoundHeld, "siren", 31)},
		},
		{
			name:   "while it is held it sounds again, on each buzzer in its own time",
			state:  held("maintenance", 10),
			second: 301,
			want: map[string]Sound{
				"maintenance": sound(SoundHeld, "horn", 10), "maintenance/again": sound(SoundHeld, "horn", 300),
				"tower/maintenance": sound(SoundHeld, "siren", 10), "tower/again": sound(SoundHeld, "siren", 300),
			},
		},
		{
			name:   "nobody is reminded of what was said just before",
			state:  held("maintenance", 290),
			second: 301,
			want:   map[string]Sound{"maintenance": sound(SoundHeld, "horn", 290), "tower/maintenance": sound(SoundHeld, "siren", 290)},
		},
		{
			name:   "a reminder is due for two seconds only",
			state:  held("maintenance", 10),
			second: 302,
			want:   map[string]Sound{"maintenance": sound(SoundHeld, "horn", 10), "tower/maintenance": sound(SoundHeld, "siren", 10)},
		},
		{
			name:   "what was held before the power cut is reminded of all the same",
			state:  earlier,
			second: 600,
			want: map[string]Sound{
				"maintenance": {Kind: SoundHeld, Buzzer: "horn", Boot: "a", Up: time.Hour}, "maintenance/again": sound(SoundHeld, "horn", 600),
				"tower/maintenance": {Kind: SoundHeld, Buzzer: "siren", Boot: "a", Up: time.Hour}, "tower/again": sound(SoundHeld, "siren", 600),
			},
		},
		{
			name:   "a press that was recorded meanwhile does not keep the reminder away",
			state:  overwritten,
			second: 300,
			want: map[string]Sound{
				"maintenance": sound(SoundRecorded, "horn", 298), "maintenance/again": sound(SoundHeld, "horn", 300),
				"tower/again": sound(SoundHeld, "siren", 300),
			},
		},
		{
			name:   "a buzzer that is not to remind does not",
			state:  held("hand", 10),
			second: 180,
			want: map[string]Sound{
				"hand": sound(SoundHeld, "beeper", 10), "tower/hand": sound(SoundHeld, "siren", 10), "tower/again": sound(SoundHeld, "siren", 180),
			},
		},
		{
			name:   "a wrong key is reminded of on the station's buzzer and the stack light's",
			health: wrongKey,
			second: 300,
			want:   map[string]Sound{FromStation + "/again": sound(SoundHeld, "horn", 300), "tower/again": sound(SoundHeld, "siren", 300)},
		},
		{
			name:   "the board's start is no reminder",
			health: wrongKey,
			second: 1,
			want:   map[string]Sound{},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, p.Sounds(test.state, test.health, atSecond(test.second))); diff != "" {
				t.Errorf("sounds (-want +got):\n%s", diff)
			}
		})
	}
}
