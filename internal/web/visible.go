package web

import (
	"fmt"
	"strings"
	"unicode"
)

// longestShown is how many characters of a scan or of a vendor's text the page
// shows; the whole of it is in the outbox.
const longestShown = 200

// controls are the names of the characters below the space, in their order
// (ISO 646). There are pictures of them in Unicode, but not in the fonts of a
// small board.
const controls = "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"

// visible makes text from outside fit to be read by a person. A GS1 symbol has
// its separator, byte 1D, between the fields:
//
//	0109501101530003<1D>10AB-123   0109501101530003‹GS›10AB-123
//
// Characters that would turn the text around or hide in it are shown by number.
// It is no escaping: the template does that.
func visible(text string) string {
	var b strings.Builder
	shown := 0
	for _, r := range text {
		if shown++; shown > longestShown {
			b.WriteRune('…')
			break
		}
		switch {
		case r < ' ':
			fmt.Fprintf(&b, "‹%s›", strings.Fields(controls)[r])
		case r == 0x7f:
			b.WriteString("‹DEL›")
		case unicode.In(r, unicode.C, unicode.Zl, unicode.Zp):
			fmt.Fprintf(&b, "‹U+%04X›", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
