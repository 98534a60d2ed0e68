package web

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"stationd/internal/operator/operatortest"
)

func TestOnlyAccountsOfTheGroupDecideOnThePage(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		uid  uint32
		err  error
		want string // in the refusal; empty: it is carried out
	}{
		{"root", 0, nil, ""},
		{"an account without a name", 4_000_000_001, nil, "The account 4000000001 may not decide here. Add it to the group of the station (sudo adduser 4000000001 "},
		{"somebody who has closed the connection", 0, errors.New("the connection has ended"), "cannot be determined (the connection has ended). Try again, or use stationd outbox"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := operatortest.Held()
			s := open(t, f, "en")
			s.peerUID = func(netip.AddrPort, netip.AddrPort) (uint32, error) { return c.uid, c.err }
			seen := ask(s, http.MethodGet, "/entries", "").Body.String()
			w := ask(s, http.MethodPost, "/entries/retry", "entry="+string(operatortest.Trace(0x9f86d081).ID))
			if c.want == "" {
				if w.Code != http.StatusSeeOther || len(f.Events()) != 1 || !strings.Contains(seen, "/entries/retry") {
					t.Errorf("the answer is %d: %s", w.Code, w.Body)
				}
				return
			}
			if w.Code != http.StatusForbidden || len(f.Events()) != 0 || strings.Count(w.Body.String(), c.want) != 1 {
				t.Errorf("the answer is %d: %s", w.Code, w.Body)
			}
			if strings.Contains(seen, "/entries/retry") || !strings.Contains(seen, c.want) {
				t.Errorf("the page does not say why there are no buttons: %s", seen)
			}
		})
	}
}
