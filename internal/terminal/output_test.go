package terminal

import (
	"bytes"
	"testing"
)

func TestACharacterThatIsPrintedInPiecesIsWhole(t *testing.T) {
	t.Parallel()
	var to bytes.Buffer
	out := &Output{To: &to}
	for _, b := range []byte("Å日\u202e€\x1b\xe2\x80") {
		if n, err := out.Write([]byte{b}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	out.End()
	if got, want := to.String(), `Å日\u202e€\u001b\xe2\x80`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if Raw(out) != &to || Raw(&to) != &to {
		t.Error("what is no text goes elsewhere")
	}
}
