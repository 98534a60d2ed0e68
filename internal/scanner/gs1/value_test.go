package gs1

import (
	"errors"
	"testing"
	"time"
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

func TestADateFallsWithinFiftyYearsOfNow(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		now   int
		value string
		want  string
	}{
		{"this year", 2026, "260131", "2026-01-31"},
		{"fifty years on is still this century", 2026, "761231", "2076-12-31"},
		{"fifty-one years on is the century before", 2026, "770101", "1977-01-01"},
		{"forty-nine years back is this century", 2060, "110101", "2011-01-01"},
		{"fifty years back is the century after", 2060, "100101", "2110-01-01"},
		{"the year 99 read in 2001", 2001, "991231", "1999-12-31"},
		{"the year 01 read in 2099", 2099, "010203", "2101-02-03"},
		{"day 00 is the last of the month", 2026, "270400", "2027-04-30"},
		{"day 00 of February in a leap year", 2026, "280200", "2028-02-29"},
		{"29 February 2000", 2026, "000229", "2000-02-29"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			zone := time.FixedZone("line 3", 2*60*60)
			got, err := Date(tt.value, time.Date(tt.now, 7, 1, 12, 0, 0, 0, zone))
			if err != nil {
				t.Fatal(err)
			}
			want, _ := time.ParseInLocation(time.DateOnly, tt.want, zone)
			if !got.Equal(want) || got.Location() != zone {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestADateThatIsNone(t *testing.T) {
	t.Parallel()
	now := time.Date(2060, 7, 1, 0, 0, 0, 0, time.UTC)
	bad := map[string]int{"": 0, "26013": 0, "2601311": 0, "26x131": 2, "261301": 2, "260001": 2, "260230": 4, "000229": 4}
	for value, pos := range bad {
		got, err := Date(value, now)
		var fault *Error
		if !errors.As(err, &fault) || fault.Pos != pos {
			t.Errorf("Date(%q) = %v, %v, want a fault at %d", value, got, err, pos)
		}
	}
}
