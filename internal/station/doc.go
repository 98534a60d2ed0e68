// Package station is the vocabulary of a workstation and its judgement. It has
// no way to touch the world: it never reads a clock, a file or a socket, and it
// imports nothing but the standard library.
//
// The judgement is four pure functions:
//
//	Program.Decide  what does this event mean?
//	State.Settle    what does this answer change?
//	Program.Lights  what may the lamps say?
//	Program.Sounds  what may the buzzers say?
//
// Everything else in stationd is plumbing between the world and these four.
// The words here are the plant's and the vendors'; docs/glossary.md lists them.
package station
