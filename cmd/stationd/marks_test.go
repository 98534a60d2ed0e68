package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/station"
)

// hideMarks is a proxy to the plant that removes marks and seconds from its answers.
func hideMarks(t *testing.T, address string) string {
	t.Helper()
	mark := regexp.MustCompile(`\[sd-[A-Z2-7]{10}\] `)
	second := regexp.MustCompile(`("reported": ?"[^"]*\d\d:\d\d):\d\d`)
	front := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: address}) },
		ModifyResponse: func(answer *http.Response) error {
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				return err
			}
			body = second.ReplaceAll(mark.ReplaceAll(body, nil), []byte("$1"))
			answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			answer.Header.Del("Content-Length")
			return nil
		},
	})
	t.Cleanup(front.Close)
	return strings.TrimPrefix(front.URL, "http://")
}

// A site that keeps descriptions in another form than it was told shows so with the
// first call that it opens. Where a later one is in doubt, that its mark is not found
// says nothing.
func TestACallInDoubtIsHeldWhereMarksAreNotShown(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	editConfig(t, b, b.Plant.Addr(), hideMarks(t, b.Plant.Addr())) // L2L's
	must(t, b.Power(t.Context(), true))
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.WaitDelivered(t.Context()))
	must(t, demo.Until(t.Context(), "the station has learned that marks are not shown", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && strings.Contains(s.Health.Advice["l2l"], "without its mark")
	}))
	must(t, b.Power(t.Context(), false))
	must(t, b.Power(t.Context(), true)) // and keeps it

	b.Plant.AddFault(plant.Fault{Kind: plant.Lost, Where: "POST /api/1.0/dispatches/open/", Next: 1})
	waitRecorded(t, b, "material.press", func() { b.Push(demo.PinMaterial, demo.PressTime) })
	if e := waitHeld(t, b, "dispatch.open", "mark"); e.Hold != station.HoldUndecided || !e.Doubtful {
		t.Errorf("it is held as %s, in doubt %v: %s", e.Hold, e.Doubtful, e.Reason)
	}
	if n := len(b.Plant.Dispatches()); n != 2 {
		t.Errorf("two calls came to %d dispatches", n)
	}
	if text, _ := runCommand(t, b, "doctor"); !strings.Contains(text, "l2l marks") {
		t.Errorf("the doctor does not say it:\n%s", text)
	}
}
