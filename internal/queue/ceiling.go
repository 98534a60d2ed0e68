package queue

import (
	"strconv"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// Ceilings lists what is kept on disk at most.
func Ceilings() []station.Ceiling {
	number := strconv.Itoa
	const mebibyte = 1 << 20
	return []station.Ceiling{
		{Of: "the outbox", Most: number(defaultSize/mebibyte) + " MiB, of which events take 80 %", Then: "what is pressed or scanned is refused aloud: lamp, buzzer, reader and page; a warning at half, a lamp when it is nearly full. The file never grows"},
		{Of: "unknown scans that are kept", Most: number(mostKept), Then: "the oldest gives way; the history and the log have all"},
		{Of: "scans of a reader in one commit", Most: number(station.MostTogether) + ", and one more above " + number(mostTogether>>10) + " KiB", Then: "the rest goes in the next"},
		{Of: "actions of one event", Most: number(format.MostEntries), Then: "the event is refused with words"},
		{Of: "a vendor's name for a thing", Most: number(longestRef) + " bytes", Then: "the answer cannot be read, and the entry is looked up"},
		{Of: "attempts at an entry that end the process", Most: number(mostStarts), Then: "the entry is held"},
		{Of: "answers in a row that decide nothing", Most: number(mostAnswers), Then: "the entry is held, where the vendor is well otherwise"},
		{Of: "the history", Most: number(mostHistory/mebibyte) + " MiB", Then: "the oldest days go"},
		{Of: "a file of the history", Most: number(mostPart/mebibyte) + " MiB", Then: "the day goes on in another"},
		{Of: "damaged files that are set aside", Most: number(format.MostAside), Then: "the oldest goes"},
		{Of: "ends that are remembered for `--wait`", Most: number(mostEnded), Then: "the command says that the entry ended, and not how"},
		{Of: "entries in a list of a page or command", Most: number(mostListed), Then: "*and 12 more*; `outbox ls --all` lists all, one at a time"},
	}
}
