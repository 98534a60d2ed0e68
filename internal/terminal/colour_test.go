package terminal

import (
	"bytes"
	"io"
	"os"
	"testing"

	"github.com/creack/pty"
)

// printed is what arrives at a terminal of what is printed on it.
func printed(t *testing.T, print func(io.Writer)) string {
	t.Helper()
	master, end, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	print(&Output{To: end})
	if _, err := end.WriteString("."); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	one := make([]byte, 1)
	for !bytes.HasSuffix(got.Bytes(), []byte(".")) {
		if _, err := master.Read(one); err != nil {
			t.Fatal(err)
		}
		got.Write(one)
	}
	end.Close()
	return got.String()
}

func TestATerminalHasColoursUnlessSomebodyWantsNone(t *testing.T) {
	paint := func(w io.Writer) {
		if err := Paint(w, Red, "FAIL\x1b[2J"); err != nil {
			t.Error(err)
		}
	}
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	if got, want := printed(t, paint), "\x1b[31mFAIL\\u001b[2J\x1b[0m."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	t.Setenv("NO_COLOR", "1")
	if got, want := printed(t, paint), "FAIL\\u001b[2J."; got != want {
		t.Errorf("with NO_COLOR %q, want %q", got, want)
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	if got, want := printed(t, paint), "FAIL\\u001b[2J."; got != want {
		t.Errorf("on a terminal without colours %q, want %q", got, want)
	}
}

func TestAPipeAndAFileHaveNoColours(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var buffer bytes.Buffer
	for name, w := range map[string]io.Writer{"a file": file, "a buffer": &buffer} {
		if err := Paint(&Output{To: w}, Red, "FAIL"); err != nil || Colours(w) {
			t.Errorf("%s: %v", name, err)
		}
	}
	text, err := os.ReadFile(file.Name())
	if err != nil || string(text) != "FAIL" || buffer.String() != "FAIL" {
		t.Errorf("%q and %q, %v", text, buffer.String(), err)
	}
}

func TestLinesAreInTheColoursThatTheyHave(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	print := func(w io.Writer) {
		p := &LinePainter{W: w, Of: func(line string) Colour {
			if line == "held" {
				return Red
			}
			return ""
		}}
		for _, piece := range []string{"one\nhe", "ld\n", "\nlast\nno end"} {
			if n, err := p.Write([]byte(piece)); n != len(piece) || err != nil {
				t.Error(n, err)
			}
		}
	}
	if got, want := printed(t, print), "one\r\n\x1b[31mheld\x1b[0m\r\n\r\nlast\r\n."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var buffer bytes.Buffer
	print(&buffer)
	if got, want := buffer.String(), "one\nheld\n\nlast\n"; got != want {
		t.Errorf("in a pipe %q, want %q", got, want)
	}
}
