package relay_test

import (
	"context"
	"strings"
	"testing"

	"stationd/internal/relay"
	"stationd/internal/relay/relaytest"
	"stationd/internal/station"
)

// An archivist is a clerk who can be asked what nobody may know.
type archivist struct{ *clerk }

func (archivist) Queries() []station.Query { return []station.Query{{Name: "secrets"}} }

func (archivist) Query(context.Context, string, map[string]string) (station.Answer, error) {
	return station.AnswerOf([]string{"a secret"})
}

// Whoever has a station's key may send what no station does: a question, and with it a delivery
// that the station is allowed.
func TestAQuestionIsNotAllowedByADeliveryThatComesWithIt(t *testing.T) {
	t.Parallel()
	p := newPlant(t, nil)
	s := p.setting("relay-1")
	s.Vendors[0].Backend = archivist{p.clerk(nil)}
	s.Allowed = []relay.Allowance{{Station: "pack4-1", Verbs: []string{"shop/shop.order"}}}
	relaytest.Run(t, s)
	l, b := p.station(t, "pack4-1")
	relaytest.Await(t, l)
	d := order("4711")
	wants(t, b.Deliver(t.Context(), d), station.Delivered)
	conn := connect(t, p.engine, "")
	now := leadOf(t, conn)
	got := askRaw(t, conn, now, map[string]any{"v": 1, "do": "read", "tick": now.Tick, "question": "secrets", "delivery": map[string]any{"entry": d.Entry}})
	if strings.Contains(got, "secret\"") || !strings.Contains(got, "does not allow shop/secrets") {
		t.Errorf("it is answered %s", got)
	}
}
