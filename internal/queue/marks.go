package queue

import (
	"maps"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// This file keeps what each vendor does with the mark in a text that it was told.

// learnMarks keeps what an answer shows of marks at a backend, in a commit that is made
// anyway, and writes only what is new.
func (b *batch) learnMarks(backend string, marks station.Marks) error {
	if marks == "" || b.o.schedule.marks[backend] == marks {
		return nil
	}
	if marks == station.MarksLost {
		b.o.setting.Log.Warn("texts are shown without the mark that they were told with: what is in doubt there is held, unless it is found", "backend", backend)
	}
	all := maps.Clone(b.o.schedule.marks)
	if all == nil {
		all = make(map[string]station.Marks)
	}
	all[backend] = marks
	b.o.schedule.marks = all
	return storage(b.tx.ChangeSession(func(s *format.Session) { s.Marks = all }))
}

// Advice implements station.Adviser: it names the backends that show no marks.
func (o *Outbox) Advice() map[string]string {
	advice := make(map[string]string)
	for backend, marks := range o.view.Load().marks {
		if marks == station.MarksLost {
			advice[backend] = "what it was told to make is shown without its mark [sd-…], so that after a lost answer it is held and not sent again"
		}
	}
	return advice
}
