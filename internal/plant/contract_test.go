package plant

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"

	"stationd/internal/api/apitest"
)

// l2lContract is L2L's side as OpenAPI.
var l2lContract = sync.OnceValues(func() (*apitest.Contract, error) {
	return apitest.Load("../api/l2l/openapi.yaml", l2lRoot)
})

// held holds what the plant takes and answers as L2L against the contract: it
// does nothing that the contract does not allow, and answers within it.
func held(t *testing.T, s *Config) {
	t.Helper()
	contract, err := l2lContract()
	if err != nil {
		t.Fatal(err)
	}
	s.Observe = func(r *http.Request, body []byte, status int, header http.Header, answer []byte) {
		if !strings.HasPrefix(r.URL.Path, l2lRoot) || status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusMovedPermanently {
			return
		}
		if err := contract.Answer(r, status, header, answer); err != nil {
			t.Errorf("against the contract: %v", err)
		}
		if err := contract.Request(r, body); err != nil && bytes.Contains(answer, []byte(`"success":true`)) {
			t.Errorf("it did what the contract does not allow: %v", err)
		}
	}
}
