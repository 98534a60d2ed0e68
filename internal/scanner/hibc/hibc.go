// Package hibc reads the labels of medical products by the Health Industry Bar Code
// Supplier Labeling Standard (ANSI/HIBC 2.6): who made it, which article, which lot, and
// until when it may be used.
//
//	+E308T800206X0/$230513/14D20260413C    E308  T800206X  unit 0, lot 230513, until 2026-04-13
//	+$$30512317LOT7GE                      secondary alone: until 2005-12-31, lot …
//
// A label is one text with both parts, or two symbols of which the second ends in the check
// character of the first, so that nobody puts the lot of one to the article of another.
//
// The package is pure.
package hibc

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Label is what a label says. What it does not say is empty.
type Label struct {
	LIC      string // labeler identification code: who made it
	Item     string // product or catalog number
	Unit     string // unit of measure, 0 to 9: 0 is the unit of use
	Lot      string
	Serial   string
	Quantity string // without zeros in front
	Expiry   string // YYYY-MM-DD; the last day of a month where only that is said
	Produced string // YYYY-MM-DD
	Link     string // of a secondary symbol alone: the check character of its primary
	Check    string // the check character of this symbol
}

// ErrNotHIBC says that a text makes no claim to be such a label.
var ErrNotHIBC = errors.New("no HIBC label")

// characters are those of Code 39, in the order of their values.
const characters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"

// Parse reads a label. Any other error than ErrNotHIBC says what is wrong with a text that
// claims to be one, and then nothing of it is to be used: its check character is wrong, or
// its form.
func Parse(text string) (Label, error) {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "*"), "*")
	const shortest = len("+$1LC")
	if len(text) < shortest || text[0] != '+' {
		return Label{}, ErrNotHIBC
	}
	for i := range len(text) {
		if strings.IndexByte(characters, text[i]) < 0 {
			return Label{}, ErrNotHIBC
		}
	}
	body, check := text[1:len(text)-1], text[len(text)-1:]
	primary := letter(body[0]) && len(body) >= len("A1230") && alphanumeric(body[:4])
	if !primary && body[0] != '$' && (len(body) <= 5 || !digits(body[:5])) {
		return Label{}, ErrNotHIBC
	}
	sum := 0
	for i := range len(text) - 1 {
		sum += strings.IndexByte(characters, text[i])
	}
	if want := characters[sum%len(characters)]; check[0] != want {
		return Label{}, fmt.Errorf("the check character is %q and should be %q", check[0], want)
	}
	l := Label{Check: check}
	if !primary {
		l.Link, body = body[len(body)-1:], body[:len(body)-1]
		return l, l.parts(body)
	}
	first, rest, more := strings.Cut(body, "/")
	if err := l.primary(first); err != nil {
		return Label{}, err
	}
	if !more {
		return l, nil
	}
	return l, l.parts(rest)
}

func (l *Label) primary(text string) error {
	const lic, shortest, longest = 4, 6, 4 + 18 + 1
	if len(text) < shortest || len(text) > longest || !alphanumeric(text) {
		return errors.New("the article number has 1 to 18 letters and digits, between 4 for who made it and one for the unit")
	}
	last := len(text) - 1
	if !digits(text[last:]) {
		return errors.New("the unit of measure is no digit")
	}
	l.LIC, l.Item, l.Unit = text[:lic], text[lic:last], text[last:]
	return nil
}

// parts reads the secondary data, whose parts stand between slashes.
func (l *Label) parts(text string) error {
	for i, part := range strings.Split(text, "/") {
		var err error
		switch {
		case i == 0 && !strings.HasPrefix(part, "14D") && !strings.HasPrefix(part, "16D"):
			err = l.secondary(part)
		case strings.HasPrefix(part, "14D"):
			l.Expiry, err = day(part[3:], "20060102")
		case strings.HasPrefix(part, "16D"):
			l.Produced, err = day(part[3:], "20060102")
		case strings.HasPrefix(part, "S") && len(part) > 1:
			l.Serial = part[1:]
		case strings.HasPrefix(part, "Q") && digits(part[1:]):
			l.Quantity = number(part[1:])
		case strings.HasPrefix(part, "L") && len(part) > 1:
			l.Lot = part[1:]
		case strings.HasPrefix(part, "$"):
			err = l.secondary(part)
		default:
			err = fmt.Errorf("%.12q is no part of such a label", part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// secondary reads lot, serial, quantity and dates in the standard's short form.
func (l *Label) secondary(part string) error {
	switch {
	case strings.HasPrefix(part, "$$+"):
		return l.dated(part[3:], &l.Serial)
	case strings.HasPrefix(part, "$$"):
		return l.dated(part[2:], &l.Lot)
	case strings.HasPrefix(part, "$+"):
		l.Serial = part[2:]
		return nil
	case strings.HasPrefix(part, "$"):
		l.Lot = part[1:]
		return nil
	}
	const julian = 5
	if len(part) < julian {
		return fmt.Errorf("%.12q is no lot and no date", part)
	}
	expiry, err := day(part[:julian], "06002")
	l.Expiry, l.Lot = expiry, part[julian:]
	return err
}

// dated reads what stands behind $$: a quantity, a date, and a lot or a serial number.
func (l *Label) dated(text string, into *string) error {
	for _, quantity := range []struct {
		flag   string
		digits int
	}{{"8", 2}, {"9", 5}} {
		if rest, is := strings.CutPrefix(text, quantity.flag); is {
			if len(rest) < quantity.digits || !digits(rest[:quantity.digits]) {
				return errors.New("the quantity is no number")
			}
			l.Quantity, text = number(rest[:quantity.digits]), rest[quantity.digits:]
			break
		}
	}
	if text == "" {
		return nil
	}
	if rest, is := strings.CutPrefix(text, "7"); is {
		*into = rest
		return nil
	}
	for _, date := range []struct{ flag, form string }{{"2", "010206"}, {"3", "060102"}, {"4", "06010215"}, {"5", "06002"}, {"6", "0600215"}} {
		rest, is := strings.CutPrefix(text, date.flag)
		if !is {
			continue
		}
		if len(rest) < len(date.form) {
			return errors.New("the date is cut short")
		}
		expiry, err := day(rest[:len(date.form)], date.form)
		l.Expiry, *into = expiry, rest[len(date.form):]
		return err
	}
	const month = 4
	if len(text) < month || text[0] > '1' {
		return fmt.Errorf("%.12q begins with no date", text)
	}
	first, err := day(text[:month], "0106")
	if err != nil {
		return err
	}
	begin, _ := time.Parse(time.DateOnly, first)
	l.Expiry, *into = begin.AddDate(0, 1, -1).Format(time.DateOnly), text[month:]
	return nil
}

// day reads a date. A year of two digits is one of 2000 to 2099: no such label is older.
func day(text, form string) (string, error) {
	if len(text) != len(form) || !digits(text) {
		return "", fmt.Errorf("%.12q is no date of %d digits", text, len(form))
	}
	at, err := time.Parse(form, text)
	if err != nil {
		return "", fmt.Errorf("%.12q: there is no such day", text)
	}
	if at.Year() < 2000 && !strings.Contains(form, "2006") {
		at = at.AddDate(100, 0, 0)
	}
	return at.Format(time.DateOnly), nil
}

func number(digits string) string {
	if n := strings.TrimLeft(digits, "0"); n != "" {
		return n
	}
	return "0"
}

func letter(c byte) bool { return 'A' <= c && c <= 'Z' }

func digits(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

func alphanumeric(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') })
}
