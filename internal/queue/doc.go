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
// the vendor before anything is sent.
//
// # The file, to the byte
//
// One bbolt file with 4096-byte pages, whatever the kernel's page size, filled
// with written zeros up to its size so that it never needs new blocks, and never
// more than 80 % full so that it can always be drained. Two buckets.
//
// Bucket "q" is the hot path. A key is nine bytes: the event's sequence (bbolt's
// NextSequence, 8 bytes, big-endian) and an index (1 byte): 0 is the event, 1 and
// up are its entries. The key of nine 0xFF bytes is the state. A value is a
// record, which describes itself so that it can be found in a damaged file:
//
//	offset  bytes
//	     0      3  "SDQ"
//	     3      1  version, 1
//	     4      1  what it holds: 'e' event, 'n' entry, 'f' fate, 's' state
//	     5      3  zero
//	     8      4  length of the body, big-endian
//	    12      8  sequence<<8 | index, big-endian; all ones for the state
//	    20      4  CRC-32C of bytes 0 to 19 and of the body, big-endian
//	    24         body: JSON
//
// So the second entry of event 7 begins
//
//	53 44 51 01 6e 00 00 00  00 00 01 2b 00 00 00 00  00 00 07 02 …
//
// An event stays while one of its entries does, or while it is kept because no
// binding knew it. An entry's condition is in its value: waiting, marked or held.
// Its end is a record of its own kind at the same key, and stays only while a
// waiting entry is about it.
//
// Bucket "meta" is cold: "version" (1), "id" (the outbox's own, 32 hexadecimal
// digits), "session" (JSON: when the process that has the file began, and whether
// it ended cleanly), "clocks" (JSON: what the wall clock said at each recent boot,
// once it was trusted), "watermark" (8 bytes, big-endian: every sequence up to it
// has ended).
package queue
