package station

import "slices"

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

// NoteKinds lists every note there is, in the order of their names.
func NoteKinds() []NoteKind {
	all := []NoteKind{
		NoteRecorded, NoteSet, NoteAsked, NoteTwice, NoteDelivered, NoteUnknown, NoteNeeds,
		NoteAlready, NoteNothing, NoteHeld, NoteFull, NoteUnread, NoteNumber, NoteAbove, NoteBelow,
		NoteNotAllowed, NoteNotYet, NoteNotAmong, NoteAmong, NoteOverdue, NoteConfirm, NoteUnfit,
		NoteUndone, NoteLate, NoteLeft, NoteUnrecorded, NoteTechnician, NoteNoTechnician,
		NoteNoBadge, NoteRole,
	}
	slices.Sort(all)
	return all
}

// Reply says how a note is told. A kind that this program does not know, of another
// version's, is told as nothing but words.
//
// What is on disk, or in hand, or done, is said as recorded, and never anything
// else is: a part without its order, or a code that nobody knows, is not. Where
// nothing happened and nothing is wrong, nothing is said.
func (k NoteKind) Reply() Reply {
	r, _ := k.reply()
	return r
}

// reply is Reply, and whether this program knows the kind.
func (k NoteKind) reply() (r Reply, known bool) {
	switch k {
	case NoteRecorded, NoteAsked:
		return Reply{Buzzer: SoundRecorded, Beep: SoundRecorded, Page: Wait}, true
	case NoteSet, NoteUndone, NoteLeft, NoteTechnician, NoteNoTechnician:
		return Reply{Buzzer: SoundRecorded, Beep: SoundRecorded, Page: Good}, true
	case NoteDelivered:
		return Reply{Lamp: Steady, Page: Good}, true
	case NoteTwice:
		return Reply{Lamp: Quick, Buzzer: SoundHeld, Beep: SoundRecorded, Page: Look}, true
	case NoteHeld, NoteOverdue, NoteConfirm:
		return Reply{Lamp: Quick, Buzzer: SoundHeld, Beep: SoundRefused, Page: Look}, true
	case NoteUnknown, NoteNeeds, NoteFull, NoteUnread, NoteNumber, NoteAbove, NoteBelow,
		NoteNotAllowed, NoteNotYet, NoteNotAmong, NoteAmong, NoteUnfit, NoteLate, NoteUnrecorded,
		NoteNoBadge, NoteRole:
		return Reply{Lamp: Quick, Buzzer: SoundRefused, Beep: SoundRefused, Page: Look}, true
	case NoteAlready, NoteNothing:
		return Reply{Page: Good}, true
	}
	return Reply{Page: Good}, false
}
