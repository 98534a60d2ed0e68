package api

import (
	"log/slog"
	"time"

	"stationd/internal/station"
)

// A Section is a backend's table of the configuration, as the file has it. A backend
// is opened by it; whoever reads the file knows no more of a vendor than this. What
// decodes the file needs a pointer to its struct, whose keys are its toml tags.
type Section interface {
	// Check reports every fault of the section by its key. It touches no file and
	// no network. Nothing else may be asked of a section with faults.
	Check(fault func(key, text string))

	// To says whom the section speaks to: what an entry is frozen with. Another
	// section with the same answer may deliver its entries.
	To() string

	// Defaults returns the values of fields for bindings that say nothing.
	Defaults() map[string]string

	// SettleTime is how long after an attempt an absence proves nothing yet.
	SettleTime() time.Duration

	// ByRelay reports whether the relay of the plant asks the vendor in the station's
	// place: there is no key then, and Open is not asked.
	ByRelay() bool

	// Reached returns the base URL and the way there.
	Reached() (base string, route Route)

	// Secret returns where the key that is in use is kept.
	Secret() KeyFrom

	// Open returns the backend. It reads the key and connects to nothing. An error
	// that is the key's wraps ErrKeyUnusable.
	Open(o Opening) (station.Backend, error)
}

// An Opening is what a backend is opened with, besides its section.
type Opening struct {
	Log  *slog.Logger
	Zone *time.Location // of the site
	Key  *KeyFrom       // where the key is read from in the place of Secret; nil: there

	// Brisk: the pace is the backend's own, whatever the section says: for a handful of
	// reads.
	Brisk bool
}

// A Follower is a Section whose vendor can be followed.
type Follower interface {
	Section

	// Follow returns the source that follows the vendor through a backend which Open
	// returned; nil where nothing is followed. state returns the station's; stamp says when
	// something was seen.
	Follow(b station.Backend, state func() station.State, stamp func(time.Time) station.Stamp) station.Watch

	// Reads says whether the watch reads what is made, for how long that counts, and which
	// value in hand says of which order; see station.Vendor.
	Reads() (reads bool, fresh time.Duration, follows string)
}
