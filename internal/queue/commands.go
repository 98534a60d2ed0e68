package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// This file remembers the last commands, so that one whose answer was lost can be given
// again and is recorded once.

// mostCommands is how many of the last commands are remembered, so that whoever got
// no answer can give one again.
const mostCommands = 50

// resultOf is what was answered when a command was recorded.
func resultOf(c format.Command) station.Result {
	done := station.Result{ID: c.ID, Retried: c.Retried, Note: c.Note, Repeated: true}
	for i := range c.Entries {
		done.Entries = append(done.Entries, c.ID.Entry(i+1))
	}
	return done
}

// errOtherCommand says that an ID was used for something else before.
var errOtherCommand = errors.New("this ID belongs to another command, which was recorded: give this one without it")

// Recorded returns what became of a command of that kind whose event has that ID; known
// is false of any that is not among the last fifty, or was not recorded.
func (o *Outbox) Recorded(id station.ID, kind string) (done station.Result, known bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.commands, func(c format.Command) bool { return c.ID == id && c.Kind == kind })
	if i < 0 {
		return station.Result{}, false
	}
	return resultOf(o.commands[i]), true
}

// alreadyRecorded returns what became of the same command when it was recorded before: an ID
// is recorded once. Of one that has been forgotten and still waits only that is known.
func (b *batch) alreadyRecorded(ev station.Event) (done station.Result, before bool, err error) {
	if ev.Source != station.FromCommand {
		return done, false, nil // nobody else brings an ID along
	}
	for _, c := range b.o.commands {
		switch {
		case c.ID != ev.ID:
		case c.Sum != sumOf(ev):
			return done, false, fmt.Errorf("event %s: %w", ev.ID, errOtherCommand)
		default:
			return resultOf(c), true, nil
		}
	}
	first := ev.ID.Entry(1)
	switch _, _, err := b.find(first); {
	case err == nil:
		return station.Result{ID: ev.ID, Entries: []station.ID{first}, Repeated: true}, true, nil
	case errors.Is(err, ErrNoEntry):
		return done, false, nil
	default:
		return done, false, err
	}
}

// rememberCommand keeps what became of a command, in place of the oldest.
func (b *batch) rememberCommand(ev station.Event, done station.Result) {
	if ev.Source != station.FromCommand {
		return
	}
	all := append(slices.Clone(b.o.commands), format.Command{ID: ev.ID, Kind: ev.Kind, Sum: sumOf(ev), Entries: len(done.Entries), Retried: done.Retried, Note: done.Note})
	b.o.commands, b.commanded = all[max(0, len(all)-mostCommands):], true
}

// keepCommands writes the last commands where the transaction has any: once, however
// many share it.
func (b *batch) keepCommands() error {
	if !b.commanded {
		return nil
	}
	return storage(b.tx.ChangeSession(func(s *format.Session) { s.Commands = b.o.commands }))
}

// sumOf tells what one command asks for from what another does, whoever gives it.
func sumOf(ev station.Event) uint64 {
	data := maps.Clone(ev.Data)
	delete(data, "by")
	text, err := json.Marshal([]any{ev.Kind, data})
	if err != nil {
		return 0
	}
	h := fnv.New64a()
	h.Write(text)
	return h.Sum64()
}
