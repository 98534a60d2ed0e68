package station

import (
	"maps"
	"math"
	"slices"
	"time"
)

// A SoundKind is what a buzzer may say.
type SoundKind uint8

// The sounds, from the least to the gravest. A delivery makes none: it may come at any later
// time, and asks nothing of the operator.
const (
	Silent        SoundKind = iota
	SoundRecorded           // it is on disk
	SoundRefused            // it is not taken: nobody knows this scan, or something is missing
	SoundHeld               // a person must look
)

// String returns the sound's word in logs.
func (k SoundKind) String() string {
	switch k {
	case Silent:
		return "silent"
	case SoundRecorded:
		return "recorded"
	case SoundRefused:
		return "refused"
	case SoundHeld:
		return "held"
	}
	return "no sound"
}

// A Sound is something a buzzer says once.
type Sound struct {
	Kind   SoundKind
	Buzzer string        // empty: there is none to say it
	Boot   string        // the boot in which it became due
	Up     time.Duration // and when in that boot
}

// Same reports whether two sounds speak of the same thing, on whichever buzzer.
func (s Sound) Same(other Sound) bool {
	return s.Kind == other.Kind && s.Boot == other.Boot && s.Up == other.Up
}

// Sounds says what the buzzers may say, each sound under a name that stays the
// same for what it speaks of. It is pure, and names the last sound of each, however
// long ago that was: whoever makes them remembers under each name which was made,
// and takes those that are there when the station starts as made.
//
// The last note of a source sounds as soon as it is there. While one of its
// entries is held, that sounds again at every full remind of its buzzer since the
// board's start. A wrong key and a storage that failed sound so for the station. A
// stack light's buzzer says of every source what is held, and nothing else.
func (p Program) Sounds(s State, h Health, now Stamp) map[string]Sound {
	sounds := make(map[string]Sound)
	for source, n := range s.Notes {
		sounds[source] = n.sound(p.buzzerOf(source))
		for _, k := range p.Stacks {
			if n.Kind == NoteHeld {
				sounds[k.Name+"/"+source] = n.sound(k.Buzzer)
			}
		}
	}
	for source, t := range s.Sources {
		if t.Held > 0 {
			p.remind(sounds, source, p.buzzerOf(source), s.saidHeld(now, source), now)
		}
	}
	for _, c := range s.Calls {
		if c.Unanswered() {
			p.remind(sounds, c.Source, p.buzzerOf(c.Source), never, now)
		}
	}
	if h.Storage != "" || h.keyFault() {
		p.remind(sounds, FromStation, p.DefaultBuzzer, never, now)
	}
	if s.held() || s.overdue() || h.Storage != "" || h.keyFault() {
		for _, k := range p.Stacks {
			p.remind(sounds, k.Name, k.Buzzer, s.saidHeld(now, slices.Collect(maps.Keys(s.Notes))...), now)
		}
	}
	maps.DeleteFunc(sounds, func(_ string, s Sound) bool { return s.Kind == Silent })
	return sounds
}

// NoteSound is what the buzzer of a source says of a note, as Sounds has it of its last one.
func (p Program) NoteSound(source string, n Note) Sound { return n.sound(p.buzzerOf(source)) }

func (p Program) buzzerOf(source string) string {
	if buzzer := p.Buzzer[source]; buzzer != "" {
		return buzzer
	}
	return p.DefaultBuzzer
}

// remind adds the reminder that is due now, unless the thing was said not long ago.
func (p Program) remind(sounds map[string]Sound, of, buzzer string, said time.Duration, now Stamp) {
	every := p.Reminders[buzzer]
	if every <= 0 || now.Up < every || said < every/2 {
		return
	}
	if due := now.Up.Truncate(every); now.Up-due < Flash {
		sounds[of+"/again"] = Sound{Kind: SoundHeld, Buzzer: buzzer, Boot: now.Boot, Up: due}
	}
}

const never = time.Duration(math.MaxInt64)

// saidHeld returns how long ago any of the sources was last told that something is
// held.
func (s State) saidHeld(now Stamp, sources ...string) time.Duration {
	said := never
	for _, source := range sources {
		if n := s.Notes[source]; n.Kind == NoteHeld {
			if age, known := now.Since(n.At); known {
				said = min(said, age)
			}
		}
	}
	return said
}

// sound is what a note says to the ear.
func (n Note) sound(buzzer string) Sound {
	return Sound{Kind: n.Kind.Reply().Buzzer, Buzzer: buzzer, Boot: n.At.Boot, Up: n.At.Up}
}
