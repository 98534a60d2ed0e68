package stationtest_test

import (
	"testing"

	"stationd/internal/station"
	"stationd/internal/station/stationtest"
)

func TestTheBackendInMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	stationtest.Backend(t, func(t *testing.T) stationtest.Bench {
		const to = "memory://board"
		m := stationtest.NewMemory(to)
		deliver := func(verb, ref string, with map[string]string) station.Delivery {
			return station.Delivery{Attempt: 1, Ref: ref, Entry: station.Entry{
				ID: station.NewID().Entry(1), Action: station.Action{Verb: verb, To: to, With: with}}}
		}
		// The note that the erasing needs is written before the count begins.
		m.Deliver(t.Context(), deliver(stationtest.NoteWrite, "", map[string]string{"board": "A", "text": "old"}))
		before := m.Effects()
		return stationtest.Bench{
			Backend: m,
			Deliveries: []station.Delivery{
				deliver(stationtest.NoteWrite, "", map[string]string{"board": "A", "text": "Help needed"}),
				deliver(stationtest.NoteErase, "1", nil),
				deliver(stationtest.CounterAdd, "", map[string]string{"counter": "made"}),
			},
			Harmless: []string{stationtest.NoteErase},
			Break:    m.Break,
			Effects:  func() int { return m.Effects() - before },
		}
	})
}
