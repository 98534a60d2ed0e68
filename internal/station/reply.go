package station

import (
	"maps"
	"slices"
)

// A Reply is how the station says a note: its lamp, its buzzer, the reader and the
// page each say the same in their own way.
type Reply struct {
	Lamp   Light     // shown for Flash; Off: the lamp shows nothing but what there is
	Buzzer SoundKind // said once
	Beep   SoundKind // of the reader whose scan it was: recorded, refused or silent
	Page   Level
}

// A Level says how much something asks of whoever reads it.
type Level string

// The levels.
const (
	Good Level = "good" // nothing
	Wait Level = "wait" // patience: the station sees to it itself
	Look Level = "look" // a person must look
)

// replies are what is said to every note there is.
//
// What is on disk, or in hand, or done, is said as recorded, and never anything
// else is: a part without its order, or a code that nobody knows, is not. Where
// nothing happened and nothing is wrong, nothing is said.
func replies() map[NoteKind]Reply {
	var (
		done    = Reply{Buzzer: SoundRecorded, Beep: SoundRecorded, Page: Good}
		waits   = Reply{Buzzer: SoundRecorded, Beep: SoundRecorded, Page: Wait}
		nothing = Reply{Page: Good}
		refused = Reply{Lamp: Quick, Buzzer: SoundRefused, Beep: SoundRefused, Page: Look}
	)
	return map[NoteKind]Reply{
		NoteRecorded:   waits,
		NoteSet:        done,
		NoteAsked:      waits,
		NoteTwice:      {Lamp: Quick, Buzzer: SoundHeld, Beep: SoundRecorded, Page: Look},
		NoteDelivered:  {Lamp: Steady, Page: Good},
		NoteUnknown:    refused,
		NoteNeeds:      refused,
		NoteAlready:    nothing,
		NoteNothing:    nothing,
		NoteHeld:       {Lamp: Quick, Buzzer: SoundHeld, Beep: SoundRefused, Page: Look},
		NoteFull:       refused,
		NoteUnread:     refused,
		NoteNumber:     refused,
		NoteAbove:      refused,
		NoteBelow:      refused,
		NoteNotAllowed: refused,
		NoteNotYet:     refused,
		NoteNotAmong:   refused,
		NoteAmong:      refused,
		NoteOverdue:    {Lamp: Quick, Buzzer: SoundHeld, Beep: SoundRefused, Page: Look},
		NoteConfirm:    {Lamp: Quick, Buzzer: SoundHeld, Beep: SoundRefused, Page: Look},
		NoteUnfit:      refused,
		NoteUndone:     done,
		NoteLate:       refused,
		NoteLeft:       done,
		NoteUnrecorded: refused,

		NoteTechnician:   done,
		NoteNoTechnician: done,
		NoteNoBadge:      refused,
		NoteRole:         refused,
	}
}

// NoteKinds lists every note there is.
func NoteKinds() []NoteKind { return slices.Sorted(maps.Keys(replies())) }

// Reply says how a note is told. A kind that this program does not know, of another
// version's, is told as nothing but words.
func (k NoteKind) Reply() Reply {
	r, known := replies()[k]
	if !known {
		return Reply{Page: Good}
	}
	return r
}
