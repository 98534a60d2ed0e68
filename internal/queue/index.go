package queue

import (
	"iter"
	"maps"
	"slices"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// An index is what memory knows of the records on disk: where each stands, and of
// entries what their lane needs. It is guarded by the outbox's mu, and changes with each
// transaction.
type index struct {
	lanes    map[string]*lane
	receipts map[format.Place]string // refs of ended entries that a waiting one is about
	waiting  places                  // entries that wait or are marked
	held     places                  // entries that are held
	kept     places                  // events that are kept
	notices  map[format.Place]string // of kept, those of the program's own
}

func newIndex() *index {
	return &index{
		lanes:    make(map[string]*lane),
		receipts: make(map[format.Place]string),
		notices:  make(map[format.Place]string),
	}
}

// load adds a record of a file that is being opened.
func (x *index) load(r format.Record) error {
	switch r.Kind {
	case format.KindKept:
		ev, err := r.Event()
		if err != nil {
			return err
		}
		x.kept.add(r.Place)
		if ev.Source == station.FromStation {
			x.notices[r.Place] = ev.Code
		}
	case format.KindFate:
		f, err := r.Fate()
		if err != nil {
			return err
		}
		x.receipts[r.Place] = f.Ref
	case format.KindEntry:
		l := r.Label
		x.put(r.Place, l.Condition)
		x.lane(l.Lane).append(slot{
			at: r.Place, id: l.ID, about: l.About,
			held: l.Condition == station.Held, marked: l.Condition == station.Marked,
			barrier: l.Barrier, marks: l.Marks, unsent: l.Unsent,
		})
	}
	return nil
}

// lane returns the lane of that name, and makes it where there is none.
func (x *index) lane(name string) *lane {
	l := x.lanes[name]
	if l == nil {
		l = &lane{name: name}
		x.lanes[name] = l
	}
	return l
}

// put notes the condition of the entry at a place.
func (x *index) put(at format.Place, condition station.Condition) {
	if condition == station.Held {
		x.held.add(at)
		x.waiting.remove(at)
	} else {
		x.held.remove(at)
		x.waiting.add(at)
	}
}

// drop notes that the entry at a place has ended.
func (x *index) drop(at format.Place) {
	x.held.remove(at)
	x.waiting.remove(at)
}

// mayBe returns the live entries that may have an ID: their records say which has.
func (x *index) mayBe(id station.ID) iter.Seq2[*lane, slot] {
	h := format.Hash(id)
	return func(yield func(*lane, slot) bool) {
		for _, l := range x.lanes {
			for _, s := range l.slots {
				if s.id == h && !yield(l, s) {
					return
				}
			}
		}
	}
}

// watermark is the sequence up to which no entry waits or is held.
func (x *index) watermark(last uint64) uint64 {
	for _, l := range x.lanes {
		if len(l.slots) > 0 {
			last = min(last, l.slots[0].at.Sequence()-1)
		}
	}
	return last
}

// behind returns which of the waiting entries wait behind a held one, and which that
// is. While nothing is held it looks at nothing.
func (x *index) behind(waiting places) map[format.Place]format.Place {
	if len(x.held) == 0 || len(waiting) == 0 {
		return nil
	}
	behind := make(map[format.Place]format.Place)
	for _, l := range x.lanes {
		l.behind(waiting[len(waiting)-1], func(at, held format.Place) { behind[at] = held })
	}
	return behind
}

// A selection is what a list has, by its places.
type selection struct {
	totals           station.Totals
	waiting, held    places // the first
	unknown, notices places // the last, and all of them

	behind map[format.Place]format.Place // the held ones that the waiting wait behind
}

// selected takes what a list of that length has.
func (x *index) selected(limit station.Limit) selection {
	s := selection{
		totals: station.Totals{
			Waiting: len(x.waiting), Held: len(x.held),
			Unknown: len(x.kept) - len(x.notices), Notices: len(x.notices),
		},
		waiting: x.waiting.first(limit.Waiting),
		held:    x.held.first(limit.Held),
	}
	for _, at := range x.kept {
		if _, notice := x.notices[at]; notice {
			s.notices = append(s.notices, at)
		} else {
			s.unknown = append(s.unknown, at)
		}
	}
	s.unknown = s.unknown.last(limit.Unknown)
	s.behind = x.behind(s.waiting)
	return s
}

// notice is the latest of the program's own notices; "" where there is none.
func (x *index) notice() string {
	if len(x.notices) == 0 {
		return ""
	}
	return x.notices[slices.Max(slices.Collect(maps.Keys(x.notices)))]
}

// covers reports whether there is enough in it for a list of that length.
func (s selection) covers(limit station.Limit) bool {
	enough := func(wanted, total int) bool { return total <= mostListed || wanted >= 0 && wanted <= mostListed }
	return enough(limit.Waiting, s.totals.Waiting) && enough(limit.Held, s.totals.Held) && enough(limit.Unknown, s.totals.Unknown)
}

// places returns the places of a list's entries and of its kept events.
func (s selection) places(limit station.Limit) (entries, events places) {
	entries = append(s.waiting.first(limit.Waiting), s.held.first(limit.Held)...)
	slices.Sort(entries)
	events = append(s.unknown.last(limit.Unknown), s.notices...)
	slices.Sort(events)
	return entries, events
}

// Places are where records stand, in ascending order.
type places []format.Place

func (p *places) add(at format.Place) {
	if n := len(*p); n == 0 || (*p)[n-1] < at { // as a new entry always is
		*p = append(*p, at)
		return
	}
	if i, there := slices.BinarySearch(*p, at); !there {
		*p = slices.Insert(*p, i, at)
	}
}

func (p *places) remove(at format.Place) {
	switch i, there := slices.BinarySearch(*p, at); {
	case !there:
	case i == 0: // as of what is delivered in its order
		*p = (*p)[1:]
	default:
		*p = slices.Delete(*p, i, i+1)
	}
}

// first returns a copy of the first n, or of all where n is below zero.
func (p places) first(n int) places {
	if n >= 0 && n < len(p) {
		p = p[:n]
	}
	return slices.Clone(p)
}

// last returns a copy of the last n, or of all where n is below zero.
func (p places) last(n int) places {
	if n >= 0 && n < len(p) {
		p = p[len(p)-n:]
	}
	return slices.Clone(p)
}
