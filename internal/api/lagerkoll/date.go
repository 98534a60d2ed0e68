package lagerkoll

import (
	"fmt"
	"time"
)

// programYear is the year in which this program was written. Every event is taken to be at
// least as late: a board without a battery for its clock may think that it is 1970, which
// would move a date into another century.
const programYear = 2026

// bestBefore reads a date as GS1 writes it, YYMMDD, or as ISO 8601 does,
// 2027-03-31, and returns it as milliseconds since 1970 at midnight UTC.
//
// The century of YYMMDD is the one that brings the year within 50 years of the
// event's (GS1 General Specifications 7.12); day 00 is the month's last.
func bestBefore(text string, event time.Time) (int64, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.UnixMilli(), nil
	}
	if len(text) != 6 {
		return 0, fmt.Errorf("%q is not a date like 270331 or 2027-03-31", text)
	}
	var digits [6]int
	for i := range digits {
		if text[i] < '0' || text[i] > '9' {
			return 0, fmt.Errorf("%q is not a date like 270331", text)
		}
		digits[i] = int(text[i] - '0')
	}
	year := century(digits[0]*10+digits[1], max(event.UTC().Year(), programYear))
	month, dayOfMonth := time.Month(digits[2]*10+digits[3]), digits[4]*10+digits[5]
	if dayOfMonth == 0 {
		month, dayOfMonth = month+1, 0 // day 0 of the next month
	}
	day := time.Date(year, month, dayOfMonth, 0, 0, 0, 0, time.UTC)
	wantMonth := time.Month(digits[2]*10 + digits[3])
	if wantMonth < time.January || wantMonth > time.December || day.Month() != wantMonth {
		return 0, fmt.Errorf("%q is not a day of the calendar", text)
	}
	return day.UnixMilli(), nil
}

// century completes a year of two digits.
func century(yy, now int) int {
	switch diff := yy - now%100; {
	case diff >= 51:
		return now - now%100 - 100 + yy
	case diff <= -50:
		return now - now%100 + 100 + yy
	}
	return now - now%100 + yy
}
