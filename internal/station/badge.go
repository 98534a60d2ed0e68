package station

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
)

// Badge is the kind of the event of a technician's badge. Its data names the badge by the
// sum of its code (BadgeSum) until somebody who knows the badges has looked it up, and then
// says whose it is (DataBy) and what it did (DataBadge). The code itself is a secret: it is
// in no event.
const Badge = "badge"

// The names in the data of a Badge event.
const (
	DataSum   = "sum"   // BadgeSum of the code
	DataBadge = "badge" // BadgeShown or BadgeAgain; nothing where nobody knows the badge
)

// What a badge did.
const (
	BadgeShown = "shown" // its technician may decide from now on
	BadgeAgain = "again" // and no longer: it was shown before, and again
)

// BadgePrefix begins the code of every badge. What stands behind it is a secret, whether
// the badge is known or not: so what has the prefix is shown nowhere.
const BadgePrefix = "SDBADGE"

// BadgeSecret is how many letters and digits follow the prefix.
const BadgeSecret = 20

// HoldsBadge reports whether a text has the code of a badge in it, or a part of one, however
// a reader has spelled it.
func HoldsBadge(text string) bool { return strings.Contains(strings.ToUpper(text), BadgePrefix) }

// BadgeSum names a badge by the text that a reader read, without saying its code: what a
// reader puts around the code, and whether it types small letters, makes no difference.
func BadgeSum(text string) string {
	_, secret, _ := strings.Cut(strings.ToUpper(text), BadgePrefix)
	if end := strings.IndexFunc(secret, func(c rune) bool { return c > unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c) }); end >= 0 {
		secret = secret[:end]
	}
	sum := sha256.Sum256([]byte(BadgePrefix + secret))
	return hex.EncodeToString(sum[:])
}

// HideBadge is a text for people, in which no badge's code stands.
func HideBadge(text string) string {
	if HoldsBadge(text) {
		return "(a badge)"
	}
	return text
}

// Technician is the role that a binding may need (Binding.Role): it is carried out only
// while a technician has shown a badge, as the data of the event says (DataTechnician).
const Technician = "technician"

// showBadge tells the operator what a badge did.
func (s State) showBadge(ev Event) State {
	switch name := ev.Data[DataBy]; ev.Data[DataBadge] {
	case BadgeShown:
		return s.addNote(ev, NoteTechnician, name)
	case BadgeAgain:
		return s.addNote(ev, NoteNoTechnician, name)
	}
	return s.addNote(ev, NoteNoBadge, "")
}

// lacksRole reports whether a binding needs a technician, and none is there.
func (b Binding) lacksRole(ev Event) bool { return b.Role != "" && ev.Data[DataTechnician] == "" }
