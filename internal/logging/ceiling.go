package logging

import (
	"strconv"

	"stationd/internal/station"
)

// Ceilings lists what is written to the log at most.
func Ceilings() []station.Ceiling {
	return []station.Ceiling{
		{Of: "the log in a day", Most: strconv.Itoa(dayBytes/1_000_000) + " MB", Then: "what is routine gives way first; a line says how many were left out, and `stationd_log_dropped_total` counts them"},
		{Of: "lines that wait to be written", Most: strconv.Itoa(queueBytes>>10) + " KiB", Then: "the oldest give way, and are counted: nobody reads the log"},
		{Of: "the last lines, kept in memory for `stationd dump`", Most: strconv.Itoa(recentBytes>>10) + " KiB", Then: "the oldest give way; the journal has more"},
		{Of: "the same line in a minute", Most: strconv.Itoa(burst), Then: "it is counted and said once for all of them"},
	}
}
