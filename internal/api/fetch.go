package api

import (
	"context"
	"log/slog"
	"net/url"
	"time"

	"stationd/internal/station"
)

// A Fetcher is a backend by which records can be read as the vendor sends them. One that
// stands for a vendor at the relay of the plant is one, and so is the vendor's own there: what
// several stations read within a few seconds is asked of the vendor once.
type Fetcher interface {
	station.Backend

	// Fetch reads what the vendor has at a path below its base URL, where a watch reads there;
	// elsewhere it reads nothing. The body is returned with a Delivered receipt only. It obeys
	// ctx.
	Fetch(ctx context.Context, path string, query url.Values) ([]byte, station.Receipt)
}

// A Fetching is a Fetcher with what else is needed to follow a vendor through it.
type Fetching interface {
	Fetcher

	// Site returns the zone of the site, and where is said what goes wrong.
	Site() (*time.Location, *slog.Logger)
}

// A Place is a line or a machine of a vendor's, or both; what is not known is empty.
type Place struct{ Line, Machine string }

// A Placing is a Fetcher that knows at which places things are: of a station that is held to
// its own, a relay asks it what the station may have.
type Placing interface {
	Fetcher

	// Locate reads where that is which a verb or a question finds by itself, as a dispatch by
	// its id. d is the Delivery of a verb, and nil of a question. The zero Place says that the
	// vendor does not tell. A receipt that is neither Delivered nor Refused says that it was not
	// asked.
	Locate(ctx context.Context, name string, with map[string]string, d *station.Delivery) (Place, station.Receipt)

	// Withhold returns of a body that Fetch returned what is at such places, and no more than
	// that the rest is there; ok is false where nothing of it is at any place.
	Withhold(path string, query url.Values, body []byte, within func(Place) bool) (left []byte, ok bool)
}

// NotWatched is the receipt of what Fetch is asked for and no watch reads: the key may do more
// than who asks.
func NotWatched(path string) station.Receipt {
	return Refusef("%w: a watch reads nothing at %q", station.ErrMisfit, station.OneLine(path, 80))
}
