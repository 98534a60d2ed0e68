package api

import (
	"context"
	"log/slog"
	"net/url"
	"regexp"
	"time"

	"stationd/internal/station"
)

// A Fetcher is a backend by which records can be read as the vendor sends them. One that
// stands for a vendor at the relay of the plant is one, and so is the vendor's own there: what
// several stations read within a few seconds is asked of the vendor once.
type Fetcher interface {
	station.Backend

	// Fetch reads what the vendor has at a path below its base URL. The body is returned
	// with a Delivered receipt only. It obeys ctx.
	Fetch(ctx context.Context, path string, query url.Values) ([]byte, station.Receipt)
}

// A Fetching is a Fetcher with what else is needed to follow a vendor through it.
type Fetching interface {
	Fetcher

	// Site returns the zone of the site, and where is said what goes wrong.
	Site() (*time.Location, *slog.Logger)
}

// fetchedPath is what a path to fetch may look like: it leads nowhere else.
var fetchedPath = regexp.MustCompile(`^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*/?$`)

// CheckFetch says why a path cannot be fetched, with a receipt; ok when it can.
func CheckFetch(path string) (rc station.Receipt, ok bool) {
	if fetchedPath.MatchString(path) {
		return rc, true
	}
	return Refusef("%w: nothing is read at %q", station.ErrMisfit, station.OneLine(path, 80)), false
}
