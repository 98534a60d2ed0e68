package relay_test

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"stationd/internal/relay"
	"stationd/internal/relay/relaytest"
	"stationd/internal/station"
)

// The engine of a plant is a program that Debian has, in another version than these tests
// have in them. make relay-engine tries Debian 12's.
func TestTheEngineThatIsInstalledLeadsStationsToARelay(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath(cmp.Or(os.Getenv("STATIOND_ENGINE"), "nats-server"))
	if err != nil {
		t.Skip("NOT proved: that an engine which is installed does what the one of these tests does. There is no nats-server (Debian: nats-server)")
	}
	dir := t.TempDir()
	engine := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-a", "127.0.0.1", "-p", "-1", "-js", "-sd", filepath.Join(dir, "data"), "--ports_file_dir", dir)
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = engine.Wait() // the error says that it was killed
	})
	var ports struct{ Nats []string }
	until(t, "the engine says where it is", func() bool {
		found, err := filepath.Glob(filepath.Join(dir, "*.ports"))
		if err != nil || len(found) == 0 {
			return false
		}
		text, err := os.ReadFile(found[0])
		return err == nil && json.Unmarshal(text, &ports) == nil && len(ports.Nats) > 0
	})
	table := relay.Engine{Servers: ports.Nats[:1]}
	p := plant{newShop(t), nil}
	setting := func(name string) relay.Setting {
		return relay.Setting{
			Name: name, Engine: table, Lease: relay.LeaseLeast, Replicas: 1, Log: discard(),
			Vendors: []relay.Vendor{{Name: "shop", Backend: p.clerk(nil)}},
		}
	}
	_, stopFirst := relaytest.Run(t, setting("relay-1"))
	l, err := relay.Dial(relay.LinkSetting{Station: "pack4-1", Engine: table, Log: discard()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	relaytest.Await(t, l)
	d := order("4711")
	wants(t, backendOf(l).Deliver(t.Context(), d), station.Delivered)
	relaytest.Run(t, setting("relay-2"))
	stopFirst()
	until(t, "the second leads", func() bool { name, err := l.Leader(); return err == nil && name == "relay-2" })
	again := order("4711")
	wants(t, backendOf(l).Deliver(t.Context(), again), station.Delivered)
	if err := l.KeepStatus([]byte("{}")); err != nil {
		t.Fatal(err)
	}
	anna := desk(t, "anna", table)
	until(t, "the engine has what the station said, and how old that is", func() bool {
		all, err := anna.Statuses(t.Context())
		return err == nil && len(all) == 1 && all[0].Age > 0
	})
	if p.done(d.ID) != 1 || p.done(again.ID) != 1 {
		t.Errorf("%d and %d effects", p.done(d.ID), p.done(again.ID))
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
