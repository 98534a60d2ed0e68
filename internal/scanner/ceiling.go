package scanner

import (
	"strconv"

	"stationd/internal/station"
)

// Ceilings lists what is taken of a scanner at most.
func Ceilings() []station.Ceiling {
	number := strconv.Itoa
	return []station.Ceiling{
		{Of: "a scan", Most: number(maxFrame) + " bytes", Then: "it is dropped up to its end and counted; the reader beeps refused, `scans` and the log say so"},
		{Of: "scans of a reader that wait to be recorded", Most: number(maxUnrecorded), Then: "no more is read, and what comes waits in the kernel and in the reader"},
		{Of: "the same code again", Most: "one within `repeat`, 800 ms", Then: "it is one scan; the reader is answered as before"},
		{Of: "time that a scan may pause within", Most: frameTimeout.String(), Then: "it is dropped, and what comes within " + lateRestTime.String() + " is its rest"},
		{Of: "what is sent to a reader at once", Most: number(longestBeep) + " bytes", Then: "`check` says so"},
		{Of: "connections of a reader that connects", Most: "one", Then: "the one before is closed"},
	}
}
