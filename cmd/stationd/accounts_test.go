package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// nobody is the account that has no rights, on every Linux.
const nobody = 65534

// dialAs connects as another account, which only root can: the socket is made by a
// thread that has become that account, and ends with it.
func dialAs(uid int) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread() // never unlocked: the thread ends
			if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); e != 0 {
				err = e
				return
			}
			var d net.Dialer
			conn, err = d.DialContext(ctx, network, address)
		}()
		<-done
		return conn, err
	}
}

func TestAnAccountThatIsNotInTheGroupOnlyLooksAtThePage(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("that an account of the board beside the station's own decides nothing on the page was NOT proved: only root can connect as another account")
	}
	b := startStation(t, nil)
	scanAndWait(t, b, "PO4711")
	held := heldTrace(t, b, "B7")
	page := b.Log.PageURL()
	ask := func(uid int, path string, form url.Values) (int, string) {
		t.Helper()
		client := &http.Client{
			Transport:     &http.Transport{DialContext: dialAs(uid), DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		method := http.MethodGet
		if form != nil {
			method = http.MethodPost
		}
		r, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(page, "/")+path, strings.NewReader(form.Encode()))
		must(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := client.Do(r)
		must(t, err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		must(t, err)
		return answer.StatusCode, string(text)
	}

	if code, text := ask(nobody, "/", nil); code != http.StatusOK || !strings.Contains(text, `class="visitor"`) || !strings.Contains(text, "The account nobody may not decide here") {
		t.Errorf("the page of another account is answered with %d:\n%s", code, text)
	}
	for _, path := range []string{"/entries/retry", "/entries/discard", "/discard", "/close"} {
		if code, text := ask(nobody, path, url.Values{"entry": {string(held)}}); code != http.StatusForbidden || !strings.Contains(text, "The account nobody may not decide here") {
			t.Errorf("%s by another account is answered with %d:\n%s", path, code, text)
		}
	}
	c, err := b.Contents(t.Context())
	must(t, err)
	if c.Held != 1 {
		t.Errorf("%d entries are held after another account decided", c.Held)
	}

	if code, text := ask(os.Geteuid(), "/", nil); code != http.StatusOK || strings.Contains(text, `class="visitor"`) {
		t.Errorf("the station's own account gets %d, and may not decide", code)
	}
	if code, text := ask(os.Geteuid(), "/entries/discard", url.Values{"entry": {string(held)}}); code != http.StatusSeeOther {
		t.Errorf("a decision of the station's own account is answered with %d:\n%s", code, text)
	}
	c, err = b.Contents(t.Context())
	must(t, err)
	if c.Held != 0 {
		t.Errorf("%d entries are held after the station's own account discarded one", c.Held)
	}
	expectLogged(t, b, `"entry discarded",.*"by":"uid:0"`)
	expectLogged(t, b, "The account nobody may not decide here")
}
