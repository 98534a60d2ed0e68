package gs1

import (
	"errors"
	"testing"
)

func TestAGTINIsCheckedAndPadded(t *testing.T) {
	t.Parallel()
	good := map[string]string{
		"02345673":       "00000002345673",
		"416000336108":   "00416000336108",
		"2112345678900":  "02112345678900",
		"24012345678905": "24012345678905",
	}
	for code, want := range good {
		if got, err := GTIN14(code); err != nil || got != want {
			t.Errorf("GTIN14(%s) = %s, %v, want %s", code, got, err, want)
		}
	}
	bad := map[string]int{ // where the fault lies
		"":                0,
		"123":             0,
		"12345678901":     0,
		"240123456789050": 0,
		"0234567X":        7,
		"02345674":        7,
		"2401234567890\n": 13,
		"24012345678909":  13,
	}
	for code, pos := range bad {
		got, err := GTIN14(code)
		var fault *Error
		if !errors.As(err, &fault) || fault.Pos != pos {
			t.Errorf("GTIN14(%q) = %q, %v, want a fault at %d", code, got, err, pos)
		}
	}
}
