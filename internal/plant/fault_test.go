package plant

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// press opens a dispatch for material and says what came back over the wire.
func press(t *testing.T, p *Plant, c *http.Client) (status int, body string, err error) {
	t.Helper()
	form := pairs("site", "12", "dispatchtypecode", "MATERIAL", "description", "x", "machinecode", "SEAL-1")
	r := request(t, "POST", p.L2LURL()+"dispatches/open/?auth="+p.config.L2LKey, form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := c.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(res.Body)
	return res.StatusCode, b.String(), err
}

func TestAFaultSaysWhatIsDoneAndWhatTheClientSees(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault  Fault
		status int // 0: no answer
		done   int // dispatches afterwards
		seen   func(status int, body string, err error) bool
	}{
		{Fault{Kind: Down}, 0, 0, func(_ int, _ string, err error) bool { return errors.Is(err, io.EOF) }},
		{Fault{Kind: Reset}, 0, 0, func(_ int, _ string, err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
		{Fault{Kind: Lost}, 0, 1, func(_ int, _ string, err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
		{Fault{Kind: ErrorBefore}, 500, 0, nil},
		{Fault{Kind: ErrorAfter}, 500, 1, nil},
		{Fault{Kind: BadGateway}, 502, 0, func(_ int, body string, _ error) bool { return bytes.HasPrefix([]byte(body), []byte("<!DOCTYPE")) }},
		{Fault{Kind: HTML}, 200, 0, func(_ int, body string, _ error) bool { return !json.Valid([]byte(body)) }},
		{Fault{Kind: Truncated}, 200, 1, func(_ int, body string, err error) bool { return err == nil && body != "" && !json.Valid([]byte(body)) }},
		{Fault{Kind: TooMany}, 429, 0, nil},
		{Fault{Kind: Refusal, Text: "No"}, 200, 0, func(_ int, body string, _ error) bool { return body == `{"error":"No","success":false}` }},
		{Fault{Kind: Unauthorized}, 401, 0, nil},
		{Fault{Kind: Redirect}, 307, 0, nil},
		{Fault{Kind: Slow, Delay: 10 * time.Millisecond}, 200, 1, nil},
		{Fault{Kind: Late, Delay: 10 * time.Millisecond}, 200, 1, nil},
	} {
		t.Run(string(tt.fault.Kind), func(t *testing.T) {
			t.Parallel()
			p := served(t, Demo())
			p.AddFault(tt.fault)
			status, body, err := press(t, p, client())
			if status != tt.status || tt.seen != nil && !tt.seen(status, body, err) {
				t.Errorf("status %d, error %v, body %s", status, err, body)
			}
			if n := len(p.Dispatches()); n != tt.done {
				t.Errorf("%d dispatches, want %d", n, tt.done)
			}
			if r := p.Requests(); len(r) != 1 || r[0].Fault != tt.fault.Kind || r[0].Status != tt.status {
				t.Errorf("%+v", r)
			}
			p.ClearFaults()
			if status, _, err := press(t, p, client()); err != nil || status != 200 || len(p.Dispatches()) != tt.done+1 {
				t.Errorf("when it is over: %d, %v", status, err)
			}
			content(t, p)
		})
	}
}

func TestALateEffectComesAfterTheClientHasGone(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	p.AddFault(Fault{Kind: Late, Delay: 300 * time.Millisecond})
	c := client()
	c.Timeout = 50 * time.Millisecond
	if _, _, err := press(t, p, c); err == nil {
		t.Fatal("it was answered in time")
	}
	if len(p.Dispatches()) != 0 {
		t.Fatal("it was done at once")
	}
	for end := time.Now().Add(5 * time.Second); len(p.Dispatches()) == 0; {
		if time.Now().After(end) {
			t.Fatal("it was never done")
		}
		<-time.After(5 * time.Millisecond)
	}
	if early := p.Dispatches()[0].Created.Sub(p.Requests()[0].At); early < 300*time.Millisecond {
		t.Errorf("it was done %v after the request", early)
	}
}

func TestASlowAnswerComesAfterTheEffect(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	p.AddFault(Fault{Kind: Slow, Delay: time.Minute})
	c := client()
	c.Timeout = 200 * time.Millisecond
	if _, _, err := press(t, p, c); err == nil {
		t.Fatal("it was answered in time")
	}
	if len(p.Dispatches()) != 1 {
		t.Error("it was not done at once")
	}
}

func TestAFaultStrikesWhereAndWhenItWasOrdered(t *testing.T) {
	t.Parallel()
	struck := func(p *Plant, method, path string, n int) string {
		pattern := ""
		for range n {
			r, _ := http.NewRequest(method, path, nil)
			mark := "."
			if p.matchFault(r).Kind != "" {
				mark = "x"
			}
			pattern += mark
		}
		return pattern
	}
	for _, tt := range []struct {
		name  string
		fault Fault
		want  string
	}{
		{"each", Fault{}, "xxxxxx"},
		{"the next two", Fault{Next: 2}, "xx...."},
		{"every third", Fault{Every: 3}, "..x..x"},
		{"every second, once", Fault{Every: 2, Next: 1}, ".x...."},
		{"the third alone", Fault{Skip: 2, Next: 1}, "..x..."},
		{"this verb and path", Fault{Where: "POST /api/1.0/dispatches/open/"}, "xxxxxx"},
		{"any path of the part", Fault{Where: "/api/1.0/dispatches/*"}, "xxxxxx"},
		{"a star within", Fault{Where: "POST /api/*/open/"}, "xxxxxx"},
		{"another verb", Fault{Where: "GET /api/1.0/dispatches/open/"}, "......"},
		{"another path", Fault{Where: "/v1/*"}, "......"},
	} {
		p := &Plant{cable: &cable{address: "127.0.0.1:1"}}
		tt.fault.Kind = Reset
		p.AddFault(tt.fault)
		if got := struck(p, "POST", "/api/1.0/dispatches/open/", 6); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestTooManyRequestsMaySayHowLongToWait(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	p.AddFault(Fault{Kind: TooMany, RetryAfter: 1500 * time.Millisecond, Next: 1})
	p.AddFault(Fault{Kind: TooMany, Next: 1})
	if a := lager(t, p, "GET", "4711", ""); a.header.Get("Retry-After") != "2" || a.json["errorCode"] != 900429.0 {
		t.Errorf("%v %s", a.header, a.text)
	}
	if a := lager(t, p, "GET", "4711", ""); a.status != 429 || len(a.header.Values("Retry-After")) != 0 {
		t.Errorf("%v %s", a.header, a.text)
	}
}

func TestAFollowedRedirectIsComplainedOf(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	p.AddFault(Fault{Kind: Redirect, Next: 1, To: "http://" + p.Addr()})
	c := client()
	c.CheckRedirect = nil
	if _, _, err := press(t, p, c); err != nil {
		t.Fatal(err)
	}
	complains(t, p, "a redirect to another host was followed")
}

func TestAPulledCableCutsAndRefusesAndComesBackOnTheSamePort(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if status, _, err := press(t, p, client()); status != 200 {
		t.Fatal(err) // a later connection is served, so the one above is accepted too
	}
	for range 3 {
		if err := errors.Join(p.Cable(false), p.Cable(false)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := press(t, p, client()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("the cable is out, and: %v", err)
		}
		if stranger, err := net.Listen("tcp", p.Addr()); err == nil {
			stranger.Close()
			t.Fatal("while the cable was out somebody else could take the port")
		}
		if err := errors.Join(p.Cable(true), p.Cable(true)); err != nil {
			t.Fatal(err)
		}
		if status, _, err := press(t, p, client()); status != 200 {
			t.Fatalf("the cable is in again, and: %v", err)
		}
	}
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("the old connection was not cut: %v", err)
	}
}

func TestThePlantEndsWithItsCableOut(t *testing.T) {
	t.Parallel()
	p, err := Open(Demo())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Cable(false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := p.Run(ctx); err != nil {
		t.Error(err)
	}
}
