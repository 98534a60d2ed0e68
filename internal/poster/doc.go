// Package poster draws the sheet of A4 that hangs beside a station: what each light and each
// sound of it means, and what each of its buttons does, in the language of the station. It
// says what docs/lamps.md says, whose tables the program's tests hold to what it does.
package poster
