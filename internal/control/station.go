package control

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"stationd/internal/access"
	"stationd/internal/fleet"
	"stationd/internal/operator"
	"stationd/internal/station"
)

// An Outbox is what the commands ask and tell the outbox. Its methods are called by
// several goroutines at once.
type Outbox interface {
	operator.Outbox

	// Find returns the IDs of entries and kept events whose event's ID begins so; of
	// very many, the first.
	Find(begins string) ([]station.ID, error)

	// Recorded returns what became of a command of that kind that was recorded under
	// that event's ID; known is false of one that was not, or is forgotten.
	Recorded(id station.ID, kind string) (done station.Result, known bool)

	// Adopt puts back everything that is held because the outbox is a copy, to be
	// looked up and sent, and returns how many entries that were.
	Adopt() (int, error)

	// Verify checks the outbox. An error lists everything that it found.
	Verify() error

	// Changed returns a channel that is closed when the outbox changes next.
	Changed() <-chan struct{}
}

// An Access has the badges and the PIN of technicians. Its methods are called by several
// goroutines at once.
type Access interface {
	// NewBadge makes a badge for a name and returns its code, of which nothing is kept.
	NewBadge(name string, now station.Stamp) (code string, err error)

	// Badges lists the badges by their names.
	Badges() []access.Badge

	// Revoke ends the badge of a name.
	Revoke(name string) error

	// SetPIN has the page take that PIN; "" has it take none.
	SetPIN(pin string) error
}

// A Station is whom the commands ask. Its functions are called by several goroutines
// at once.
type Station struct {
	Outbox   Outbox
	Operator operator.Recorder // takes what is decided and asked for by commands

	// Snapshot returns the station as it was at the last look. It must not block.
	Snapshot func() station.Snapshot

	// Read asks a vendor, under the backend's pace. An error says in words what did
	// not come.
	Read func(ctx context.Context, backend, name string, with map[string]string) (station.Answer, error)

	// Access has the badges and the PIN of technicians.
	Access Access

	// Reload reads the configuration again, and returns what is wrong with it, one line
	// each; where anything is, the one in force stays.
	Reload func() []string

	// Metrics answers with the station's numbers, as /metrics of the page does.
	Metrics http.Handler

	// Status is what the station says of itself to whoever sees to the plant, and Doctor what
	// the command doctor finds, as JSON. They are asked over the engine alone.
	Status func() fleet.Status
	Doctor func(ctx context.Context) ([]byte, error)

	// Log returns the last lines of the log.
	Log func() []byte

	// History writes what was done since a moment, as lines of JSON.
	History func(since time.Time, w io.Writer) error

	// Follow hands send what the readers ("scans") or the buttons ("pins") do, each to be
	// sent as JSON, until ctx is done or send fails. The devices wait for none of it. It
	// may be nil.
	Follow func(ctx context.Context, what string, send func(any) error) error
}

// Ceilings lists how much of anything the control socket takes.
func Ceilings() []station.Ceiling {
	return []station.Ceiling{
		{Of: "commands that follow (`--follow`)", Most: strconv.Itoa(mostFollowers), Then: "one more is refused with words"},
		{Of: "entries of each kind that a station tells over the engine at once", Most: strconv.Itoa(mostFleetListed), Then: "the question is refused with words"},
		{Of: "a question to the control socket", Most: strconv.Itoa(mostRequest) + " bytes", Then: "the command says so"},
	}
}
