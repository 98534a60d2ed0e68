package gs1

import (
	"fmt"
	"strings"
	"time"
)

// A check looks at one part of a value and returns where in it and why it is wrong, or an
// empty why. Checks bear the names that the dictionary gives them. They may rely on the
// character set and the length that the table demands of the part.
type check func(field string) (pos int, why string)

// A charset is one of the dictionary's four types of parts.
type charset byte

const (
	numeric charset = 'N' // digits
	set82   charset = 'X' // General Specifications, GS1 AI encodable character set 82
	set39   charset = 'Y' // character set 39
	set64   charset = 'Z' // character set 64: base64 for URIs, padding optional
)

func (c charset) check(field string) (pos int, why string) {
	switch c {
	case numeric:
		return only(field, isDigit, "a character that is no digit")
	case set82:
		return only(field, isSet82, "a character outside character set 82")
	case set39:
		return only(field, isSet39, "a character outside character set 39")
	}
	data := strings.TrimRight(field, "=")
	if pads := len(field) - len(data); pads > 2 || pads > 0 && len(field)%3 != 0 {
		return len(data), "wrong base64 padding"
	}
	return only(data, isSet64, "a character outside character set 64")
}

// only finds the first byte of field that is not ok.
func only(field string, ok func(byte) bool, why string) (int, string) {
	for i := range len(field) {
		if !ok(field[i]) {
			return i, why
		}
	}
	return 0, ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isAlnum(c byte) bool { return isDigit(c) || isUpper(c) || 'a' <= c && c <= 'z' }
func isHex(c byte) bool   { return isDigit(c) || 'A' <= c && c <= 'F' || 'a' <= c && c <= 'f' }
func isSet39(c byte) bool { return isDigit(c) || isUpper(c) || c == '#' || c == '-' || c == '/' }
func isSet64(c byte) bool { return isAlnum(c) || c == '-' || c == '_' }

// isSet82: ! " % & ' ( ) * + , - . / 0-9 : ; < = > ? A-Z _ a-z.
func isSet82(c byte) bool {
	return isAlnum(c) || '%' <= c && c <= '?' || c == '!' || c == '"' || c == '_'
}

func allDigits(s string) bool {
	_, why := numeric.check(s)
	return why == ""
}

// number is the value of a few digits.
func number(digits string) int {
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}

// below, oneOf and listed look at a field as a whole and return only why it is wrong.

// below asks for a number of at most max.
func below(field string, max int, why string) string {
	if number(field) > max {
		return why
	}
	return ""
}

// oneOf asks for a single character out of a few.
func oneOf(field, allowed, why string) string {
	if strings.Contains(allowed, field) {
		return ""
	}
	return why
}

// listed asks for one of the words of a list.
func listed(field, list, why string) string {
	for word := range strings.FieldsSeq(list) {
		if word == field {
			return ""
		}
	}
	return why
}

// csum: the last digit makes the sum of all, weighted 3 and 1 in turn, a multiple of ten
// (General Specifications 7.9.1).
func csum(field string) (int, string) {
	last := len(field) - 1
	sum, weight := 0, 3
	for i := last - 1; i >= 0; i-- {
		sum += weight * int(field[i]-'0')
		weight = 4 - weight
	}
	if want := byte('0' + (10-sum%10)%10); field[last] != want {
		return last, fmt.Sprintf("the check digit is %c and should be %c", field[last], want)
	}
	return 0, ""
}

// csumalpha: the last two characters are the weighted sum of the others modulo 1021, five bits
// each (General Specifications 7.9.5).
func csumalpha(field string) (int, string) {
	const values82 = `!"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz`
	const values32 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
	primes := [...]int{2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83}
	data := len(field) - 2
	if data < 0 || data > len(primes) {
		return 0, fmt.Sprintf("a value with two check characters has 2 to %d characters", len(primes)+2)
	}
	sum := 0
	for i := range data {
		sum += strings.IndexByte(values82, field[i]) * primes[data-1-i]
	}
	sum %= 1021
	want := string([]byte{values32[sum>>5], values32[sum&31]})
	if field[data:] != want {
		return data, fmt.Sprintf("the check characters are %s and should be %s", field[data:], want)
	}
	return 0, ""
}

// gcppos1: a company prefix, of at least four digits, begins the field.
func gcppos1(field string) (int, string) {
	const shortest = 4
	if len(field) < shortest {
		return len(field), "too short to begin with a GS1 company prefix"
	}
	return only(field[:shortest], isDigit, "a GS1 company prefix begins with four digits")
}

// gcppos2: the same after one leading digit.
func gcppos2(field string) (int, string) {
	pos, why := gcppos1(field[1:])
	return pos + 1, why
}

func hasnondigit(field string) (int, string) {
	if allDigits(field) {
		return 0, "the value needs a character that is no digit"
	}
	return 0, ""
}

// calendar checks a day of a month, 0 standing for the whole month. pos counts from the
// month's digits.
func calendar(year, month, day int) (pos int, why string) {
	if month < 1 || month > 12 {
		return 0, "there is no such month"
	}
	if day > daysIn(year, month) {
		return 2, "there is no such day in that month"
	}
	return 0, ""
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// yymmd0: a date whose day may be 00. Leap years are those of 2000 to 2099: for the year 00
// alone the century matters, and until 2050 it means 2000.
func yymmd0(field string) (int, string) {
	pos, why := calendar(2000+number(field[:2]), number(field[2:4]), number(field[4:]))
	return 2 + pos, why
}

func yymmdd(field string) (int, string) {
	if field[4:] == "00" {
		return 4, "day 00 is not allowed in this date"
	}
	return yymmd0(field)
}

func yyyymmdd(field string) (int, string) {
	if field[6:] == "00" {
		return 6, "day 00 is not allowed in this date"
	}
	pos, why := calendar(number(field[:4]), number(field[4:6]), number(field[6:]))
	return 4 + pos, why
}

func hh(field string) (int, string) { return 0, below(field, 23, "an hour is 00 to 23") }
func mi(field string) (int, string) { return 0, below(field, 59, "a minute is 00 to 59") }
func ss(field string) (int, string) { return 0, below(field, 59, "a second is 00 to 59") }

func hhmi(field string) (int, string) {
	if pos, why := hh(field[:2]); why != "" {
		return pos, why
	}
	pos, why := mi(field[2:])
	return 2 + pos, why
}

func iso3166(field string) (int, string) {
	return 0, listed(field, countryNumbers, "no country number of ISO 3166")
}

func iso3166999(field string) (int, string) {
	if field == "999" {
		return 0, ""
	}
	return iso3166(field)
}

func iso3166alpha2(field string) (int, string) {
	return 0, listed(field, countryCodes, "no two-letter country code of ISO 3166")
}

func iso4217(field string) (int, string) {
	return 0, listed(field, currencyNumbers, "no currency number of ISO 4217")
}

func iso5218(field string) (int, string) {
	return 0, oneOf(field, "0129", "a code of ISO 5218 is 0, 1, 2 or 9")
}

func packagetype(field string) (int, string) {
	return 0, listed(field, packageTypes, "no package type of GS1's code list")
}

// mediatype: 01 to 10 are assigned by ICCBBA, 80 to 99 are for national use.
func mediatype(field string) (int, string) {
	if n := number(field); n < 1 || n > 10 && n < 80 {
		return 0, "an AIDC media type is 01 to 10 or 80 to 99"
	}
	return 0, ""
}

func yesno(field string) (int, string)   { return 0, oneOf(field, "01", "neither 0 (no) nor 1 (yes)") }
func winding(field string) (int, string) { return 0, oneOf(field, "019", "a winding is 0, 1 or 9") }

func importeridx(field string) (int, string) {
	return only(field, isSet64, "an importer index is a digit, a letter, - or _")
}

func hyphen(field string) (int, string) {
	return only(field, func(c byte) bool { return c == '-' }, "only a hyphen, for minus, may stand here")
}

func zero(field string) (int, string) {
	return only(field, func(c byte) bool { return c == '0' }, "only zeros may stand here")
}

func nonzero(field string) (int, string) {
	if strings.Trim(field, "0") == "" {
		return 0, "the number may not be zero"
	}
	return 0, ""
}

func nozeroprefix(field string) (int, string) {
	if field[0] == '0' {
		return 0, "the number may not begin with zero"
	}
	return 0, ""
}

// latitude and longitude: degrees times ten million, counted from the south pole and from
// the antimeridian.
func latitude(field string) (int, string) {
	if field > "1800000000" {
		return 0, "a latitude is at most 1800000000"
	}
	return 0, ""
}

func longitude(field string) (int, string) {
	if field > "3600000000" {
		return 0, "a longitude is at most 3600000000"
	}
	return 0, ""
}

func pcenc(field string) (int, string) {
	for i := 0; i < len(field); i++ {
		if field[i] != '%' {
			continue
		}
		if i+2 >= len(field) || !isHex(field[i+1]) || !isHex(field[i+2]) {
			return i, "a percent sign needs two hexadecimal digits"
		}
		i += 2
	}
	return 0, ""
}

// pieceoftotal: 0203 is the second piece of three.
func pieceoftotal(field string) (int, string) {
	half := len(field) / 2
	piece, total := number(field[:half]), number(field[half:])
	switch {
	case piece == 0:
		return 0, "the number of a piece may not be zero"
	case total == 0:
		return half, "the number of pieces may not be zero"
	case piece > total:
		return 0, "the number of the piece is larger than the number of pieces"
	}
	return 0, ""
}

// posinseqslash: 2/3 is the second of three.
func posinseqslash(field string) (int, string) {
	first, last, ok := strings.Cut(field, "/")
	if !ok || first == "" || last == "" || !allDigits(first) || !allDigits(last) {
		return 0, "a position in a sequence is two numbers with a slash between them"
	}
	switch {
	case first[0] == '0':
		return 0, "the number may not begin with zero"
	case last[0] == '0':
		return len(first) + 1, "the number may not begin with zero"
	case number(first) > number(last):
		return 0, "the position is beyond the end of the sequence"
	}
	return 0, ""
}

// iban: country, two check digits, account; with the first four characters moved to the end
// and letters counted from A = 10, the remainder by 97 is one (ISO 13616-1).
func iban(field string) (int, string) {
	const shortest, longest = 11, 34 // the standard names no shortest; this is the engine's
	if len(field) < shortest || len(field) > longest {
		return 0, fmt.Sprintf("an IBAN has %d to %d characters", shortest, longest)
	}
	if _, why := iso3166alpha2(field[:2]); why != "" {
		return 0, why
	}
	remainder := 0
	for i := range len(field) {
		at := (i + 4) % len(field)
		switch c := field[at]; {
		case isDigit(c):
			remainder = (remainder*10 + int(c-'0')) % 97
		case isUpper(c):
			remainder = (remainder*100 + int(c-'A') + 10) % 97
		default:
			return at, "an IBAN holds digits and capital letters only"
		}
	}
	if remainder != 1 {
		return 2, "the check digits of the IBAN are wrong"
	}
	return 0, ""
}
