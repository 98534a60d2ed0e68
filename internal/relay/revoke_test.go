package relay_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"stationd/internal/relay/relaytest"
	"stationd/internal/station"
)

// A stuckConn lets nothing more out from what has these bytes on, until it is let go.
type stuckConn struct {
	net.Conn
	at    []byte
	stuck func()
	goOn  <-chan struct{}
}

func (c *stuckConn) Write(text []byte) (int, error) {
	if bytes.Contains(text, c.at) {
		c.stuck()
		<-c.goOn
	}
	return c.Conn.Write(text)
}

// What a relay writes down of a person may come to the engine when another has read already who is
// refused, and leads: that one refuses the station all the same, and the person is not told before
// that it is done.
func TestARelayThatTakesOverRefusesWhoIsRevokedMeanwhile(t *testing.T) {
	t.Parallel()
	p := newPlant(t, nil)
	stuck, goOn := make(chan struct{}), make(chan struct{})
	first := p.setting("relay-1")
	once := sync.OnceFunc(func() { close(stuck) })
	first.Engine.Dial = func(network, address string) (net.Conn, error) {
		conn, err := net.Dial(network, address)
		return &stuckConn{conn, []byte("PUB $KV.sd-revoked.stations"), once, goOn}, err
	}
	relaytest.Run(t, first)
	letGo := sync.OnceFunc(func() { close(goOn) })
	t.Cleanup(letGo)
	l, b := p.station(t, "pack4-1")
	relaytest.Await(t, l)
	wants(t, b.Deliver(t.Context(), order("4711")), station.Delivered)
	relaytest.Run(t, p.setting("relay-2"))
	anna := desk(t, "anna", p.engine.Table())
	ctx, cancel := context.WithTimeout(t.Context(), late)
	defer cancel()
	told := make(chan error, 1)
	var asking sync.WaitGroup
	asking.Go(func() { told <- anna.Revoke(ctx, "pack4-1", false) })
	<-stuck
	until(t, "the second leads", func() bool { name, err := l.Leader(); return err == nil && name == "relay-2" })
	select {
	case err := <-told:
		t.Errorf("anna is told %v, and the station is let in", err)
	default:
	}
	wants(t, b.Deliver(t.Context(), order("4711")), station.Delivered) // nobody was told that it is refused
	letGo()
	if err := <-told; err == nil {
		t.Error("anna is told that it is done by a relay that does not lead")
	}
	asking.Wait()
	until(t, "the station is refused", func() bool {
		rc := b.Probe(t.Context())
		return rc.Outcome == station.Unreached && strings.Contains(rc.Err.Error(), "anna had the station refused")
	})
}
