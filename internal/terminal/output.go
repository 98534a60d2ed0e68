package terminal

import (
	"io"
	"sync"
	"unicode/utf8"

	"stationd/internal/station"
)

// An Output is the writer that commands print on. It makes all text printable, so that text of
// a label, a vendor or a file cannot move the cursor of a terminal or do worse. Drawings,
// which clean their lines themselves, and documents go around it, see Raw.
type Output struct {
	To io.Writer

	mu   sync.Mutex // guards part
	part []byte     // of a character whose rest is to come
}

// Write implements io.Writer.
func (o *Output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := append(o.part, text...)
	whole := len(all)
	for at := max(0, whole-utf8.UTFMax+1); at < whole; at++ {
		if utf8.RuneStart(all[at]) && !utf8.FullRune(all[at:]) {
			whole = at
			break
		}
	}
	o.part = append([]byte(nil), all[whole:]...)
	if _, err := o.To.Write(station.Printable(all[:whole])); err != nil {
		return 0, err
	}
	return len(text), nil
}

// End prints what is left of a character that has not come whole.
func (o *Output) End() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.part) > 0 {
		_, _ = o.To.Write(station.Printable(o.part)) // nobody is left to be told
		o.part = nil
	}
}

// Raw returns the writer under an Output, for what is no text, such as a file that is
// written to the standard output. Any other writer is returned as it is.
func Raw(w io.Writer) io.Writer {
	if o, ok := w.(*Output); ok {
		return o.To
	}
	return w
}
