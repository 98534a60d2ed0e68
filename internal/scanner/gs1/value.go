package gs1

import (
	"fmt"
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
