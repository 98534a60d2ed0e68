//go:build installed

package installed_test

import (
	"encoding/json"
	"testing"
)

// A finding is a line of stationd doctor.
type finding struct {
	Check   string `json:"check"`
	Verdict string `json:"verdict"`
	Found   string `json:"found"`
	Do      string `json:"do"`
}

// doctor runs stationd doctor as root and returns its lines by what they look at.
func (s *fixture) doctor(t *testing.T) map[string]finding {
	t.Helper()
	text, err := s.Try("stationd doctor --json 2>/dev/null || true")
	if err != nil {
		t.Fatal(err)
	}
	var all []finding
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatalf("doctor says %q: %v", text, err)
	}
	by := map[string]finding{}
	for _, f := range all {
		by[f.Check] = f
	}
	return by
}
