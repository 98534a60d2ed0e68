package queue

import (
	"context"
	"fmt"

	"stationd/internal/station"
)

// sameNoes is how many equal refusals in a row make a backend suspect that it is
// the key that is refused, and not the request.
const sameNoes = 3

// noes are a backend's refusals in a row that said the same.
type noes struct {
	text    string
	entries []station.ID
}

// refused counts a refusal, and reports whether it is one too many of the same.
// The caller holds mu.
func (o *Outbox) refused(backend string, id station.ID, rc station.Receipt) bool {
	n := o.noes[backend]
	text := ""
	if rc.Outcome == station.Refused && rc.Err != nil && rc.Holds() == station.HoldRefused {
		text = rc.Err.Error()
	}
	switch {
	case text == "":
		n = noes{}
	case text != n.text:
		n = noes{text: text, entries: []station.ID{id}}
	default:
		n.entries = append(n.entries, id)
	}
	o.noes[backend] = n
	return len(n.entries) >= sameNoes
}

// suspectKey makes one read after too many equal noes. If even that is refused,
// it is the key: the backend pauses until a person has acted, and the entries go
// back to waiting, for nobody has judged them.
func (o *Outbox) suspectKey(ctx context.Context, name string, prober station.Prober) error {
	rc := prober.Probe(ctx)
	return o.write(func(b *batch) error {
		suspects := o.noes[name].entries
		o.noes[name] = noes{}
		if rc.Outcome != station.Refused {
			return nil
		}
		for _, id := range suspects {
			l, at, err := b.find(id)
			if err != nil {
				continue // a person was quicker
			}
			if i := l.find(at); i >= 0 && l.slots[i].held {
				if err := b.retry(l, at, nil); err != nil {
					return err
				}
			}
		}
		o.pause(name, keyWait)
		o.met(name, station.Receipt{
			Outcome: station.Unreached,
			Err:     fmt.Errorf("%w? %d requests and a read were refused alike: %w", station.ErrKey, len(suspects), rc.Err),
		}, false)
		return nil
	})
}
