package api

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"stationd/internal/station"
)

// A guard is asked right before each change: when it has its turn, and once more when there
// is a connection.
func TestWhatTheGuardForbidsIsNotSent(t *testing.T) {
	t.Parallel()
	for sentence, allowed := range map[string]int32{"it forbids from the beginning": 0, "it forbids while connecting": 1} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			var served atomic.Int32
			vendor := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) }))
			t.Cleanup(vendor.Close)
			c := New(Settings{Base: vendor.URL + "/", Log: slog.New(slog.DiscardHandler)})
			var asked atomic.Int32
			over := errors.New("the lease is over")
			ctx := WithGuard(t.Context(), func() error {
				if asked.Add(1) > allowed {
					return over
				}
				return nil
			})
			_, rc := c.Do(ctx, Request{Method: http.MethodPost})
			if rc.Outcome != station.Unreached || rc.Err == nil {
				t.Errorf("what the guard forbids is %v: %v", rc.Outcome, rc.Err)
			}
			if served.Load() != 0 {
				t.Error("it was sent")
			}
			if _, rc := c.Do(ctx, Request{Method: http.MethodGet}); rc.Outcome != station.Delivered {
				t.Errorf("a read is %v: %v", rc.Outcome, rc.Err)
			}
		})
	}
}
