package api

import "time"

// A Share is what one station may ask of an account that stations share.
type Share struct {
	// Account says whose requests are counted together, as a person knows it.
	Account string
	// Pace is the time between two requests of this station: its rate.
	Pace time.Duration
	// Limit is how many requests a minute the vendor allows the account; 0: none is known.
	Limit int
	// Alone: the section says that nobody else reports on the station's orders.
	Alone bool
	// LocalTime: the account is one place, whose local time its vendor speaks.
	LocalTime bool
}

// A Sharer is a Section that has a share of an account.
type Sharer interface {
	Section

	// Share returns the station's share. It is asked of a section without faults alone.
	Share() Share
}
