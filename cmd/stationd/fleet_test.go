package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/doctor"
	stations "stationd/internal/fleet"
	"stationd/internal/plant"
	"stationd/internal/station"
)

// A person sees to a plant from one desk.
type person struct {
	t      *testing.T
	config string
}

// anna is a person who may ask the stations of a plant.
func (f *fleet) anna(t *testing.T) person {
	t.Helper()
	p := person{t, filepath.Join(t.TempDir(), "fleet.toml")}
	must(t, os.WriteFile(p.config, fmt.Appendf(nil, "[fleet]\nname = \"anna\"\ntimezone = \"Europe/Stockholm\"\nservers = [%q]\n", f.engine.Table().Servers[0]), 0o600))
	return p
}

// says runs stationd fleet and returns what it says, which ends with a code.
func (p person) says(code int, args ...string) string {
	p.t.Helper()
	var all said
	if got := command(p.t.Context(), append([]string{"fleet"}, append(args, "--config", p.config)...), strings.NewReader(""), &all, &all); got != code {
		p.t.Errorf("fleet %s exits with %d, want %d:\n%s", strings.Join(args, " "), got, code, &all)
	}
	return all.String()
}

// seen is what fleet ls says of each station, by name.
func (p person) seen() map[string]stations.Seen {
	p.t.Helper()
	var list []stations.Seen
	text := p.says(0, "ls", "--json")
	var raw []map[string]any // durations are text there
	must(p.t, json.Unmarshal([]byte(text), &raw))
	for _, one := range raw {
		s := stations.Seen{Name: one["name"].(string), Need: stations.Need(one["need"].(string))}
		s.Live, _ = one["live"].(bool)
		s.Silent, _ = one["silent"].(bool)
		s.Status.Held = int(one["status"].(map[string]any)["held"].(float64))
		if age, is := one["age"].(string); is {
			s.Age, _ = time.ParseDuration(age)
		}
		list = append(list, s)
	}
	all := make(map[string]stations.Seen)
	for _, s := range list {
		all[s.Name] = s
	}
	return all
}

// waitSeen waits until what is seen of the stations is so.
func (p person) waitSeen(what string, so func(map[string]stations.Seen) bool) {
	p.t.Helper()
	must(p.t, demo.Until(p.t.Context(), what, func() bool { return so(p.seen()) }))
}

func TestAPersonSeesToThePlantFromADesk(t *testing.T) {
	t.Parallel()
	f := newFleet(t, fleetSetting{stations: 3})
	anna := f.anna(t)
	for _, b := range f.stations {
		must(t, b.Power(t.Context(), true))
		scanAndWait(t, b, "PO4711")
	}
	anna.waitSeen("all three are seen, and answer", func(all map[string]stations.Seen) bool {
		return len(all) == 3 && all["pack4-1"].Live && all["pack4-2"].Live && all["pack4-3"].Live
	})

	second := f.stations[1]
	f.plant().AddFault(plant.Fault{Kind: plant.Refusal, Where: "PUT *", Next: 1, Text: "the order is on hold"})
	must(t, second.Scan(demo.Part{Article: demo.Soup, Batch: "B7", Serial: "0001"}.Symbol()))
	held := waitHeld(t, second, "article.trace", "on hold")

	out := anna.says(0, "held")
	for _, want := range []string{"pack4-2", held.ID.Short(), "article.trace", "the order is on hold"} {
		if !strings.Contains(out, want) {
			t.Errorf("fleet held does not say %q:\n%s", want, out)
		}
	}
	if lines := strings.Split(anna.says(0, "ls"), "\n"); !strings.HasPrefix(lines[1], "pack4-2  held") {
		t.Errorf("whom a person must see to is not on top:\n%s", strings.Join(lines, "\n"))
	}

	event := string(station.NewID())
	out = anna.says(0, "retry", "pack4-2", held.ID.Short(), "--reason", "the order was released", "--wait", "--event", event)
	if !strings.Contains(out, "delivered") {
		t.Errorf("fleet retry says:\n%s", out)
	}
	if out := anna.says(0, "retry", "pack4-2", held.ID.Short(), "--event", event); !strings.Contains(out, "not a second time") {
		t.Errorf("the same given again says:\n%s", out)
	}
	traced := 0
	for _, tr := range f.plant().Traces() {
		if tr.Serial == "0001" {
			traced++
		}
	}
	if traced != 1 {
		t.Errorf("it was traced %d times", traced)
	}
	decided := func(h historyLine) bool { return h.By == "fleet:anna" && h.Why == "the order was released" }
	if all := historyOf(t, second); !slices.ContainsFunc(all, decided) {
		t.Errorf("the history does not say who decided: %+v", all)
	}
	must(t, demo.Until(t.Context(), "the log says who decided", func() bool {
		text, err := os.ReadFile(second.LogPath())
		return err == nil && strings.Contains(string(text), "fleet:anna")
	}))

	third := f.stations[2]
	f.plant().AddFault(plant.Fault{Kind: plant.Refusal, Where: "PUT *", Next: 1, Text: "the order is on hold"})
	must(t, third.Scan(demo.Part{Article: demo.Soup, Batch: "B7", Serial: "0002"}.Symbol()))
	waitHeld(t, third, "article.trace", "on hold")
	page := f.relays[0].page(t)
	must(t, demo.Until(t.Context(), "the relay's page shows all three, the one that holds something on top", func() bool {
		text := read(t, page)
		return strings.Contains(text, `<tbody><tr class="look"><th scope="row">pack4-3<`) && strings.Contains(text, ">pack4-1<") && strings.Contains(text, ">pack4-2<")
	}))
	must(t, third.Stop())
	anna.waitSeen("the third does not answer", func(all map[string]stations.Seen) bool {
		s := all["pack4-3"]
		return s.Silent && s.Age > 0 && s.Status.Held == 1
	})
	if out := anna.says(0, "held"); !strings.Contains(out, "pack4-3: the station is away; ") || !strings.Contains(out, " ago it held 1") {
		t.Errorf("fleet held does not say what a station that is away held:\n%s", out)
	}
	if out := anna.says(0, "show", "pack4-3"); !strings.Contains(out, "held") || !strings.Contains(out, " ago (") {
		t.Errorf("fleet show of a station that is away says:\n%s", out)
	}
	if out := anna.says(1, "retry", "pack4-3", "0123456789"); !strings.Contains(out, "pack4-3: nothing was done: the station is away") {
		t.Errorf("a retry at a station that is away says:\n%s", out)
	}
	if out := anna.says(1, "retry", "pack4-2", held.ID.Short()); !strings.Contains(out, "pack4-2: ") || !strings.Contains(out, "not in the outbox") {
		t.Errorf("a retry of what is delivered says:\n%s", out)
	}
	if out := anna.says(1, "show", "pack4-9"); !strings.Contains(out, "pack4-9: no such station answers") || !strings.Contains(out, "stationd fleet ls lists") {
		t.Errorf("a station that there is not is shown as:\n%s", out)
	}
	if out := anna.says(0, "revoke", "pack4-9", "--yes"); !strings.Contains(out, "heard of no station pack4-9") {
		t.Errorf("a station that there is not is refused with:\n%s", out)
	}
}

// page is where a relay shows the plant.
func (r *childProcess) page(t *testing.T) string {
	t.Helper()
	return r.opened(t, `"the plant is shown","page":"([^"]+)"`) + "/"
}

// opened is an address that a relay's log says is open.
func (r *childProcess) opened(t *testing.T, said string) (address string) {
	t.Helper()
	must(t, demo.Until(t.Context(), "the relay says "+said, func() bool {
		text, err := os.ReadFile(r.log.Name())
		must(t, err)
		if found := regexp.MustCompile(said).FindSubmatch(text); found != nil {
			address = "http://" + string(found[1])
		}
		return address != ""
	}))
	return address
}

// Whoever looks at the relays' numbers sees that one leads, and what the stations had it do.
func TestTheRelaysTellTheirNumbers(t *testing.T) {
	t.Parallel()
	f := newFleet(t, fleetSetting{stations: 1})
	b := f.stations[0]
	must(t, b.Power(t.Context(), true))
	pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
	must(t, b.WaitDelivered(t.Context()))
	number := func(r *childProcess, sample string) float64 {
		text := read(t, r.opened(t, `"the plant is shown","metrics":"([^"]+)"`)+"/metrics")
		found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(sample) + ` (\S+)$`).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("there is no %s in:\n%s", sample, text)
		}
		value, err := strconv.ParseFloat(found[1], 64)
		must(t, err)
		return value
	}
	one, other := f.relays[0], f.relays[1]
	const leads = "stationd_relay_leads"
	must(t, demo.Until(t.Context(), "both reach the engine, and one leads", func() bool {
		const engine = "stationd_relay_engine_connected"
		return number(one, engine)+number(other, engine) == 2 && number(one, leads)+number(other, leads) == 1
	}))
	for _, sample := range []string{
		`stationd_relay_deliveries_total{backend="l2l",outcome="delivered"}`, `stationd_relay_requests_total{backend="l2l"}`,
		"stationd_relay_stations", "stationd_relay_terms_total",
	} {
		if number(one, sample)+number(other, sample) == 0 {
			t.Errorf("after a call was delivered no relay counts it in %s", sample)
		}
	}
	for _, sample := range []string{`stationd_relay_waiting{backend="lagerkoll"}`, `stationd_relay_refused_total{backend="lagerkoll"}`, `stationd_relay_deliveries_total{backend="lagerkoll",outcome="doubtful"}`} {
		if n := number(one, sample); n != 0 {
			t.Errorf("nothing was asked of Lagerkoll, and %s is %v", sample, n)
		}
	}
	_ = one.end(syscall.SIGKILL) // it was killed
	must(t, demo.Until(t.Context(), "the other leads", func() bool { return number(other, leads) == 1 }))
}

// read is what an address answers with.
func read(t *testing.T, address string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	must(t, err)
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	return string(text)
}

func TestADoctorLooksAtAStationFromADesk(t *testing.T) {
	t.Parallel()
	f := newFleet(t, fleetSetting{stations: 1})
	anna := f.anna(t)
	must(t, f.stations[0].Power(t.Context(), true))
	anna.waitSeen("it answers", func(all map[string]stations.Seen) bool { return all["pack4-1"].Live })
	var all said
	command(t.Context(), []string{"fleet", "doctor", "--json", "--config", anna.config}, strings.NewReader(""), &all, &all)
	var found map[string][]doctor.Finding
	if err := json.Unmarshal([]byte(all.String()), &found); err != nil {
		t.Fatalf("%v:\n%s", err, &all)
	}
	for _, check := range []string{"configuration", "outbox", "clock"} {
		if !slices.ContainsFunc(found["pack4-1"], func(d doctor.Finding) bool { return d.Check == check }) {
			t.Errorf("it found nothing of the %s: %+v", check, found)
		}
	}
	if strings.Contains(all.String(), plant.Demo().L2LKey) {
		t.Error("a key went over the engine")
	}
}

// A plant goes over to the relay station by station, and none of them is restarted for it.
func TestAStationThatReachesItsVendorsByTheRelaySinceAReloadIsSeenFromADesk(t *testing.T) {
	t.Parallel()
	f := newFleet(t, fleetSetting{stations: 1})
	anna := f.anna(t)
	b := f.stations[0]
	byRelay, err := os.ReadFile(b.ConfigPath())
	must(t, err)
	straight := string(byRelay)
	for name, key := range map[string]string{"l2l": plant.Demo().L2LKey, "lagerkoll": plant.Demo().APIKey} {
		path := filepath.Join(t.TempDir(), name+".key")
		must(t, os.WriteFile(path, []byte(key+"\n"), 0o600))
		straight = strings.Replace(straight, "["+name+"]\nvia = \"relay\"", fmt.Sprintf("[%s]\nkey = { file = %q }", name, path), 1)
	}
	must(t, os.WriteFile(b.ConfigPath(), []byte(straight), 0o600))
	must(t, b.Power(t.Context(), true))
	expectLogged(t, b, heardReady)
	if strings.Contains(straight, "via") || len(anna.seen()) != 0 {
		t.Error("it is seen before it reaches anything by the relay: this test proves nothing")
	}
	must(t, os.WriteFile(b.ConfigPath(), byRelay, 0o600))
	reloadStation(t, b, heardReload)
	anna.waitSeen("it is seen, and answers", func(all map[string]stations.Seen) bool { return all["pack4-1"].Live })
}

func TestAStationThatIsRevokedDeliversNothingUntilItIsTakenBack(t *testing.T) {
	t.Parallel()
	f := newFleet(t, fleetSetting{stations: 1})
	anna := f.anna(t)
	b := f.stations[0]
	must(t, b.Power(t.Context(), true))
	scanAndWait(t, b, "PO4711")
	trace := func(serial string) {
		t.Helper()
		must(t, b.Scan(demo.Part{Article: demo.Soup, Batch: "B7", Serial: serial}.Symbol()))
	}
	traced := func(serial string) bool {
		return slices.ContainsFunc(f.plant().Traces(), func(tr plant.Trace) bool { return tr.Serial == serial })
	}
	trace("0001")
	must(t, demo.Until(t.Context(), "the first part arrives", func() bool { return traced("0001") }))
	anna.says(0, "revoke", "pack4-1", "--yes")
	trace("0002")
	must(t, demo.Until(t.Context(), "the station hears that it is refused", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && strings.Contains(s.Health.Backends["lagerkoll"].Last, "anna had the station refused")
	}))
	if out := anna.says(0, "ls"); !strings.Contains(out, "the relays refuse it: anna") {
		t.Errorf("fleet ls says:\n%s", out)
	}
	// Another relay that leads refuses it as well, and so does one after the engine's disk
	// was lost.
	f.engine.Kill()
	f.engine.Wipe()
	f.engine.Start()
	must(t, demo.Until(t.Context(), "it is written down again", func() bool {
		return strings.Contains(anna.says(0, "ls"), "the relays refuse it: anna")
	}))
	if traced("0002") {
		t.Error("a revoked station delivered")
	}
	must(t, demo.Until(t.Context(), "it is taken back", func() bool {
		var all said
		return command(t.Context(), []string{"fleet", "revoke", "pack4-1", "--undo", "--config", anna.config}, strings.NewReader(""), &all, &all) == 0
	}))
	must(t, b.WaitDelivered(t.Context()))
	if !traced("0002") {
		t.Error("what waited was not delivered")
	}
}
