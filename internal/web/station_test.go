package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"

	"stationd/internal/cards"
	"stationd/internal/operator/operatortest"
	"stationd/internal/poster"
	"stationd/internal/words"
)

// shown is a station in memory as the page sees it.
func shown(f *operatortest.Station, language string) Station {
	return Station{
		Outbox:   f,
		Operator: f.Recorder(),
		Snapshot: f.Snapshot,
		Program:  operatortest.Program,
		Cards: func(language *words.Catalogue, lists cards.Lists) cards.Sheets {
			return cards.Make(cardStation(language), lists)
		},
		Poster: func(language *words.Catalogue) poster.Station {
			return poster.Station{Name: "pack4-1", Words: language, Lamps: true}
		},
		CardLists: func(context.Context) (cards.Lists, []string) {
			return cards.Lists{"order": {{Text: "4711", Title: "<b>Soup</b>"}}}, []string{"Lagerkoll"}
		},
		Stamp:    f.Stamp,
		Language: language,
		Zone:     operatortest.Stockholm(),
	}
}

// open opens a page of the station on a free port of the loopback.
func open(t *testing.T, f *operatortest.Station, language string) *Server {
	t.Helper()
	s, err := Open("127.0.0.1:0", shown(f, language), quietLog())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.listener.Close() })
	s.peerUID = func(netip.AddrPort, netip.AddrPort) (uint32, error) { return uint32(os.Geteuid()), nil } // a request without a connection
	return s
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// ask puts a request from the station's own screen to the page.
func ask(s *Server, method, path, form string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form))
	r.Host, r.RemoteAddr = "127.0.0.1:8420", "127.0.0.1:50000"
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, r)
	return w
}
