package station

import (
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"strings"
	"sync"
)

// code is the part of a mark that tells one entry from another.
func (id ID) code() string {
	sum := sha256.Sum256([]byte(id))
	var text [16]byte
	base32.StdEncoding.Encode(text[:], sum[:10]) // ten bytes need no padding
	return string(text[:10])
}

// MarkedIn reports whether a vendor's text carries the mark, in whatever form the
// vendor shows it: in other letters, with its brackets escaped or left out.
func (id ID) MarkedIn(text string) bool { return strings.Contains(strings.ToUpper(text), id.code()) }

// AnyMarkIn reports whether a vendor's text carries the mark of any entry, in whatever
// letters.
func AnyMarkIn(text string) bool { return anyMark().MatchString(text) }

var anyMark = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)sd-[a-z2-7]{10}`) })

// SameText reports whether a vendor shows a text that it was told: spaces around it,
// the case of its letters and, of a number, zeros before it say nothing.
//
//	"ab-12" and " AB-12 ", "000123" and 123
func SameText(shown, told string) bool {
	shown, told = strings.TrimSpace(shown), strings.TrimSpace(told)
	return strings.EqualFold(shown, told) || digits(shown) && digits(told) && strings.TrimLeft(shown, "0") == strings.TrimLeft(told, "0")
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}
