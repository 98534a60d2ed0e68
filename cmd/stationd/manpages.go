//go:build manpages

package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"stationd/deploy/manpages"
)

// main writes the manual pages of the commands into a folder: go run -tags manpages
// ./cmd/stationd FOLDER. They have the date of SOURCE_DATE_EPOCH.
func main() {
	seconds, _ := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64) // none is 1970
	if err := manpages.Write(commands(), os.Args[1], time.Unix(seconds, 0)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
