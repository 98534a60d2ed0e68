package gs1

import (
	"fmt"
	"time"
)

const zeros = "00000000000000" // as many as a GTIN has digits

// GTIN14 checks the check digit of a GTIN-8, GTIN-12, GTIN-13 or GTIN-14 and pads it with
// zeros to 14 digits, the form in which AI 01 holds it and in which two GTINs compare.
// Any other length, a character that is no digit or a wrong check digit is an *Error whose
// Pos counts from the beginning of code.
func GTIN14(code string) (string, error) {
	return gtin14(code, 0)
}

// gtin14 is GTIN14 for a code that stands at the given offset of a scan.
func gtin14(code string, offset int) (string, error) {
	switch len(code) {
	case 8, 12, 13, 14:
	default:
		return "", &Error{Pos: offset, AI: "01", Reason: fmt.Sprintf("a GTIN has 8, 12, 13 or 14 digits and not %d", len(code))}
	}
	pos, why := numeric.check(code)
	if why == "" {
		pos, why = csum(code)
	}
	if why != "" {
		return "", &Error{Pos: offset + pos, AI: "01", Reason: why}
	}
	return zeros[len(code):] + code, nil
}

// Date reads the six digits YYMMDD of AIs such as 11, 15 and 17 as midnight of that day in
// the location of now. The century is the one that brings the year within 50 years of now
// (General Specifications 7.12): 49 years back, 50 years on. Day 00 means that only the month is
// known and gives its last day. Anything else is an *Error whose Pos counts from the
// beginning of value.
func Date(value string, now time.Time) (time.Time, error) {
	if len(value) != 6 {
		return time.Time{}, &Error{Reason: fmt.Sprintf("a date has 6 digits, YYMMDD, and not %d", len(value))}
	}
	if pos, why := numeric.check(value); why != "" {
		return time.Time{}, &Error{Pos: pos, Reason: why}
	}
	year := now.Year() - now.Year()%100 + number(value[:2])
	switch ahead := year - now.Year(); {
	case ahead >= 51:
		year -= 100
	case ahead <= -50:
		year += 100
	}
	month, day := number(value[2:4]), number(value[4:])
	if pos, why := calendar(year, month, day); why != "" {
		return time.Time{}, &Error{Pos: 2 + pos, Reason: why}
	}
	if day == 0 {
		day = daysIn(year, month)
	}
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, now.Location()), nil
}
