package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/api/apitest"
	"stationd/internal/demo"
	"stationd/internal/doctor"
	"stationd/internal/plan"
	"stationd/internal/station"
)

// newStationListening returns a station whose page listens at an address, and its port.
func newStationListening(t *testing.T, address string) (b *demo.Simulation, port string) {
	t.Helper()
	b = newStation(t, nil)
	text, err := os.ReadFile(b.ConfigPath())
	must(t, err)
	set := regexp.MustCompile(`listen = "[^"]*"`).ReplaceAllString(string(text), fmt.Sprintf("listen = %q\nopen = %v", address, strings.HasPrefix(address, "0.")))
	must(t, os.WriteFile(b.ConfigPath(), []byte(set), 0o600))
	must(t, b.Power(t.Context(), true))
	if address == "" {
		return b, ""
	}
	_, port, err = net.SplitHostPort(strings.Trim(b.Log.PageURL(), "htp:/"))
	must(t, err)
	return b, port
}

// addAddress gives the loopback of this test's own network another address, from which
// nobody is taken for the operator's own screen.
func addAddress(t *testing.T, alias int, address string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	must(t, err)
	defer unix.Close(fd)
	lo, err := unix.NewIfreq(fmt.Sprintf("lo:%d", alias))
	must(t, err)
	must(t, lo.SetInet4Addr(net.ParseIP(address).To4()))
	must(t, unix.IoctlIfreq(fd, unix.SIOCSIFADDR, lo))
}

// clientFrom returns a client that connects from an address.
func clientFrom(address string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}, Timeout: 20 * time.Second}
}

// readEvents opens the stream of the page, and reports whether it was let in.
func readEvents(ctx context.Context, t *testing.T, client *http.Client, url string) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"events", nil)
	must(t, err)
	streaming := *client
	streaming.Timeout = 0
	answer, err := streaming.Do(r)
	if err != nil {
		return false
	}
	context.AfterFunc(ctx, func() { answer.Body.Close() })
	line, err := bufio.NewReader(answer.Body).ReadString('\n')
	return answer.StatusCode == http.StatusOK && err == nil && strings.HasPrefix(line, "event:")
}

// Whoever is in the plant's network opens as many connections as he can, and keeps them,
// and as many pages as he can. The operator's own screen shows the station all the same.
func TestTheOperatorsOwnScreenIsNotLockedOutByThePlant(t *testing.T) {
	if !apitest.InNamespace(t, "that the plant's network cannot lock the operator's own screen out") {
		return
	}
	var plant []string
	for i := range 8 {
		plant = append(plant, fmt.Sprintf("192.0.2.%d", 1+i))
		addAddress(t, i, plant[i])
	}
	b, port := newStationListening(t, "0.0.0.0:0")
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	there, here := "http://"+net.JoinHostPort(plant[0], port)+"/", "http://"+net.JoinHostPort("127.0.0.1", port)+"/"
	pages := 0
	for i := range 40 {
		if readEvents(ctx, t, clientFrom(plant[i%len(plant)]), there) {
			pages++
		}
	}
	if pages != 32 {
		t.Errorf("%d pages of the plant were opened, want 32", pages)
	}
	// As many again as there are places, and nothing is asked on them.
	for i := range 400 {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(plant[i%len(plant)])}}
		if c, err := dialer.DialContext(ctx, "tcp", strings.Trim(there, "htp:/")); err == nil {
			t.Cleanup(func() { c.Close() })
		}
	}
	if !readEvents(ctx, t, clientFrom("127.0.0.1"), here) {
		t.Error("the operator's own screen is locked out")
	}
	if text := getText(t, clientFrom("127.0.0.1"), here); !strings.Contains(text, "pack4-1") {
		t.Errorf("the page is:\n%s", text)
	}
	if text := getText(t, clientFrom(plant[0]), there); !strings.Contains(text, "pack4-1") {
		t.Errorf("idle connections keep the plant's own page out:\n%s", text)
	}
	metrics := getText(t, clientFrom("127.0.0.1"), here+"metrics")
	open := regexp.MustCompile(`(?m)^stationd_page_connections (\d+)$`).FindStringSubmatch(metrics)
	if open == nil || len(open[1]) > 3 {
		t.Errorf("the metrics do not say how many are connected: %v", open)
	}
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
}

// What an earlier version showed to the network is shown to this machine alone, as long as
// nobody has said who else may see it; and what is pressed is recorded all the same.
func TestAPageOfWhichNobodySaidWhoSeesItIsForThisMachineAlone(t *testing.T) {
	if !apitest.InNamespace(t, "that no other machine sees a page of which nobody said who may") {
		return
	}
	const plant = "192.0.2.1"
	addAddress(t, 0, plant)
	b := newStation(t, nil)
	editConfig(t, b, `listen = "127.0.0.1:0"`, `listen = "0.0.0.0:0"`)
	must(t, b.Power(t.Context(), true))
	_, port, err := net.SplitHostPort(strings.Trim(b.Log.PageURL(), "htp:/"))
	must(t, err)
	if text := getText(t, clientFrom("127.0.0.1"), "http://127.0.0.1:"+port+"/"); !strings.Contains(text, "pack4-1") {
		t.Errorf("the station's own screen sees %s", text)
	}
	if c, err := net.DialTimeout("tcp", net.JoinHostPort(plant, port), 20*time.Second); err == nil {
		c.Close()
		t.Error("another machine is connected to the page")
	}
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	const advice = "write tls = true and token = { file = … }, or open = true"
	must(t, demo.Until(t.Context(), "the station says what to write", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && strings.Contains(s.Health.Devices[station.PageElsewhere], advice)
	}))
	for path, want := range map[string]string{"": "No other machine sees this page", "healthz": advice, "metrics": `stationd_device_well{device="page elsewhere"} 0`} {
		must(t, demo.Until(t.Context(), "/"+path+" says "+want, func() bool {
			text := getText(t, clientFrom("127.0.0.1"), "http://127.0.0.1:"+port+"/"+path)
			return strings.Contains(text, want) && (path != "healthz" || strings.HasPrefix(text, "ok\n"))
		}))
	}
	expectLogged(t, b, `"msg":"[^"]*","part":"page elsewhere","fault":"[^"]*or open = true`)
	found, _ := runDoctor(t, b.ConfigPath())
	found.expect(t, "page elsewhere", doctor.Fail, "no other machine sees the page")
	out, code := runCheck(t, b)
	if code != 0 || !strings.Contains(out, "no other machine sees the page") {
		t.Errorf("check says (%d):\n%s", code, out)
	}
}

func TestAPageThatIsSwitchedOffIsNowhereAndTheStationRecords(t *testing.T) {
	t.Parallel()
	b, _ := newStationListening(t, "")
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	s, err := b.Control().Snapshot(t.Context())
	must(t, err)
	if fault := s.Health.Devices[plan.PartPage]; fault != "" {
		t.Errorf("that there is no page is a fault: %s", fault)
	}
	found, _ := runDoctor(t, b.ConfigPath())
	found.expect(t, "page", doctor.OK, "switched off")
}

func TestAPageOfIPv4IsNotReachedByIPv6(t *testing.T) {
	t.Parallel()
	b, port := newStationListening(t, "0.0.0.0:0")
	if text := getText(t, http.DefaultClient, "http://127.0.0.1:"+port+"/"); !strings.Contains(text, "pack4-1") {
		t.Errorf("the page is:\n%s", text)
	}
	if c, err := net.DialTimeout("tcp6", net.JoinHostPort("::1", port), 20*time.Second); err == nil {
		c.Close()
		t.Error("0.0.0.0 is listened at by IPv6")
	}
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
}
