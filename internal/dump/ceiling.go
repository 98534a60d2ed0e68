package dump

import (
	"fmt"
	"strconv"

	"stationd/internal/station"
)

// Ceilings lists how much of anything a dump has.
func Ceilings() []station.Ceiling {
	return []station.Ceiling{
		{Of: "waiting entries, held entries and unknown scans in a dump", Most: strconv.Itoa(mostOfEach) + " of each", Then: "the totals stand behind them"},
		{Of: "the log, the outbox and the history of a day in a dump", Most: fmt.Sprintf("%d, %d and %d MiB of text", mostLog>>20, mostOutbox>>20, mostHistory>>20), Then: "the end of each stays, and `CONTENTS.txt` says so"},
	}
}
