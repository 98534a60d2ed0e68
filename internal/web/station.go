package web

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"stationd/internal/access"
	"stationd/internal/cards"
	"stationd/internal/operator"
	"stationd/internal/poster"
	"stationd/internal/station"
	"stationd/internal/words"
)

// An Outbox is what the page lists. Its methods are called by several goroutines at
// once. What is asked for the operator's page waits for no disk; a longer list, and the lanes,
// wait for the commit under way.
type Outbox interface {
	// Contents lists the outbox, or the beginning of it: the entries without a final
	// fate in the order of their events, and the unknown scans that are kept.
	Contents(limit station.Limit) (station.Contents, error)

	// Changed returns a channel that is closed when the outbox changes next.
	Changed() <-chan struct{}

	// Lanes lists the lanes in which anything is held or waits, those with held entries
	// first: that many at most. all is how many there are.
	Lanes(most int) (some []station.LaneStatus, all int)
}

// A Station is what the page shows and whom it asks. Its functions are called by
// several goroutines at once.
type Station struct {
	Outbox   Outbox
	Operator operator.Recorder // takes what is decided on the page

	// Snapshot returns the station as it was at the last look. It must not block.
	Snapshot func() station.Snapshot

	// Program returns the program in force.
	Program func() station.Program

	// Cards makes the cards of the program in force. It is nil where the station records
	// nothing: there are no cards then.
	Cards func(*words.Catalogue, cards.Lists) cards.Sheets

	// CardLists asks the vendors for the lists of which cards are made, until ctx is done.
	// unread are those that could not be read, by their titles.
	CardLists func(ctx context.Context) (lists cards.Lists, unread []string)

	// Poster is the station for which the sheet of its lamps is drawn. It is nil where Cards is.
	Poster func(*words.Catalogue) poster.Station

	// Stamp says what the clock said at a moment.
	Stamp func(time.Time) station.Stamp

	// Access knows the technicians. Expire returns how long one may decide who has shown a
	// badge or logged in; 0: nothing needs a technician. Both may be nil, which is that.
	Access *access.Access
	Expire func() time.Duration

	// Export writes the history, as JSON lines or as CSV. It may be nil.
	Export func(w io.Writer, asCSV bool) error

	// Hosts are further names by which the page is asked for.
	Hosts []string

	// TLS encrypts what goes to other machines; nil: nothing does.
	TLS *tls.Config

	// Token returns what other machines must show to see the page; nil: nothing.
	Token func() (string, error)

	// Metrics answers GET /metrics; nil: nothing does.
	Metrics http.Handler

	// Language is the language of the page, of words.Languages. Any other shows English.
	Language string

	// Zone is where the station stands; nil is the zone of the process.
	Zone *time.Location
}

// staleAfter is how old a snapshot may be before it must not be taken for the
// truth. The station is looked at every five seconds at least.
const staleAfter = 15 * time.Second

// stale reports whether the station has not been looked at for too long.
func stale(s station.Snapshot, now station.Stamp) bool {
	age, known := now.Since(s.Now)
	return !known || age > staleAfter
}

// Ceilings lists how much of anything the page takes and shows.
func Ceilings() []station.Ceiling {
	return []station.Ceiling{
		{Of: "open pages on other machines", Most: strconv.Itoa(mostRemoteViewers), Then: "one more shows what it showed first and says that the station does not respond, and tries again every five seconds"},
		{Of: "open pages on this machine", Most: strconv.Itoa(mostLocalViewers), Then: "as above"},
		{Of: "a form or question to the page", Most: strconv.Itoa(mostForm) + " bytes", Then: "413"},
		{Of: "entries, unknown scans and lanes on one page of `/entries`", Most: fmt.Sprintf("%d, %d, %d", entriesPerPage, entriesPerPage, mostLanes), Then: fmt.Sprintf("the next %d are a page further, %d pages at most; `stationd outbox ls --all` lists all", entriesPerPage, mostEntries/entriesPerPage)},
		{Of: "entries of one decision", Most: strconv.Itoa(station.MostDecided), Then: "the rest is another decision: the page counts what is left, and the command makes several"},
		{Of: "technicians who are logged in on the page", Most: strconv.Itoa(mostSessions), Then: fmt.Sprintf("one more logs out who would be logged out first; each after `[access] expire` without a look, and after %v in any case", longestSession)},
		{Of: "calls on the page", Most: strconv.Itoa(mostCalls), Then: "*and 12 more*: those whose close waits are left out first; `stationd call ls` lists all"},
		{Of: "a scan or a vendor's text as the page shows it", Most: strconv.Itoa(longestShown) + " characters", Then: "an ellipsis; the whole of it is in the outbox"},
	}
}
