package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/demo"
	"stationd/internal/doctor"
	"stationd/internal/exit"
	"stationd/internal/plant"
)

// A doctorStation is a station for doctor to check: a configuration, its keys and a plant.
type doctorStation struct {
	dir    string
	values map[string]string
}

// newDoctorStation returns a station whose vendors are a handler.
func newDoctorStation(t *testing.T, served http.Handler) *doctorStation {
	t.Helper()
	s := httptest.NewServer(served)
	t.Cleanup(s.Close)
	dir, err := os.MkdirTemp("", "stationd-doctor-") // the test's own name is too long for a socket
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &doctorStation{dir: dir, values: map[string]string{
		"Data": filepath.Join(dir, "data"), "Page": "127.0.0.1:0", "Port": "/dev/null", "Chip": "sim:" + filepath.Join(dir, "none"),
		"L2L": s.URL + "/api/1.0/", "L2LKey": filepath.Join(dir, "l2l.key"),
		"Lagerkoll": s.URL + "/v1/production_orders/", "LagerkollKey": filepath.Join(dir, "lagerkoll.key"),
		"Rate": "200/min", "Settle": "2s",
	}}
	must(t, os.Mkdir(p.values["Data"], 0o700))
	must(t, os.WriteFile(p.values["L2LKey"], []byte(plant.Demo().L2LKey), 0o600))
	must(t, os.WriteFile(p.values["LagerkollKey"], []byte(plant.Demo().APIKey), 0o600))
	return p
}

// config writes the configuration, without what is wired, and returns its path.
func (p *doctorStation) config(t *testing.T, change ...string) string {
	t.Helper()
	text := sickbayConfig
	for name, value := range p.values {
		text = strings.ReplaceAll(text, "{{."+name+"}}", strconv.Quote(value))
	}
	for pair := range slices.Chunk(change, 2) {
		if !strings.Contains(text, pair[0]) {
			t.Fatalf("the configuration has no %q", pair[0])
		}
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	path := filepath.Join(p.dir, "stationd.toml")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

const sickbayConfig = `
[station]
name     = "pack4-1"
timezone = "Europe/Stockholm"
data     = {{.Data}}
[l2l]
url     = {{.L2L}}
key     = { file = {{.L2LKey}} }
site    = 12
line    = "PACK4"
machine = "SEAL-1"
trade   = "MECH"
[lagerkoll]
url    = {{.Lagerkoll}}
store  = "1001"
key    = { file = {{.LagerkollKey}} }
[[scanner]]
name = "hand"
port = {{.Port}}
[[on]]
event = "hand.scan"
match = '^HELP$'
do    = [{ l2l = "dispatch.open", type = "MAINT", description = "Help" }]
[[on]]
event = "hand.scan"
match = '^(?P<serial>.+)$'
do    = [{ lagerkoll = "article.trace", order = 4711, article = "09506000134352", serial = "{serial}" }]
`

// findings are the findings of doctor by the name of their check.
type findings map[string]doctor.Finding

// runDoctor runs doctor, and checks that no key shows in anything it says.
func runDoctor(t *testing.T, config string, env ...string) (found findings, exit int) {
	t.Helper()
	binary, err := exec.LookPath("stationd")
	must(t, err)
	run := func(args ...string) (string, int) {
		c := exec.CommandContext(t.Context(), binary, append([]string{"doctor", "--config", config}, args...)...)
		c.Env = append(append(os.Environ(), "STATIOND_DEMO=1"), env...)
		var out, said bytes.Buffer
		c.Stdout, c.Stderr = &out, &said
		err := c.Run()
		var ended *exec.ExitError
		if err != nil && !errors.As(err, &ended) || said.Len() > 0 {
			t.Fatalf("doctor: %v: %s", err, &said)
		}
		for _, key := range []string{plant.Demo().L2LKey, plant.Demo().APIKey, wrongKey} {
			if strings.Contains(out.String(), key) {
				t.Errorf("the key shows in %s", &out)
			}
		}
		return out.String(), c.ProcessState.ExitCode()
	}
	out, exit := run("--json")
	var all []doctor.Finding
	must(t, json.Unmarshal([]byte(out), &all))
	found = make(findings)
	for _, f := range all {
		if before, twice := found[f.Check]; twice && f.Check != "configuration" {
			t.Errorf("%s is told twice: %q and %q", f.Check, before.Found, f.Found)
		}
		found[f.Check] = f
		if f.Found == "" || f.Verdict == "" || strings.Contains(f.Found, "\n") {
			t.Errorf("a finding that says nothing, or in lines: %+v", f)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, name := range slices.Sorted(maps.Keys(found)) {
				t.Logf("%+v", found[name])
			}
		}
	})
	return found, exit
}

const wrongKey = "not-the-key-at-all"

// expect checks one finding.
func (s findings) expect(t *testing.T, check string, v doctor.Verdict, says string) {
	t.Helper()
	f, ok := s[check]
	switch {
	case !ok:
		t.Errorf("%s was not checked", check)
	case f.Verdict != v || !strings.Contains(f.Found, says):
		t.Errorf("%s: %s: %s; want %s: %s", check, f.Verdict, f.Found, v, says)
	case v == doctor.Fail && f.Do == "" && check != "configuration":
		t.Errorf("%s: nothing is said of what to do about it: %s", check, f.Found)
	}
}

// expectOnlyFailures checks that no other check fails.
func (s findings) expectOnlyFailures(t *testing.T, checks ...string) {
	t.Helper()
	for name, f := range s {
		if f.Verdict == doctor.Fail && !slices.Contains(checks, name) {
			t.Errorf("%s: %s", name, f.Found)
		}
	}
}

func newPlant(t *testing.T, change func(*plant.Config)) *plant.Plant {
	t.Helper()
	setting := plant.Demo()
	if change != nil {
		change(&setting)
	}
	p, err := plant.Open(setting)
	must(t, err)
	return p
}

func TestDoctorAtAStationThatIsWell(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.WaitDelivered(t.Context()))
	found, exit := runDoctor(t, b.ConfigPath())
	if exit != 0 {
		t.Errorf("exit %d", exit)
	}
	found.expectOnlyFailures(t)
	for _, name := range []string{"configuration", "data folder", "data space", "outbox", "held entries", "l2l key file", "l2l name",
		"l2l connection", "l2l key", "l2l time", "l2l site", "l2l dispatches", "l2l time zone", "l2l line PACK4", "l2l machine SEAL-1",
		"l2l type MAINT", "lagerkoll key", "lagerkoll orders", "lagerkoll order", "lagerkoll batches", "lines", "reader hand", "station"} {
		found.expect(t, name, doctor.OK, "")
	}
	found.expect(t, "l2l type MATERIAL", doctor.Unknown, "check in L2L")
	found.expect(t, "l2l writes", doctor.Unknown, "the trade MECH")
	found.expect(t, "outbox", doctor.OK, "according to the running station")
	for _, r := range b.Plant.Requests() {
		if r.Method != http.MethodGet && !strings.Contains(r.Path, "/open/") {
			t.Errorf("the doctor changed something: %s %s", r.Method, r.Path)
		}
	}
}

func TestDoctorSaysWhereAReaderSendsIdentifiersAndTheConfigurationDoesNotRequireThem(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	for order := range 9 {
		scanAndWait(t, b, fmt.Sprintf("]C0PO%d", 4700+order))
	}
	found, _ := runDoctor(t, b.ConfigPath())
	found.expect(t, "reader hand", doctor.OK, "")
	scanAndWait(t, b, "]C0PO4709")
	must(t, demo.Until(t.Context(), "the doctor says it", func() bool {
		found, _ = runDoctor(t, b.ConfigPath())
		return found["reader hand"].Verdict != doctor.OK
	}))
	found.expect(t, "reader hand", doctor.Warning, `with aim = "required"`)
	scanAndWait(t, b, "PO4711") // a piece of a symbol, or a reader that has two ways
	must(t, demo.Until(t.Context(), "the doctor says nothing", func() bool {
		found, _ = runDoctor(t, b.ConfigPath())
		return found["reader hand"].Verdict == doctor.OK
	}))
}

func TestDoctorWhileAnEntryIsHeldAndTheStationIsStopped(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	b.Plant.AddFault(plant.Fault{Kind: plant.Refusal, Where: "POST *", Text: "Machine is scrapped"})
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.WaitDelivered(t.Context()))
	found, code := runDoctor(t, b.ConfigPath())
	found.expect(t, "held entries", doctor.Warning, "1 held")
	if code != 0 {
		t.Errorf("exit code %d: a warning is no fault", code)
	}
	must(t, b.Stop())
	found, code = runDoctor(t, b.ConfigPath())
	found.expectOnlyFailures(t, "station")
	found.expect(t, "station", doctor.Fail, "not running")
	found.expect(t, "held entries", doctor.Warning, "1 held")
	found.expect(t, "outbox", doctor.OK, "sound")
	found.expect(t, "chip sim:"+b.ChipPath(), doctor.OK, "button maintenance 17")
	found.expect(t, "reader hand", doctor.OK, "")
	if code != exit.Failure {
		t.Errorf("exit code %d", code)
	}
}

// refusingProxy is a proxy that answers each CONNECT with a status; 0: it leads to whoever
// is asked for.
func refusingProxy(t *testing.T, status int) (address string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status != 0 || r.Method != http.MethodConnect {
			w.WriteHeader(status)
			return
		}
		far, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer far.Close()
		near, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer near.Close()
		_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(far, near) }()
		_, _ = io.Copy(near, far)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestDoctorFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		setup  func(t *testing.T) (*doctorStation, []string) // and the changes of the configuration
		wrong  map[string]string                             // the checks that fail, and what they say
		also   map[string]doctor.Verdict
		exits  int
		within time.Duration
	}{
		"the key is wrong": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				p := newDoctorStation(t, newPlant(t, nil).Handler())
				must(t, os.WriteFile(p.values["L2LKey"], []byte(wrongKey), 0o600))
				return p, nil
			},
			wrong: map[string]string{"l2l key": "the key is wrong"},
			also:  map[string]doctor.Verdict{"l2l site": doctor.Skipped, "l2l line PACK4": doctor.Skipped, "lagerkoll key": doctor.OK},
		},
		"the key file is open to everybody": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				p := newDoctorStation(t, newPlant(t, nil).Handler())
				must(t, os.Chmod(p.values["L2LKey"], 0o644))
				return p, nil
			},
			wrong: map[string]string{"l2l key file": "every account of this machine may read it"},
			also:  map[string]doctor.Verdict{"l2l site": doctor.Skipped, "l2l line PACK4": doctor.Skipped, "lagerkoll key": doctor.OK},
		},
		"the key file is missing": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				p := newDoctorStation(t, newPlant(t, nil).Handler())
				must(t, os.Remove(p.values["LagerkollKey"]))
				return p, nil
			},
			wrong: map[string]string{"lagerkoll key file": "no such file"},
			also:  map[string]doctor.Verdict{"lagerkoll orders": doctor.Skipped, "lagerkoll connection": doctor.OK, "l2l key": doctor.OK},
		},
		"the site, the line, the machine and the type are misspelt": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				return newDoctorStation(t, newPlant(t, nil).Handler()), []string{`"PACK4"`, `"PACK5"`, `"SEAL-1"`, `"SEAL-9"`, `"MAINT"`, `"MANT"`}
			},
			wrong: map[string]string{"l2l line PACK5": "PACK5", "l2l machine SEAL-9": "SEAL-9", "l2l type MANT": "MANT"},
			also:  map[string]doctor.Verdict{"l2l site": doctor.OK},
		},
		"the site is another": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				return newDoctorStation(t, newPlant(t, nil).Handler()), []string{"= 12", "= 13"}
			},
			wrong: map[string]string{"l2l site": "it sees 12 Site 12", "l2l key": "it may see nothing"},
			also:  map[string]doctor.Verdict{"l2l dispatches": doctor.Skipped, "l2l machine SEAL-1": doctor.Skipped},
		},
		"the time zone is another": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				plant := newPlant(t, nil)
				openDispatch(t, plant)
				return newDoctorStation(t, plant.Handler()), []string{"Europe/Stockholm", "America/New_York"}
			},
			wrong: map[string]string{"l2l time zone": "in America/New_York is in 6h"},
			also:  map[string]doctor.Verdict{"l2l machine SEAL-1": doctor.OK, "l2l type MAINT": doctor.OK},
		},
		"the clock is off": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				plant := newPlant(t, nil).Handler()
				return newDoctorStation(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Date", time.Now().Add(5*time.Minute).UTC().Format(http.TimeFormat))
					plant.ServeHTTP(w, r)
				})), nil
			},
			wrong: map[string]string{"l2l time": "behind the vendor's", "lagerkoll time": "behind the vendor's"},
		},
		"the clock is so wrong that no certificate holds": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				p := newDoctorStation(t, newPlant(t, nil).Handler())
				s := httptest.NewUnstartedServer(newPlant(t, nil).Handler())
				s.TLS = &tls.Config{Certificates: []tls.Certificate{newCertificate(t, time.Now().AddDate(2, 0, 0))}}
				s.Config.ErrorLog = log.New(io.Discard, "", 0)
				s.StartTLS()
				t.Cleanup(s.Close)
				p.values["L2L"] = s.URL + "/api/1.0/"
				return p, nil
			},
			wrong: map[string]string{"l2l TLS": "the clock is wrong"},
			also:  map[string]doctor.Verdict{"l2l key": doctor.Skipped, "l2l site": doctor.Skipped, "l2l connection": doctor.OK, "lagerkoll key": doctor.OK},
		},
		"nobody vouches for who answers": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				p := newDoctorStation(t, newPlant(t, nil).Handler())
				s := httptest.NewUnstartedServer(newPlant(t, nil).Handler())
				s.Config.ErrorLog = log.New(io.Discard, "", 0)
				s.StartTLS()
				t.Cleanup(s.Close)
				p.values["Lagerkoll"] = s.URL + "/v1/production_orders/"
				return p, nil
			},
			wrong: map[string]string{"lagerkoll TLS": "not signed by an authority"},
			also:  map[string]doctor.Verdict{"lagerkoll key": doctor.Skipped},
		},
		"the proxy wants a password": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				p := newDoctorStation(t, newPlant(t, nil).Handler())
				p.values["Lagerkoll"] = "https://vendor.invalid/v1/production_orders/"
				return p, []string{"[lagerkoll]", "[lagerkoll]\nproxy = " + strconv.Quote(refusingProxy(t, http.StatusProxyAuthRequired))}
			},
			wrong: map[string]string{"lagerkoll proxy": "does not lead to the vendor: the proxy 127.0.0.1:"},
			also:  map[string]doctor.Verdict{"lagerkoll key": doctor.Skipped, "l2l key": doctor.OK},
		},
		"the proxy does not reach the vendor": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				p := newDoctorStation(t, newPlant(t, nil).Handler())
				p.values["Lagerkoll"] = "https://vendor.invalid/v1/production_orders/"
				return p, []string{"[lagerkoll]", "[lagerkoll]\nproxy = " + strconv.Quote(refusingProxy(t, http.StatusServiceUnavailable))}
			},
			wrong: map[string]string{"lagerkoll proxy": "refused: 503"},
			also:  map[string]doctor.Verdict{"lagerkoll key": doctor.Skipped},
		},
		"the proxy is not there": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				p := newDoctorStation(t, newPlant(t, nil).Handler())
				p.values["Lagerkoll"] = "https://vendor.invalid/v1/production_orders/"
				return p, []string{"[lagerkoll]", "[lagerkoll]\nproxy = " + strconv.Quote("http://"+refusingAddress(t))}
			},
			wrong: map[string]string{"lagerkoll proxy": "cannot reach the proxy"},
			also:  map[string]doctor.Verdict{"lagerkoll key": doctor.Skipped},
		},
		"nobody vouches for who answers behind the proxy": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				p := newDoctorStation(t, newPlant(t, nil).Handler())
				s := httptest.NewUnstartedServer(newPlant(t, nil).Handler())
				s.Config.ErrorLog = log.New(io.Discard, "", 0)
				s.StartTLS()
				t.Cleanup(s.Close)
				p.values["Lagerkoll"] = s.URL + "/v1/production_orders/"
				return p, []string{"[lagerkoll]", "[lagerkoll]\nproxy = " + strconv.Quote(refusingProxy(t, 0))}
			},
			wrong: map[string]string{"lagerkoll TLS": "not signed by an authority"},
			also:  map[string]doctor.Verdict{"lagerkoll proxy": doctor.OK, "lagerkoll key": doctor.Skipped},
		},
		"the file of the plant's authority is missing": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				p := newDoctorStation(t, newPlant(t, nil).Handler())
				p.values["Lagerkoll"] = "https://vendor.invalid/v1/production_orders/"
				return p, []string{"[lagerkoll]", "[lagerkoll]\nca = \"/nowhere/plant.pem\""}
			},
			wrong: map[string]string{"lagerkoll ca": "/nowhere/plant.pem"},
			also:  map[string]doctor.Verdict{"lagerkoll key": doctor.Skipped},
		},
		"there is no network": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				p := newDoctorStation(t, newPlant(t, nil).Handler())
				p.values["L2L"] = "http://" + refusingAddress(t) + "/api/1.0/"
				p.values["Lagerkoll"] = "https://vendor.invalid/v1/production_orders/"
				return p, nil
			},
			wrong: map[string]string{"l2l connection": "refused", "lagerkoll name": "vendor.invalid"},
			also:  map[string]doctor.Verdict{"l2l key": doctor.Skipped, "lagerkoll key": doctor.Skipped, "l2l dispatches": doctor.Skipped, "data folder": doctor.OK},
		},
		"the vendor takes the call and says nothing": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				if testing.Short() {
					t.Skip("that a hung network ends each check was NOT proved: it takes 15 s")
				}
				p := newDoctorStation(t, newPlant(t, nil).Handler())
				l, err := net.Listen("tcp", "127.0.0.1:0")
				must(t, err)
				t.Cleanup(func() { l.Close() })
				p.values["L2L"] = "http://" + l.Addr().String() + "/api/1.0/"
				return p, nil
			},
			wrong:  map[string]string{"l2l key": "no answer"},
			also:   map[string]doctor.Verdict{"l2l connection": doctor.OK, "l2l line PACK4": doctor.Skipped, "lagerkoll key": doctor.OK},
			within: 30 * time.Second, // one check hangs, and no other waits for it
		},
		"Lagerkoll shows the lists and not the batches": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				plant1 := newPlant(t, nil)
				plant1.AddFault(plant.Fault{Kind: plant.Refusal, Where: "*/batch", Code: 903001, Text: "No rights to batches"})
				return newDoctorStation(t, plant1.Handler()), nil
			},
			wrong: map[string]string{"lagerkoll batches": "the key may not read an order's batches and serials: "},
			also:  map[string]doctor.Verdict{"lagerkoll orders": doctor.OK, "lagerkoll order": doctor.OK},
		},
		"the key may not read sites": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				return newDoctorStation(t, newPlant(t, func(s *plant.Config) {
					s.Assumptions = map[plant.Assumption]plant.Position{plant.SitesReadable: plant.Refused}
				}).Handler()), nil
			},
			also: map[string]doctor.Verdict{"l2l key": doctor.OK, "l2l site": doctor.Unknown, "l2l line PACK4": doctor.OK},
		},
		"the data folder is missing": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				p := newDoctorStation(t, newPlant(t, nil).Handler())
				must(t, os.Remove(p.values["Data"]))
				return p, nil
			},
			wrong: map[string]string{"data folder": "does not exist"},
		},
		"the outbox is damaged": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				p := newDoctorStation(t, newPlant(t, nil).Handler())
				must(t, os.WriteFile(filepath.Join(p.values["Data"], "outbox.db"), bytes.Repeat([]byte("damage"), 8192), 0o600))
				return p, nil
			},
			wrong: map[string]string{"outbox": "damaged"},
		},
		"the reader is not plugged in": {
			setup: func(t *testing.T) (*doctorStation, []string) {
				p := newDoctorStation(t, newPlant(t, nil).Handler())
				p.values["Port"] = "/dev/serial/by-id/usb-Honeywell_Xenon"
				return p, nil
			},
			wrong: map[string]string{"reader hand": "Honeywell"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, change := tt.setup(t)
			began := time.Now()
			found, code := runDoctor(t, p.config(t, change...))
			expected := []string{"station"} // none runs
			for check, says := range tt.wrong {
				found.expect(t, check, doctor.Fail, says)
				expected = append(expected, check)
			}
			for check, v := range tt.also {
				found.expect(t, check, v, "")
			}
			found.expectOnlyFailures(t, expected...)
			if code != exit.Failure {
				t.Errorf("exit code %d", code)
			}
			if took := time.Since(began); tt.within != 0 && took > tt.within {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestDoctorHasNoConfigurationToGoBy(t *testing.T) {
	t.Parallel()
	p := newDoctorStation(t, http.NotFoundHandler())
	found, code := runDoctor(t, p.config(t, "site ", "sight "))
	found.expect(t, "configuration", doctor.Fail, `"sight"`)
	found.expect(t, "station", doctor.Fail, "not running")
	if code != exit.Config || len(found) != 3 {
		t.Errorf("exit code %d, %v", code, found)
	}
	found, code = runDoctor(t, filepath.Join(p.dir, "nowhere.toml"))
	found.expect(t, "configuration", doctor.Fail, "no such file")
	if code != exit.Config {
		t.Errorf("exit code %d", code)
	}
}

func TestDoctorIsReadByAPerson(t *testing.T) {
	t.Parallel()
	p := newDoctorStation(t, newPlant(t, nil).Handler())
	var out, said bytes.Buffer
	if code := command(t.Context(), []string{"doctor", "--config", p.config(t)}, nil, &out, &said); code != exit.Failure || said.Len() > 0 {
		t.Fatalf("exit %d: %s", code, &said)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, line := range lines[:len(lines)-2] {
		if word := strings.TrimSpace(line[:7]); !slices.Contains([]doctor.Verdict{doctor.OK, doctor.Warning, doctor.Fail, doctor.Unknown, doctor.Skipped}, doctor.Verdict(word)) {
			t.Errorf("%q begins with no verdict", line)
		}
	}
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, fmt.Sprintf("%d checks: ", len(lines)-2)) || !strings.Contains(last, "1 FAIL") {
		t.Errorf("%q", last)
	}
}

// refusingAddress is an address that refuses connections until the test ends: its port is
// bound, so that no other test gets it, and nobody listens there.
func refusingAddress(t *testing.T) string {
	t.Helper()
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { _ = unix.Close(socket) })
	must(t, unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	bound, err := unix.Getsockname(socket)
	must(t, err)
	return fmt.Sprintf("127.0.0.1:%d", bound.(*unix.SockaddrInet4).Port)
}

// openDispatch opens a dispatch at the plant, as somebody at L2L does.
func openDispatch(t *testing.T, p *plant.Plant) {
	t.Helper()
	s := httptest.NewServer(p.Handler())
	defer s.Close()
	form := "site=12&dispatchtypecode=MAINT&description=Help&machinecode=SEAL-1&tradecode=MECH&auth=" + plant.Demo().L2LKey
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/1.0/dispatches/open/", strings.NewReader(form))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a, err := http.DefaultClient.Do(r)
	must(t, err)
	body, _ := io.ReadAll(a.Body)
	a.Body.Close()
	if len(p.Dispatches()) != 1 {
		t.Fatalf("no dispatch was opened: %s", body)
	}
}

// newCertificate makes one that holds for a day from then on.
func newCertificate(t *testing.T, from time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: from.AddDate(0, 0, 1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
