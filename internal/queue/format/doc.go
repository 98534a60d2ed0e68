// Package format is the outbox's file: how it is laid out, verified and salvaged. It is
// the one door to bbolt, and knows nothing of lanes or vendors.
//
// # The file, to the byte
//
// One bbolt file with 4096-byte pages, whatever the kernel's page size, filled
// with written zeros up to its size so that it never needs new blocks. It takes no
// event that finds 80 % of its pages in use, so that it can always be drained: a
// delete needs free pages too.
//
// The records stand in bbolt's root bucket, beside two buckets, so that a commit writes
// their page and a meta page. A key is ten bytes: the letter r, which is behind the names
// of the buckets, the event's sequence (8 bytes, big-endian) and an index (1 byte): 0 is the
// event, 1 and up are its entries. The letter and nine 0xFF bytes are the state's. A value is
// a record, which describes itself so that it can be found in a damaged file:
//
//	offset  bytes
//	     0      3  "SDQ"
//	     3      1  version, 4
//	     4      1  what it holds: 'e' event, 'k' event that is kept, 'n' entry,
//	               'f' fate, 's' state
//	     5      3  zero
//	     8      4  length of what follows the head, big-endian
//	    12      8  sequence<<8 | index, big-endian; all ones for the state
//	    20      8  number of the transaction that wrote it, big-endian: of two
//	               copies the one with the higher number is the newer
//	    28      4  CRC-32C of the seal, of bytes 0 to 27 and of what follows the head,
//	               big-endian
//	    32         the label, of an entry alone; then the body: JSON
//
// The label has what the index in memory needs, so that opening a long backlog
// reads none of its JSON:
//
//	offset  bytes
//	     0      8  FNV-1a of 64 bits of the entry's ID, big-endian
//	     8      8  sequence<<8 | index of the entry that it is about, or zero
//	    16      1  'w' waiting, 'm' marked, 'h' held
//	    17      1  bits: 1 where it is a barrier, 2 where its verb marks before it acts,
//	               4 where no attempt at it has begun
//	    18      2  length of the lane's name as it stands here, big-endian
//	    20         the lane's name, in which %XX stands for each control character and
//	               %25 for the sign itself
//
// The seal is eight random hexadecimal digits of the outbox's own. They tell its records
// from bytes that look like some: a label can hold a whole record, but not one that is
// sealed so. The state says them too, for a salvage that finds them nowhere else. They stay
// as they are for as long as there is the outbox.
//
// So the second entry of event 7, written by transaction 9, begins
//
//	53 44 51 04 6e 00 00 00  00 00 01 2b 00 00 00 00  00 00 07 02 00 00 00 00
//	00 00 00 09 …
//
// An event stays while one of its entries does, or while it is kept because no
// binding knew it. An entry's condition is in its value: waiting, marked or held.
// Its end is a record of its own kind at the same key, and stays only while a
// waiting entry is about it. The state says beside itself which sequence was the
// last to be given out, and up to which every entry has ended.
//
// Bucket "q" is empty. Bucket "meta" is cold: "version" (4), "id" (the outbox's own, 32 hexadecimal
// digits; a copy gets another), "seal", "session" (JSON: when the process that has the file began, whether it ended
// cleanly, and that it keeps the age of doubt and what is unsent, which older versions do not; and
// the last fifty commands that were recorded, and what each backend does with marks, both of
// which older versions forget), "home" (JSON: the computer, the inode and its birth where it was last
// open), "clocks" (JSON: the recent boots in their order, and when each
// began where that is known), "program" (the version of the stationd that had the
// file last).
//
// # Versions 1 and 2
//
// Their records stand in bucket "q", by keys without the letter, and the bucket's sequence
// is that of the last event. Version 1 has no seal besides, the checksums begin with byte 0 of
// the record, and lanes are not escaped. The first start of this version rewrites such a file
// in its place, in one transaction or several: each moves the records of one part, the oldest
// first, with their numbers, and the state, which says ("old") while some older ones are left.
// So the file is sound whenever the power goes, and the next start goes on; it gets no
// larger. Whoever only looks reads it as it is.
//
// # A newer version
//
// What a newer version wrote is not damaged: a version above this one, in meta or in a
// record; a kind of record, a condition or a key of meta that this one does not know.
// Such a file is refused in words and not touched, by Open or by any other look, also
// where it is damaged besides. A single flipped bit is damage all the same: the number
// of each version differs in two bits from that of the one before (1, 2, 4; then 8), and a key
// of meta is not of the letters a to f alone, as digits of the seal may be. New fields
// in JSON are for what an older version may ignore.
//
// # A damaged file
//
// [Open] has the file verified by another process. A damaged one is set aside as
// outbox-DATE.damaged and a new one is made of what can be read of it, by walking
// its tree as far as that is sound and by searching all of it for records where it
// is not. What was found by searching may have been delivered since: it is marked,
// so it is looked up at the vendor before it is sent.
//
// # A failed commit
//
// Nobody knows what is on disk after it. Everything that the transaction did is
// written to outbox.spare, in the same records (and 'x', nothing is there any more),
// synced, and acknowledged then; the outbox takes nothing more, the process ends,
// and the next Open makes a new outbox of the old file and the spare one. Where the
// spare file cannot be written either, nothing is acknowledged; a note of that (a
// record 'u') is tried for, and what the next Open finds of the transaction is then
// held and not sent. A commit that is said to be well on a file system that is
// read-only has failed too: its fsync wrote nothing.
package format
