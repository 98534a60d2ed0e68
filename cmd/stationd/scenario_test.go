package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/station"
)

func TestRedIsPressedWhileTheNetworkIsDown(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	must(t, b.Cable(false))
	pressed := time.Now()
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, demo.Until(t.Context(), "the red lamp blinks slowly", func() bool {
		l, ok := b.Lamps.Light(demo.PinRed)
		return ok && l == station.Slow
	}))
	if found := b.Plant.Dispatches(); len(found) != 0 {
		t.Fatalf("the cable is pulled, and the plant has %v", found)
	}
	must(t, b.Cable(true))
	must(t, b.WaitDelivered(t.Context()))
	must(t, demo.Until(t.Context(), "the red lamp is steady", func() bool {
		l, ok := b.Lamps.Light(demo.PinRed)
		return ok && l == station.Steady
	}))
	found := b.Plant.Dispatches()
	if len(found) != 1 || !found[0].Open() || found[0].Type != "MAINT" || found[0].Machine != "SEAL-1" {
		t.Fatalf("when it returns exactly one dispatch is open; the plant has %+v", found)
	}
	told, hazy := demo.CallTime(found[0], plant.Demo().Zone)
	if hazy {
		t.Log("the clock of this machine was never set from outside: the time of the press was proved to the minute only")
	}
	got, want := demo.Effect{Time: told, Approximate: hazy}, demo.Effect{Time: pressed}
	if wrong := got.TimeDifference(want, time.UTC); wrong != "" {
		t.Errorf("the plant was told %v: %s", told, wrong)
	}
}

func TestEveryThirdAnswerIsLostAfterTheEffect(t *testing.T) {
	t.Parallel()
	const calls, parts = 24, 152 // each call is two actions: 200 altogether
	orders := []string{"4711", "5001", "5002", "5003", "5004", "5005"}
	b := startStation(t, func(s *demo.Config) {
		for id := range int64(5) {
			s.Plant.Orders = append(s.Plant.Orders, plant.Order{ID: 5001 + id, State: plant.StateDeveloping,
				Articles: []plant.OrderArticle{{Article: demo.Soup, Amount: 1000}}})
		}
	})
	b.Plant.AddFault(plant.Fault{Kind: plant.Lost, Every: 3})
	began := time.Now()

	var hands sync.WaitGroup
	hands.Go(func() {
		for range 2 * calls { // the button latches: it opens and closes in turn
			b.Push(demo.PinMaterial, demo.PressTime)
		}
	})
	traced := make(map[string]string) // the order of each serial
	for n := range parts {
		if n%8 == 0 {
			scanAndWait(t, b, "PO"+orders[n/8%len(orders)])
		}
		p := demo.Part{Article: demo.Soup, Batch: "B7", Serial: fmt.Sprintf("S%03d", n), BestBefore: "270331"}
		scanAndWait(t, b, p.Symbol())
		traced[p.Serial] = orders[n/8%len(orders)]
	}
	hands.Wait()
	must(t, b.WaitDelivered(t.Context()))
	t.Logf("200 actions in %.1f s, %d requests", time.Since(began).Seconds(), len(b.Plant.Requests()))

	c, err := b.Contents(t.Context())
	must(t, err)
	held := make(map[string]bool)
	for _, e := range c.Entries {
		held[e.With["serial"]] = true
	}
	seen := make(map[string]int)
	for _, tr := range b.Plant.Traces() {
		seen[tr.Serial]++
		if fmt.Sprint(tr.Order) != traced[tr.Serial] {
			t.Errorf("serial %s is traced on order %d, and belongs to %s", tr.Serial, tr.Order, traced[tr.Serial])
		}
	}
	for serial := range traced {
		if n := seen[serial]; n > 1 || n == 0 && !held[serial] {
			t.Errorf("serial %s took effect %d times; held: %v", serial, n, held[serial])
		}
	}
	marks := make(map[string]int)
	for _, d := range b.Plant.Dispatches() {
		mark, _, _ := strings.Cut(d.Description, "]")
		if marks[mark]++; marks[mark] > 1 || d.Closed.IsZero() {
			t.Errorf("dispatch %d: opened %d times with mark %s, closed %v", d.ID, marks[mark], mark, d.Closed)
		}
	}
	if len(marks) != calls || len(held) > 0 {
		t.Errorf("%d calls came to %d dispatches, and %d entries are held: %v", calls, len(marks), len(held), slices.Collect(maps.Keys(held)))
	}
}

func TestKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	const rounds, seed = 50, 20260302
	b := startStation(t, nil)
	random := rand.New(rand.NewPCG(seed, rounds))
	scanAndWait(t, b, "PO4711")
	must(t, b.WaitDelivered(t.Context()))
	// An answer takes its time, and so the kill often strikes between effect and answer.
	b.Plant.AddFault(plant.Fault{Kind: plant.Slow, Where: "PUT *", Delay: 15 * time.Millisecond})

	var tried int
	acknowledged := make(map[string]bool)
	for range rounds {
		killed := make(chan error, 1)
		time.AfterFunc(time.Duration(random.IntN(100))*time.Millisecond, func() {
			killed <- b.Kill()
		})
		for {
			tried++
			p := demo.Part{Article: demo.Soup, Batch: "B7", Serial: fmt.Sprintf("K%03d", tried)}
			if b.Scan(p.Symbol()) != nil {
				break // the scanner has gone dark
			}
			must(t, demo.Until(t.Context(), "the station answers or is dead", func() bool {
				acknowledged[p.Serial] = traceKnown(t.Context(), b, p.Serial)
				return acknowledged[p.Serial] || !b.Powered()
			}))
		}
		must(t, <-killed)
		must(t, b.Power(t.Context(), true))
	}
	again := make(map[station.ID]bool)
	must(t, demo.Until(t.Context(), "a person has sent what was held again, and it is delivered", func() bool {
		c, err := b.Contents(t.Context())
		for _, e := range c.Entries {
			if e.Condition == station.Held && !again[e.ID] {
				t.Logf("held, and sent again: %s: %s", e.With["serial"], e.Reason)
				err = decideOne(t.Context(), b, station.VerbRetry, e.ID)
				again[e.ID] = err == nil
			}
		}
		return err == nil && len(c.Entries) == 0
	}))
	seen := make(map[string]int)
	for _, tr := range b.Plant.Traces() {
		if seen[tr.Serial]++; seen[tr.Serial] > 1 {
			t.Errorf("serial %s took effect %d times", tr.Serial, seen[tr.Serial])
		}
	}
	known := 0
	for serial, yes := range acknowledged {
		if yes {
			known++
		}
		if yes && seen[serial] == 0 {
			t.Errorf("serial %s was acknowledged and is lost", serial)
		}
	}
	t.Logf("%d rounds with seed %d: %d scans, %d of them acknowledged, %d at the plant", rounds, seed, tried, known, len(seen))
	if known < rounds/2 {
		t.Errorf("only %d scans were acknowledged: too few to prove anything", known)
	}
}

// traceKnown reports whether a part's trace is in the outbox or at the plant.
func traceKnown(ctx context.Context, b *demo.Simulation, serial string) bool {
	c, err := b.Control().Contents(ctx, station.NoLimit())
	return err == nil && slices.ContainsFunc(c.Entries, func(e station.EntryStatus) bool { return e.With["serial"] == serial }) ||
		slices.ContainsFunc(b.Plant.Traces(), func(tr plant.Trace) bool { return tr.Serial == serial })
}

func TestAScanNobodyKnows(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	const label = "7310865004703"
	scanned := time.Now()
	must(t, b.Scan(label))
	must(t, demo.Until(t.Context(), "the white lamp blinks quickly", func() bool {
		return b.Lamps.Saw(demo.PinWhite, station.Quick, scanned)
	}))
	kept := func() {
		t.Helper()
		c, err := b.Contents(t.Context())
		must(t, err)
		if len(c.Kept) != 1 || c.Kept[0].Code != label || len(c.Entries) != 0 {
			t.Errorf("it is kept, and is nothing else: %+v", c)
		}
	}
	kept()
	expectPage(t, b, label)
	must(t, b.Power(t.Context(), false))
	kept()
	must(t, b.Power(t.Context(), true))
	kept()
	if n := len(b.Plant.Requests()); n != 0 {
		t.Errorf("the plant was asked %d times for a label from elsewhere", n)
	}
}

func TestTheKeyStaysInItsFile(t *testing.T) {
	t.Parallel()
	const canary = "canary" // stands in both keys and nowhere else, however they are spelled
	b := startStation(t, func(s *demo.Config) {
		s.Plant.L2LKey, s.Plant.APIKey = "canary+l2l/7f3c", "canary+lagerkoll/91ab"
	})
	day := func(f plant.Fault) {
		t.Helper()
		b.Plant.ClearFaults()
		f.Next = 1
		l2l, lagerkoll := f, f
		l2l.Where, lagerkoll.Where = "POST *", "PUT *"
		b.Plant.AddFault(l2l)
		b.Plant.AddFault(lagerkoll)
		waitRecorded(t, b, "material.press", func() { b.Push(demo.PinMaterial, demo.PressTime) })
		scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B7", Serial: string(f.Kind)}.Symbol())
	}
	scanAndWait(t, b, "PO4711")
	scanAndWait(t, b, "PC-200")
	for _, kind := range []plant.FaultKind{plant.Lost, plant.Reset, plant.ErrorAfter, plant.BadGateway, plant.Truncated, plant.HTML, plant.Redirect, plant.Refusal} {
		day(plant.Fault{Kind: kind, Text: "no"})
		must(t, b.WaitDelivered(t.Context()))
	}
	must(t, b.Cable(false))
	day(plant.Fault{Kind: plant.Unauthorized})
	b.Plant.AddFault(plant.Fault{Kind: plant.Unauthorized}) // to a read as well, or it is not the key
	must(t, demo.Until(t.Context(), "the page says that the plant is not reached", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && s.Health.Backends["l2l"].Kind == station.NoContact && s.Health.Backends["lagerkoll"].Kind == station.NoContact
	}))
	must(t, b.Cable(true))
	must(t, demo.Until(t.Context(), "the keys are said to be wrong", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && s.Health.Backends["l2l"].Fault != "" && s.Health.Backends["lagerkoll"].Fault != ""
	}))

	shown := make(map[string]string)
	for _, path := range []string{"", "events", "metrics", "healthz"} {
		shown["the station's page /"+path] = getText(t, http.DefaultClient, b.Log.PageURL()+path)
	}
	page := httptest.NewServer(demo.NewPage(b).Handler())
	defer page.Close()
	for _, path := range []string{"/", "/events"} {
		shown["the demo's page "+path] = getText(t, page.Client(), page.URL+path)
	}
	socket := http.Client{Transport: socketTransport(b.SocketPath())}
	for _, path := range []string{"/outbox", "/snapshot", "/outbox/verify"} {
		shown["the control socket "+path] = getText(t, &socket, "http://stationd.invalid"+path)
	}
	must(t, b.Power(t.Context(), false))
	keys := 0
	must(t, filepath.WalkDir(b.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if filepath.Dir(path) == filepath.Join(b.Dir, "keys") {
			if bytes.Contains(text, []byte(canary)) {
				keys++
			}
			return err
		}
		shown[path] = string(text)
		return err
	}))
	if keys != 2 || !strings.Contains(shown[b.LogPath()], heardReady) {
		t.Fatalf("%d key files were found, and a log of %d bytes: there was nothing to prove", keys, len(shown[b.LogPath()]))
	}
	for where, text := range shown {
		if at := strings.Index(strings.ToLower(text), canary); at >= 0 {
			t.Errorf("%s shows a key: …%q…", where, text[max(0, at-60):min(len(text), at+40)])
		}
	}
}
