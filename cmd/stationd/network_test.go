package main

import (
	"bufio"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stationd/internal/api/apitest"
	"stationd/internal/demo"
	"stationd/internal/doctor"
	"stationd/internal/station"
)

// serveBehindTLS serves the simulation's L2L with TLS under a name. It returns the URL and the
// certificate of the authority.
func serveBehindTLS(t *testing.T, b *demo.Simulation, host string) (url string, authority []byte) {
	t.Helper()
	server := httptest.NewUnstartedServer(b.Plant.Handler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "https://"), ":")
	return "https://" + host + ":" + port + "/api/1.0/", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

// lastContact returns the result of the last request to L2L.
func lastContact(t *testing.T, b *demo.Simulation) station.Contact {
	s, err := b.Control().Snapshot(t.Context())
	if err != nil {
		return station.Contact{}
	}
	return s.Health.Backends["l2l"]
}

// The file of the plant's authority is missing when the station starts. It records and
// says what is missing; when the file is there, what waits is delivered, and nobody
// restarts anything.
func TestTheFileOfThePlantsAuthorityComesLater(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	url, authority := serveBehindTLS(t, b, "127.0.0.1")
	path := filepath.Join(b.Dir, "plant.pem")
	must(t, b.Power(t.Context(), false))
	editConfig(t, b, `"`+b.Plant.L2LURL()+`"`, `"`+url+`"`+"\nca = \""+path+`"`)
	must(t, b.Power(t.Context(), true))
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, demo.Until(t.Context(), "it is said which file is missing", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && strings.Contains(s.Health.Devices["l2l network"], path) && s.Waiting == 1
	}))
	must(t, os.WriteFile(path, authority, 0o600))
	must(t, b.WaitDelivered(t.Context()))
	must(t, demo.Until(t.Context(), "nothing is said of the file any more", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && s.Health.Devices["l2l network"] == ""
	}))
	if n := len(b.Plant.Dispatches()); n != 1 {
		t.Errorf("%d calls are open", n)
	}
}

// The first of the plant's two name servers is dead, and the authority that vouches
// for the vendor there is installed while the station runs.
func TestAPlantWithADeadNameServerAndAnAuthorityThatIsInstalledLater(t *testing.T) {
	if !apitest.InNamespace(t, "what a station makes of a dead name server, and of an authority that is installed while it runs,") {
		return
	}
	dead, alive := apitest.NewNameServer(t, "127.0.0.2"), apitest.NewNameServer(t, "127.0.0.3")
	dead.Dead.Store(true)
	apitest.ResolvConf(t, "nameserver 127.0.0.2\nnameserver 127.0.0.3\n")
	trusted := t.TempDir()
	t.Setenv("SSL_CERT_FILE", filepath.Join(trusted, "none"))
	t.Setenv("SSL_CERT_DIR", trusted)
	b := startStation(t, func(s *demo.Config) { s.Settle = time.Minute }) // the least where the vendor is not this machine
	url, authority := serveBehindTLS(t, b, "example.com")
	editConfig(t, b, b.Plant.L2LURL(), url)
	reloadStation(t, b, heardReload)
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, demo.Until(t.Context(), "it is said that nobody vouches for the vendor", func() bool {
		return strings.Contains(lastContact(t, b).Last, "certificate")
	}))
	must(t, os.WriteFile(filepath.Join(trusted, "plant.pem"), authority, 0o600))
	must(t, b.WaitDelivered(t.Context()))
	if n := len(b.Plant.Dispatches()); n != 1 {
		t.Errorf("%d calls are open", n)
	}
	if dead.Asked.Load() == 0 || alive.Asked.Load() == 0 {
		t.Error("the name servers were not asked: there was nothing to prove")
	}
	found, _ := runDoctor(t, b.ConfigPath())
	found.expect(t, "l2l name server", doctor.Warning, "127.0.0.2 does not answer, and 127.0.0.3 does")
	found.expect(t, "l2l connection", doctor.OK, "")
	found.expect(t, "l2l TLS", doctor.OK, "")
	found.expect(t, "l2l key", doctor.OK, "")
}

// The password of a proxy is shown nowhere, however it is spelled, and be it that its
// address cannot be read.
func TestTheProxysPasswordIsShownNowhere(t *testing.T) {
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { refusing.Close() })
	go func() {
		for {
			c, err := refusing.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					fmt.Fprintf(c, "HTTP/1.1 407 %[1]s\r\nX-Seen: %[1]s\r\nContent-Length: %[2]d\r\n\r\n%[1]s", r.Header.Get("Proxy-Authorization"), len(r.Header.Get("Proxy-Authorization")))
				}
			}()
		}
	}()
	for name, tt := range map[string]struct{ login, says string }{
		"as it must be written": {"station:cAnary%2fpw7", "refused: 407"},
		"with a slash in it":    {"station:12/cAnary", "HTTPS_PROXY"},
		"with a space in it":    {"station:cAnary pw7", "HTTPS_PROXY"},
	} {
		t.Run(name, func(t *testing.T) {
			// In the environment of the processes alone: this one reads its own once.
			proxy := "HTTPS_PROXY=http://" + tt.login + "@" + refusing.Addr().String()
			var stationd string
			b := startStation(t, func(s *demo.Config) {
				s.Settle = 3 * time.Minute // a proxy takes longer
				stationd = s.Command[0]
				s.Command = append([]string{"env", proxy}, s.Command...)
			})
			editConfig(t, b, b.Plant.L2LURL(), "https://example.com/api/1.0/")
			reloadStation(t, b, heardReload)
			waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
			must(t, demo.Until(t.Context(), "the proxy is blamed: "+tt.says, func() bool { return strings.Contains(lastContact(t, b).Last, tt.says) }))
			shown := map[string]string{"the log": b.Log.Tail()}
			for _, path := range []string{"", "events", "metrics", "healthz"} {
				shown["the page /"+path] = getText(t, http.DefaultClient, b.Log.PageURL()+path)
			}
			doctor := exec.CommandContext(t.Context(), "env", proxy, stationd, "doctor", "--config", b.ConfigPath())
			said, _ := doctor.CombinedOutput() // it finds something, and says so by its exit code
			if shown["the doctor"] = string(said); !strings.Contains(string(said), "l2l") {
				t.Errorf("the doctor says nothing of L2L: %s", said)
			}
			login, err := url.PathUnescape(tt.login)
			must(t, err)
			for where, text := range shown {
				if strings.Contains(strings.ToLower(text), "canary") || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(login))) {
					t.Errorf("%s shows it: %s", where, text)
				}
			}
		})
	}
}
