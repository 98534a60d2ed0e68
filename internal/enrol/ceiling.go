package enrol

import (
	"fmt"

	"stationd/internal/station"
)

// Ceilings lists how much is read of the folder.
func Ceilings() []station.Ceiling {
	return []station.Ceiling{
		{Of: "files in the folder of `stationd enrol`", Most: fmt.Sprintf("%d, of %d MiB each and %d MiB together", mostFiles, mostBytes>>20, mostTogether>>20), Then: "nothing is written, and `refused.txt` says so"},
	}
}
