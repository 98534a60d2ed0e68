// Package queue is the outbox on disk and the lanes that empty it.
//
// # What it promises
//
// When [Outbox.Record] returns nil, the event, the state after it and its entries
// are on disk, all of them or none, in one bbolt transaction that has been synced.
// A power cut, a crash or a SIGKILL after that loses nothing; one before it loses
// only what no lamp has acknowledged. An entry leaves the disk only when the
// vendor has it, or when a person gave it up.
//
// # What a power cut can do
//
// It can leave an attempt undecided: the request may have arrived. So doubt is the
// default. What [Open] finds at the head of a lane is doubtful, unless the last
// process said on disk that it stopped cleanly, or unless the entry's verb is one
// that marks before it acts and no mark is there. A doubtful entry is looked up at
// the vendor before anything is sent, and an absence counts only when the settle time
// is over. Open marks what it finds in doubt, and notes since when nothing of it can
// have left; only an attempt that begins ends that, and says so on disk before it
// leaves. So neither restarts nor an outage make a doubt younger or older than it is.
//
// What is recorded in an outage while something else is tried is noted as unsent in its
// own record, and is not tried before somebody has been reached; the note goes in the
// commit of the first delivery after the outage. So a power cut in an outage leaves in
// doubt what was tried, and not all that waits.
//
// Doubt, and what was seen before it, stay with an entry that is held, for whatever
// reason. When a person retries it, it is looked up first.
//
// # A copy
//
// A backup that was put back and a card that was copied are not where they were at
// home. Such an outbox gets an id of its own, and everything that waits in it is held
// for a person: it may have been delivered since, or from the original. What is
// written over the same file, or a whole card that is written back to the same
// computer, cannot be told from the original.
//
// # Who holds what
//
// The file, with its spare file, is [format.File]: package format knows how it is laid
// out, how it is verified, and how a damaged one is salvaged. In memory an [Outbox] has an
// index of what is on disk and the entries that were written last, a schedule that says
// whose turn it is, what is known of the clocks, and the history. One mutex guards all of
// them, and is held until a commit is on disk. A worker (one for each Run) carries one entry
// at a time to its backend, and holds nothing while it waits for an answer. Who only looks
// takes the view, which is made anew after each commit and never changed.
package queue
