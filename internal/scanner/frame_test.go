package scanner

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// newFramer returns a framer for the key frame of a configuration.
func newFramer(t testing.TB, frame string) *framer {
	t.Helper()
	rule, err := parseFraming(frame)
	if err != nil {
		t.Fatal(err)
	}
	return &framer{framing: rule}
}

// collector returns a list of frames and the function that fills it.
func collector() (*[]string, func([]byte)) {
	got := new([]string)
	return got, func(b []byte) { *got = append(*got, string(b)) }
}

func TestFrames(t *testing.T) {
	t.Parallel()
	full := strings.Repeat("8", maxFrame)
	tests := []struct {
		name  string
		frame string
		wire  string
		want  []string
		tally frameCounts
	}{
		{"CR ends a scan", "cr", "PO4711\rPO4712\r", []string{"PO4711", "PO4712"}, frameCounts{frames: 2}},
		{"within a scan that CR ends, LF is data", "cr", "PART 7\nPO4711\n500\r", []string{"PART 7\nPO4711\n500"}, frameCounts{frames: 1}},
		{"within a scan that LF ends, CR is data", "lf", "PART 7\rPO4711\n", []string{"PART 7\rPO4711"}, frameCounts{frames: 1}},
		{"LF behind CR is dropped where CR ends a scan", "cr", "PO4711\r\nPO4712\r\n", []string{"PO4711", "PO4712"}, frameCounts{frames: 2}},
		{"CR before LF is dropped where LF ends a scan", "lf", "PO4711\r\nPO4712\r\n", []string{"PO4711", "PO4712"}, frameCounts{frames: 2}},
		{"a line of text within a scan that CR and LF end", "crlf", "PART 7\nPO4711\n500\r\n", []string{"PART 7\nPO4711\n500"}, frameCounts{frames: 1}},
		{"a CR alone within a scan that CR and LF end", "crlf", "A\rB\r\n", []string{"A\rB"}, frameCounts{frames: 1}},
		{"a Tab within a scan that CR ends", "cr", "po4711\t5\r", []string{"po4711\t5"}, frameCounts{frames: 1}},
		{"a Tab that ends a scan, and a CR that does", "tab", "A\tB\r", []string{"A", "B"}, frameCounts{frames: 2}},
		{"LF after CR does not make a scan of nothing", "crlf", "PO4711\r\nPO4712\r\n", []string{"PO4711", "PO4712"}, frameCounts{frames: 2}},
		{"an end without a scan is none", "cr", "\r\r\n\n\r", nil, frameCounts{}},
		{"two ends without a scan are none", "crlf", "\r\n\r\n", nil, frameCounts{}},
		{"too much without its end of two", "crlf", full + "888\r\nA\r\n", []string{"A"}, frameCounts{frames: 1, overflows: 1}},
		{"STX before and ETX behind are taken off", "cr", "\x02PO4711\x03\r", []string{"PO4711"}, frameCounts{frames: 1}},
		{"STX and ETX around nothing are no scan", "cr", "\x02\x03\r", nil, frameCounts{}},
		{"GS, RS and EOT are data", "cr", "[)>\x1e06\x1dP123\x1e\x04\r", []string{"[)>\x1e06\x1dP123\x1e\x04"}, frameCounts{frames: 1}},
		{"a space at the end is data", "cr", " A \r", []string{" A "}, frameCounts{frames: 1}},
		{"a break before the scan is noise", "cr", "\x00\x00A\x00B\r", []string{"A\x00B"}, frameCounts{frames: 1, noise: 2}},
		{"the largest QR code is a scan", "cr", "\x02" + full + "\x03\r", []string{full}, frameCounts{frames: 1}},
		{"one digit more is none, and the next scan is whole", "cr", full + "8\rA\r", []string{"A"}, frameCounts{frames: 1, overflows: 1}},
		{"what never ends is counted once", "cr", strings.Repeat(full, 3) + "\rA\r", []string{"A"}, frameCounts{frames: 1, overflows: 1}},
		{"a scan without its end is not yet one", "cr", "A\rB", []string{"A"}, frameCounts{frames: 1}},

		{"STX and ETX bracket a scan", "stx-etx", "\x02A\x03\r\n\x02B\x03", []string{"A", "B"}, frameCounts{frames: 2}},
		{"within brackets CR and LF are data", "stx-etx", "\x02A\r\nB\x03", []string{"A\r\nB"}, frameCounts{frames: 1}},
		{"what stands outside the brackets is noise", "stx-etx", "xx\x03\x02A\x03y", []string{"A"}, frameCounts{frames: 1, noise: 4}},
		{"STX within a scan begins the next", "stx-etx", "\x02AB\x02C\x03", []string{"C"}, frameCounts{frames: 1, partials: 1}},
		{"brackets around nothing are no scan", "stx-etx", "\x02\x03", nil, frameCounts{}},
		{"too much between brackets is dropped", "stx-etx", "\x02" + full + "88\x03\x02A\x03", []string{"A"}, frameCounts{frames: 1, overflows: 1}},

		{"without an end nothing is a scan before the silence", "idle:80ms", "A\rB", nil, frameCounts{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFramer(t, test.frame)
			got, take := collector()
			f.push([]byte(test.wire), take)
			if diff := cmp.Diff(test.want, *got); diff != "" {
				t.Errorf("frames (-want +got):\n%s", diff)
			}
			if f.frameCounts != test.tally {
				t.Errorf("tally %+v, want %+v", f.frameCounts, test.tally)
			}
		})
	}
}

func TestLongAfterASilenceAScanIsAnother(t *testing.T) {
	t.Parallel()
	f := newFramer(t, "cr")
	got, take := collector()
	f.push([]byte("PO47"), take)
	for d := range lateRestTime/time.Second + 1 {
		f.silent(d*time.Second, take)
	}
	f.push([]byte("PO4711\r"), take)
	if diff := cmp.Diff([]string{"PO4711"}, *got); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
}

func TestSilence(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		frame  string
		before string
		silent time.Duration
		after  string
		want   []string
		tally  frameCounts
	}{
		{"half a second within a scan cuts it, and its rest is no scan", "cr", "PO", 500 * time.Millisecond, "4711\r", nil, frameCounts{partials: 1, damaged: 1}},
		{"the scan behind the rest is whole", "cr", "PO", 9 * time.Second, "4711\rPO4712\r", []string{"PO4712"}, frameCounts{frames: 1, partials: 1, damaged: 1}},
		{"the rest of a scan that CR and LF end", "crlf", "PO", time.Second, "47\r11\r\nA\r\n", []string{"A"}, frameCounts{frames: 1, partials: 1, damaged: 1}},
		{"what begins with an identifier is no rest", "cr", "]C0PO", time.Second, "]C0PO4711\r", []string{"]C0PO4711"}, frameCounts{frames: 1, partials: 1}},
		{"a short stop within a scan is none", "cr", "PO47", 499 * time.Millisecond, "11\r", []string{"PO4711"}, frameCounts{frames: 1}},
		{"silence between scans is not counted", "cr", "A\r", time.Hour, "B\r", []string{"A", "B"}, frameCounts{frames: 2}},
		{"silence ends what was too long, which is counted once", "cr", strings.Repeat("8", maxFrame+3), time.Second, "\rA\r", []string{"A"}, frameCounts{frames: 1, overflows: 1}},
		{"half a second between brackets means that the end is lost", "stx-etx", "\x02PO47", 500 * time.Millisecond, "\x02A\x03", []string{"A"}, frameCounts{frames: 1, partials: 1}},
		{"silence ends a scan that has no end of its own", "idle:80ms", "A\r", 80 * time.Millisecond, "B", []string{"A\r"}, frameCounts{frames: 1}},
		{"a shorter silence does not", "idle:80ms", "A", 79 * time.Millisecond, "B", nil, frameCounts{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFramer(t, test.frame)
			got, take := collector()
			f.push([]byte(test.before), take)
			f.silent(test.silent, take)
			f.push([]byte(test.after), take)
			if diff := cmp.Diff(test.want, *got); diff != "" {
				t.Errorf("frames (-want +got):\n%s", diff)
			}
			if f.frameCounts != test.tally {
				t.Errorf("tally %+v, want %+v", f.frameCounts, test.tally)
			}
		})
	}
}

// FuzzFrame: whatever comes, no frame is empty or too long, every frame stood
// on the wire, and how the bytes were cut makes no difference.
func FuzzFrame(f *testing.F) {
	f.Add(uint8(0), []byte("]C10112345\x1d\r\nPO4711\r"), uint8(3))
	f.Add(uint8(0), []byte("\x00\x02PO4711\x03\r\n"), uint8(1))
	f.Add(uint8(1), []byte("\x02A\x03\r\n\x02B\x02C\x03"), uint8(2))
	f.Add(uint8(2), []byte("no end"), uint8(4))
	f.Add(uint8(0), append(bytes.Repeat([]byte{'8'}, maxFrame+1), '\r'), uint8(255))
	frames := []string{"cr", "stx-etx", "idle:80ms", "lf", "crlf", "tab"}
	f.Fuzz(func(t *testing.T, rule uint8, wire []byte, cut uint8) {
		frame := frames[int(rule)%len(frames)]
		whole, pieces := newFramer(t, frame), newFramer(t, frame)
		want, takeWhole := collector()
		got, takePiece := collector()

		whole.push(wire, takeWhole)
		whole.silent(time.Second, takeWhole)

		step := int(cut) + 1
		for rest := wire; len(rest) > 0; {
			n := min(step, len(rest))
			pieces.push(rest[:n], takePiece)
			rest = rest[n:]
			step = step%7 + 1
		}
		pieces.silent(time.Second, takePiece)

		if !slices.Equal(*want, *got) {
			t.Errorf("the cuts changed the frames (-whole +pieces):\n%s", cmp.Diff(*want, *got))
		}
		if whole.frameCounts != pieces.frameCounts {
			t.Errorf("the cuts changed the tally from %+v to %+v", whole.frameCounts, pieces.frameCounts)
		}
		if len(*want) != whole.frames {
			t.Errorf("%d frames were counted as %d", len(*want), whole.frames)
		}
		rest := wire
		for _, b := range *want {
			if len(b) == 0 || len(b) > maxFrame {
				t.Errorf("a frame of %d bytes", len(b))
			}
			at := bytes.Index(rest, []byte(b))
			if at < 0 {
				t.Fatalf("the frame %q was never on the wire, or not in its place", b)
			}
			rest = rest[at+len(b):]
		}
	})
}
