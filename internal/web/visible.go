package web

import "stationd/internal/station"

// longestShown is how many characters of a scan or of a vendor's text the page
// shows; the whole of it is in the outbox.
const longestShown = 200

// visible makes text from outside fit to be read by a person; see station.Visible. It
// is no escaping: the nodes of a page do that.
func visible(text string) string {
	return station.Visible(station.Cut(text, longestShown), "‹", "›")
}
