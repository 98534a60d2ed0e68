package alert

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"stationd/internal/api"
)

func TestAnAlertIsPostedOnceAndItsErrorShowsNoSecret(t *testing.T) {
	t.Parallel()
	const secret, address = "canary-key-7f3c", "/canary-address?sig=canary-91ab"
	key := filepath.Join(t.TempDir(), "alert.key")
	if err := os.WriteFile(key, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		header string
		want   string // the header's value
		status int
		says   string // of the error
	}{
		{"taken", "Authorization", "Bearer " + secret, http.StatusOK, ""},
		{"taken without a word", "X-Key", secret, http.StatusAccepted, ""},
		{"a redirect is not followed", "X-Key", secret, http.StatusTemporaryRedirect, "a redirect, which is never followed"},
		{"a wrong key", "X-Key", secret, http.StatusForbidden, "403"},
		{"a wrong address", "X-Key", secret, http.StatusNotFound, "404"},
		{"a failure", "X-Key", secret, http.StatusBadGateway, "502"},
		{"too many", "X-Key", secret, http.StatusTooManyRequests, "429"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				if r.URL.RequestURI() != address || r.Header.Get(c.header) != c.want || r.Header.Get("Content-Type") != "application/json" {
					t.Errorf("%s with %v", r.URL, r.Header)
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte("what was sent: " + c.want + " to " + r.URL.String()))
			}))
			defer server.Close()
			s := Default()
			s.URL, s.Header, s.Key = server.URL+address, c.header, api.KeyFrom{File: key}
			s.Check(func(key, text string) { t.Errorf("%s %s", key, text) })
			err := s.Post(t.Context(), Message{Text: "x"}, slog.New(slog.DiscardHandler))
			switch {
			case err == nil && c.says != "", err != nil && (c.says == "" || !strings.Contains(err.Error(), c.says)):
				t.Errorf("the error is %v", err)
			case err != nil && strings.Contains(err.Error(), "canary"):
				t.Errorf("a secret in %v", err)
			}
			if n := requests.Load(); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		s := Default()
		s.URL = "http://127.0.0.1:1" + address
		if err := s.Post(t.Context(), Message{}, slog.New(slog.DiscardHandler)); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("the error is %v", err)
		}
	})
}
