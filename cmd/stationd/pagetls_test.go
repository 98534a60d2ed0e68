package main

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/api/apitest"
)

// Another machine sees the page encrypted, by a certificate that doctor tells the fingerprint
// of, and with a token; the station's own screen sees it as ever.
func TestAnotherMachineSeesThePageEncryptedAndWithAToken(t *testing.T) {
	if !apitest.InNamespace(t, "that another machine sees the page encrypted, and with a token") {
		return
	}
	const plant, token = "192.0.2.1", "a-long-token-of-the-plant"
	addAddress(t, 0, plant)
	b := newStation(t, nil)
	file := filepath.Join(b.Dir, "page.token")
	must(t, os.WriteFile(file, []byte(token+"\n"), 0o600))
	editConfig(t, b, `listen = "127.0.0.1:0"`, fmt.Sprintf("listen = \"0.0.0.0:0\"\ntls = true\ntoken = { file = %q }\nhosts = [\"pack4-1.plant.example\"]\n\n[access]", file))
	must(t, b.Power(t.Context(), true))
	_, port, err := net.SplitHostPort(strings.Trim(b.Log.PageURL(), "htp:/"))
	must(t, err)
	if said, code := runPIN(t, b, "471147"); code != 0 {
		t.Fatalf("passwd ends with %d and says %s", code, said)
	}

	var fingerprint string
	client := clientFrom(plant)
	transport, is := client.Transport.(*http.Transport)
	if !is {
		t.Fatal("the client has another transport")
	}
	transport.TLSClientConfig = &tls.Config{
		InsecureSkipVerify: true, //nolint:gosec // it is known by its fingerprint
		VerifyConnection: func(c tls.ConnectionState) error {
			fingerprint = strings.ToUpper(fmt.Sprintf("%x", sha256.Sum256(c.PeerCertificates[0].Raw)))
			return c.PeerCertificates[0].VerifyHostname("pack4-1.plant.example")
		},
	}
	ask := func(scheme, path string, form url.Values, header ...string) (int, string, []*http.Cookie) {
		t.Helper()
		method := http.MethodGet
		if form != nil {
			method = http.MethodPost
		}
		r, err := http.NewRequestWithContext(t.Context(), method, scheme+"://"+net.JoinHostPort(plant, port)+path, strings.NewReader(form.Encode()))
		must(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		answer, err := client.Do(r)
		must(t, err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		must(t, err)
		return answer.StatusCode, string(text), answer.Cookies()
	}
	if code, text, _ := ask("http", "/", nil); code != http.StatusBadRequest || strings.Contains(text, "<html") {
		t.Errorf("unencrypted: %d %s", code, text)
	}
	if code, text, _ := ask("https", "/", nil); code != http.StatusUnauthorized || !strings.Contains(text, `name="token"`) {
		t.Errorf("without the token: %d %s", code, text)
	}
	if code, text, _ := ask("https", "/healthz", nil, "Authorization", "Bearer "+token); code != http.StatusOK || !strings.HasPrefix(text, "ok") {
		t.Errorf("with the token: %d %s", code, text)
	}
	code, _, cookies := ask("https", "/login", url.Values{"pin": {"471147"}})
	if code != http.StatusSeeOther || len(cookies) != 1 || !cookies[0].Secure {
		t.Fatalf("a log-in: %d %v", code, cookies)
	}
	if code, text, _ := ask("https", "/entries", nil, "Cookie", cookies[0].Name+"="+cookies[0].Value); code != http.StatusOK || !strings.Contains(text, "/logout") {
		t.Errorf("logged in: %d %s", code, text)
	}
	if text := getText(t, clientFrom("127.0.0.1"), "http://"+net.JoinHostPort("127.0.0.1", port)+"/"); !strings.Contains(text, "pack4-1") {
		t.Errorf("the station's own screen sees %s", text)
	}
	said, _ := runCommand(t, b, "doctor")
	if shown := strings.NewReplacer(":", "", "\n", "", " ", "").Replace(said); fingerprint == "" || !strings.Contains(shown, fingerprint) {
		t.Errorf("the certificate is %s, and doctor says\n%s", fingerprint, said)
	}
	// The same after a restart, or nobody could compare it.
	before := fingerprint
	must(t, b.Power(t.Context(), false))
	must(t, b.Power(t.Context(), true))
	_, port, err = net.SplitHostPort(strings.Trim(b.Log.PageURL(), "htp:/"))
	must(t, err)
	if ask("https", "/healthz", nil); fingerprint != before {
		t.Errorf("after a restart it is %s, and was %s", fingerprint, before)
	}
	// The station gets another name, and a browser that asks for it refuses the old certificate.
	editConfig(t, b, `hosts = ["pack4-1.plant.example"]`, `hosts = ["pack4-1.plant.example", "seal-1.plant.example"]`)
	if said, _ := runCommand(t, b, "doctor"); !strings.Contains(said, "not for seal-1.plant.example") {
		t.Errorf("doctor does not say that another certificate will be made:\n%s", said)
	}
	must(t, b.Power(t.Context(), false))
	must(t, b.Power(t.Context(), true))
	_, port, err = net.SplitHostPort(strings.Trim(b.Log.PageURL(), "htp:/"))
	must(t, err)
	expectLogged(t, b, `"msg":"the station made a certificate for its page[^"]*","why":"it was not for seal-1.plant.example"`)
	transport.TLSClientConfig.VerifyConnection = func(c tls.ConnectionState) error {
		return c.PeerCertificates[0].VerifyHostname("seal-1.plant.example")
	}
	if code, _, _ := ask("https", "/healthz", nil, "Authorization", "Bearer "+token); code != http.StatusOK {
		t.Errorf("by its new name: %d", code)
	}
	transport.TLSClientConfig = nil
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+net.JoinHostPort(plant, port)+"/", nil)
	must(t, err)
	answer, err := client.Do(r)
	if _, unknown := errors.AsType[*tls.CertificateVerificationError](err); !unknown {
		t.Errorf("a client that does not know it: %v", err)
	}
	if err == nil {
		answer.Body.Close()
	}
}
