package lagerkoll

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"stationd/internal/station"
)

// A key that Lagerkoll has put into an order is shown nowhere, kept nowhere, and not
// written back as something else.
func TestAnOrderHoldsTheKey(t *testing.T) {
	t.Parallel()
	for name, comment := range map[string]string{
		"as it is": secret, "in capitals": strings.ToUpper(secret), "as HTML": "c4nary&plus;lagerkoll&#47;key", "in base64": "dXNlcjpjNG5hcnkrbGFnZXJrb2xsL2tleQ==",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			order := fmt.Sprintf(`{"orderId": 4711, "state": "1", "prReference": "R %[1]s", "name": "%[1]s", "comment": "%[1]s", "articles": []}`, comment)
			var writes atomic.Int32
			b := ask(t, func(method, _, _ string) string {
				if method != http.MethodGet {
					writes.Add(1)
				}
				return order
			})
			answer, err := b.Query(t.Context(), "order", map[string]string{"order": "4711"})
			shown := fmt.Sprintf("%q %s %v", answer.Rows, answer.All, err)
			d := b.deliveryOf(orderUpdate, map[string]string{"order": "4711", "name": "Night"})
			before, rc := b.Look(t.Context(), d)
			shown += string(before) + fmt.Sprint(rc)
			d.Before = before
			rc = b.Deliver(t.Context(), d)
			shown += fmt.Sprint(rc)
			if rc.Outcome != station.Refused || writes.Load() != 0 || !strings.Contains(fmt.Sprint(rc.Err), "not written back") {
				t.Errorf("the update comes to %+v after %d writes", rc, writes.Load())
			}
			made := b.deliveryOf(orderCreate, map[string]string{"reference": "R-9", "name": "Night"})
			made.Before = []byte(`{"reference":"R-9"}`)
			shown += fmt.Sprint(b.Deliver(t.Context(), made))
			if strings.Contains(shown, comment) || strings.Contains(shown, secret) {
				t.Errorf("the key is in %s", shown)
			}
		})
	}
}
