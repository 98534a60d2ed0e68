package station

// A Ceiling is the most that there may be of something that accumulates. docs/limits.md
// lists all of them.
type Ceiling struct {
	Of   string // what there is at most so much of, as a person calls it
	Most string // how much, with its unit
	Then string // what happens, and what a person sees, where it is reached
}
