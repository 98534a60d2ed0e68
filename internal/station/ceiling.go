package station

import "strconv"

// What the state holds at most: it is written anew with each event, and every page and
// list shows it.
const (
	mostCalls      = 100  // open calls that nobody has closed
	callsForScans  = 64   // of them that there may be where a scan opens one more; the rest is for buttons and commands
	mostWithClosed = 1000 // calls with those whose close waits, which an outage of days makes
	closedForScans = 500  // of them that there may be where a scan opens one more
	longestInHand  = 8000 // characters of a text in hand
	longestSubject = 256  // characters of what names a lane or a call
	mostLines      = 64   // lines that are known to run something
)

// A Ceiling is the most that there may be of something that accumulates. docs/limits.md
// lists all of them.
type Ceiling struct {
	Of   string // what there is at most so much of, as a person calls it
	Most string // how much, with its unit
	Then string // what happens, and what a person sees, where it is reached
}

// Ceilings lists what the state holds at most.
func Ceilings() []Ceiling {
	number := strconv.Itoa
	const refused = "lamp, buzzer, reader and page say refused, and the page why; nothing of the event is kept but an unknown scan"
	return []Ceiling{
		{"open calls", number(mostCalls), "one more is refused as a list that is full: lamp, buzzer, page and the command say so"},
		{"open calls where a scan opens one more", number(callsForScans), "as above; the rest is for buttons"},
		{"calls with those whose close waits", number(mostWithClosed), "as above: in an outage of days the vendor has not heard of their end"},
		{"calls with those whose close waits, where a scan opens one more", number(closedForScans), "as above"},
		{"items of a list in hand", number(mostItems), "the list is full: lamp, buzzer, reader and page say so"},
		{"a list in hand", number(mostList) + " bytes", "as above"},
		{"a text in hand", number(longestInHand) + " characters", refused},
		{"a value from a label", number(LongestValue) + " characters, or `max` of the binding", refused},
		{"what names a lane or a call", number(longestSubject) + " characters", refused},
		{"lines of which it is known what they run", number(mostLines), "the one that changed longest ago is forgotten, and asked anew where it matters"},
		{"an amount that goes to a vendor, and is no count of the station's own", number(MostAmount) + ", or `max` of the binding", refused},
		{"a counter, and what one event counts", number(mostCount), "lamp, buzzer, reader and page say refused"},
		{"counts that are set aside until they can be reported", number(mostAside), "counting goes on, and what comes then counts for the next product"},
		{"what the page says of the last event", number(longestNote) + " characters", "an ellipsis"},
	}
}
