// Package station has the types that all other packages share, such as Event, Action and
// State, and decides what an event means. It reads no clock, file or socket, and imports
// nothing but the standard library.
//
// Everything is decided by four pure functions:
//
//	Program.Decide  what does this event mean?
//	State.Settle    what does this answer of a vendor change?
//	Program.Lights  how are the lamps lit?
//	Program.Sounds  what do the buzzers sound?
//
// The other packages bring them what happens at the station and at the vendors, and carry
// out what they return. docs/glossary.md explains the words that are used here.
package station
