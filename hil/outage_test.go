//go:build hil

package hil_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"stationd/hil"
	"stationd/internal/plant"
)

// TestOutages is what an outage does to what is on its way, with the board's own kernel. The
// second button calls to another machine, so that each call has a lane of its own.
func TestOutages(t *testing.T) {
	for _, arch := range []hil.Arch{hil.ARM64, hil.ARMv6} {
		t.Run(string(arch), func(t *testing.T) {
			t.Parallel()
			board, vendors := stationOn(t, arch, strings.Replace(onBoard, `type = "MATERIAL"`, `machine = "LABEL-1", type = "MATERIAL"`, 1))
			t.Run("a power cut in an outage: what was never on its way delays no new call", func(t *testing.T) {
				headsOfAnOutage(t, board.For(t), vendors)
			})
			t.Run("a request whose packets vanish is given up, and the kernel does not send it when the cable is back", func(t *testing.T) {
				packetsVanish(t, board.For(t), vendors)
			})
			for _, complaint := range vendors.Complaints() {
				t.Errorf("the plant complains: %s", complaint)
			}
		})
	}
}

// opened are the requests of a type of call that reached the plant.
func opened(vendors *plant.Plant, kind string) (all []plant.Request) {
	for _, r := range vendors.Requests() {
		if r.Method == http.MethodPost && strings.HasSuffix(r.Path, "/dispatches/open/") && r.Form.Get("dispatchtypecode") == kind {
			all = append(all, r)
		}
	}
	return all
}

// packetsVanish has a connection stand when the cable is pulled, so that a request goes
// out on it and its packets vanish. The kernel would send them again for up to a hundred
// seconds.
func packetsVanish(t *testing.T, board *hil.Board, vendors *plant.Plant) {
	before := len(opened(vendors, "MAINT"))
	const gaveUp = "outcome=doubtful"
	said := strings.Count(board.Console(), gaveUp)
	board.Push(maintenance, 3*time.Second)
	until(t, time.Minute, "the call is closed at the plant", func() bool {
		return !slices.ContainsFunc(vendors.Dispatches(), func(d plant.Dispatch) bool { return d.Type == "MAINT" && d.Open() })
	})
	<-time.After(200 * time.Millisecond) // a finger is lifted; the connection stands for longer
	board.Cable(false)
	pressed := time.Now()
	board.Push(maintenance, 150*time.Millisecond)
	board.Lamp(red).Is(hil.Slow, 20*time.Second)
	board.SaysTimes(gaveUp, said+1, time.Minute)
	// The last packet may lie in the kernel until it knows the neighbour's address, for three
	// seconds, and is sent where the cable is back by then: 30.9 s after the press were seen.
	// The settle time is for such; what is shown here is that nothing comes after it.
	<-time.After(10 * time.Second)
	board.Cable(true)
	board.Lamp(red).Is(hil.Steady, 5*time.Minute)
	for _, r := range vendors.Requests() {
		if r.At.After(pressed) {
			t.Logf("%5.1f s after the press: %s %s", r.At.Sub(pressed).Seconds(), r.Method, r.Path)
		}
	}
	sent := opened(vendors, "MAINT")[before:]
	if len(sent) != 1 {
		t.Fatalf("%d requests opened the call: %+v", len(sent), sent)
	}
	if after := sent[0].At.Sub(pressed); after < time.Minute {
		t.Errorf("the request arrived %v after the press: what was given up was sent again by the kernel", after)
	}
	t.Logf("the request arrived %.0f s after the press, once", sent[0].At.Sub(pressed).Seconds())
}

// headsOfAnOutage cuts the power while the heads of three lanes wait that were never on
// their way, and presses at once when the network is back.
func headsOfAnOutage(t *testing.T, board *hil.Board, vendors *plant.Plant) {
	board.Plug()
	board.SaysTimes("scanner ready", 1, time.Minute)
	board.Network(false)
	board.Push(material, 150*time.Millisecond)
	for _, order := range []string{"4711", "4712"} {
		board.Scan("PO" + order + "\r")
		// Order 4712 is of the stew.
		board.Scan(strings.Replace(symbol("B9", "H"+order), soup, map[string]string{"4711": soup, "4712": "09506000134369"}[order], 1))
	}
	until(t, time.Minute, "a call and two scans are recorded", func() bool { return len(waiting(t, board)) == 3 })
	board.PowerCut()
	board.PowerOn()
	board.Says("the station is ready", time.Minute)
	board.TrustClock()
	before := len(vendors.Requests())
	board.Network(true)
	back := time.Now()
	board.Push(maintenance, 150*time.Millisecond)
	until(t, time.Minute, "the new call is at the plant", func() bool { return len(opened(vendors, "MAINT")) == 1 })
	if took := time.Since(back); took > 40*time.Second {
		t.Errorf("the new call came %v after the network: it waited for the settle time of another", took)
	}
	t.Logf("the new call came %.1f s after the network", time.Since(back).Seconds())
	until(t, 3*time.Minute, "the outbox is empty", func() bool { return len(waiting(t, board)) == 0 })
	if n := len(opened(vendors, "MATERIAL")); n != 1 {
		t.Errorf("%d requests opened the call of material, want one", n)
	}
	seen := map[string]int{}
	for _, serial := range serials(vendors) {
		seen[serial]++
	}
	if seen["H4711"] != 1 || seen["H4712"] != 1 {
		t.Errorf("traced %v", seen)
	}
	t.Logf("%d requests for two calls and two scans after the power cut", len(vendors.Requests())-before)
}
