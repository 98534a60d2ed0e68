// Package matrix holds no program. Its tests put the real outbox and the real
// backends before the simulated plant and break the way between them in every
// manner that we know of: each action must end exactly once, or held for a person
// with the reason.
//
// The network is in memory and the clock is synctest's, so that time-outs, settle
// times, back-offs and Lagerkoll's minute are the real ones and take no time. The
// same actions over real sockets are in cmd/stationd.
//
// What the tests find is docs/guarantees.md, which they write with -update and
// compare with otherwise. What ends otherwise where an assumption does not hold is
// found by make matrix and kept in testdata/otherwise.txt; every other run tries a
// part of it, always the same, and compares. How many requests each action takes is
// counted in the same way, and kept in docs/requests.md.
package matrix
