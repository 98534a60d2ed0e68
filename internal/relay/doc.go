// Package relay lets the stations of a plant reach their vendors by way of one program, the
// relay: it has the keys and the pace, and stations have neither. What moves is attempts and
// their answers. Entries stay in the station's outbox, with their order and their doubt: an
// entry has one sender, whatever becomes of relays and of the network between.
//
// Between the two stands a NATS server, the engine, which keeps nothing that must not be
// lost. A [Link] is the station's end, whose backends are station.Backends as the vendors'
// own are; a [Relay] is the other. This package is the only door to the client of NATS.
//
// # On the wire
//
// A message is one JSON object. Names that are not known are skipped, what is left out has
// its zero value, a duration is a whole number of nanoseconds, a time is RFC 3339 with as
// many digits as it has, and bytes are base64.
//
//	sd.lead                             a relay to all, once a second: the announcement
//	sd.do.TERM.BACKEND.STATION.ASK      a station to the relay that leads: the ask
//	sd.answer.STATION.ASK               the relay to that station: the answer
//
// TERM is a name that is new each time that a relay takes the lead, BACKEND is l2l or
// lagerkoll, STATION is the station's name, and ASK a name that is new for each ask. The
// engine sees to it that a station publishes and hears under its own name alone
// (docs/relay.md), so that the relay knows by the subject who asks.
//
// The announcement, of at most 4 KB:
//
//	{"v":1,"least":1,"term":"3f…","tick":17,"relay":"dmz-1"}
//
//	v, least   the versions of asks that this relay understands, the newest and the oldest
//	term       the term that asks are to name
//	tick       the whole seconds since the term began
//	relay      what the relay is called
//
// The ask, of at most 256 KB:
//
//	{"v":1,"do":"deliver","tick":17,"settle":126000000000,"delivery":{…}}
//
//	v          the version of the ask, and of its answer
//	do         deliver, look, rehearse, probe, read, fetch or end
//	tick       the tick of the last announcement that the station heard
//	settle     how long after an attempt an absence proves nothing to this station
//	delivery   of deliver, look and rehearse: entry (as the outbox has it), attempt, doubtful, ref,
//	           before, when, exact, merged, forced, marks, settle, look_only
//	question   of read, with the field "with": what is asked; of fetch: the path, and with
//	           is the query
//
// An end has neither: nobody waits for the answer to the ASK in its subject any more, and the
// relay begins nothing more for it. It has no answer.
//
// The answer, of at most 768 KB:
//
//	{"v":1,"outcome":"delivered","ref":"4711","vendor":"2026-03-02T07:15:00Z"}
//
//	outcome    delivered, refused, unreached or doubtful
//	ref, number, note, adopted, runs (line, order, product), wait, answered, sent, marks,
//	final
//	           as in a receipt
//	error      text; kinds: key, forbidden, undecided, not_shown, absent, unreadable, failed,
//	           misfit; refusal: the vendor's own words
//	before     of look: what was seen
//	answer     of read: columns, rows, note, all, file, type
//	body       of fetch: what the vendor sent
//	requests   of rehearse: what would be sent (method, url, header, body), and what was read
//	           for that (sent); no key is in them
//	more       answer has a part of a file and nothing else: the next has the next part
//	vendor     what the vendor's clock says now, as far as the relay has heard it
//
// # Persons
//
// Whoever sees to the plant asks the stations themselves, by subjects of their own: persons.go
// has them, revoke.go those that go to the relay that leads, and fleet.go what the engine keeps
// of each station for when it is away. A [Fleet] is their end.
//
// # Versions
//
// A program understands its own version and the one before. A station writes its asks in the
// newest version that both ends understand, and asks nothing where there is none. What a
// relay does not understand is answered as unreached: it certainly did nothing.
//
// # Why nothing happens twice
//
// One ask goes to one relay once, and nothing is kept for later: where there is no
// connection, or nobody takes asks of that term, it is unreached. Once it was published, and
// no answer came, it is doubtful, and the outbox looks it up before it sends again.
//
// A relay begins nothing that changes anything where its lease has run out by its own clock,
// nor for an ask whose tick is older than [Patience], however the ask was delayed; see
// api.WithGuard. An absence therefore counts for a station only after the settle time of
// api.SettleByRelay. A relay refuses stations whose settle time is shorter than its own way
// to the vendor needs.
package relay
