package gpio

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"
)

// The kernel's structures are of these lengths on every machine; this does not
// compile where they are not.
var (
	_ [0xc250b407 >> 16 & 0x3fff]byte = [unsafe.Sizeof(uapi.LineRequest{})]byte{} // GPIO_V2_GET_LINE_IOCTL
	_ [0xc010b40e >> 16 & 0x3fff]byte = [unsafe.Sizeof(uapi.LineValues{})]byte{}  // GPIO_V2_LINE_GET_VALUES_IOCTL
	_ [0xc100b405 >> 16 & 0x3fff]byte = [unsafe.Sizeof(uapi.LineInfoV2{})]byte{}  // GPIO_V2_GET_LINEINFO_IOCTL
	_ [eventSize]byte                 = [unsafe.Sizeof(uapi.LineEvent{})]byte{}
)

// An event is what the kernel says of one edge.
type event struct {
	ns            int64
	id, line, seq uint32
}

const rising, falling = unix.GPIO_V2_LINE_EVENT_RISING_EDGE, unix.GPIO_V2_LINE_EVENT_FALLING_EDGE

func (e event) bytes() []byte {
	b := make([]byte, eventSize)
	binary.NativeEndian.PutUint64(b, uint64(e.ns))
	for i, word := range []uint32{e.id, e.line, 0, e.seq} {
		binary.NativeEndian.PutUint32(b[8+4*i:], word)
	}
	return b
}

// A kernel is the far end of a request: a pipe, whose reads and waits are those of
// the device.
type kernel struct {
	t *testing.T
	*request
	far *os.File
}

// newKernel has given out the lines 17 and 22 as the first and the second.
func newKernel(t *testing.T) *kernel {
	t.Helper()
	near, far, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	r, err := newRequest(near, []int{17, 22}, readClock())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	return &kernel{t, r, far}
}

func (k *kernel) tell(events ...event) {
	k.t.Helper()
	var all []byte
	for _, e := range events {
		all = append(all, e.bytes()...)
	}
	if _, err := k.far.Write(all); err != nil {
		k.t.Fatal(err)
	}
}

// edge waits for the next edge.
func (k *kernel) edge() edge {
	k.t.Helper()
	e, err := k.wait(patient)
	if err != nil {
		k.t.Fatal(err)
	}
	return e
}

func monotonic(t *testing.T) int64 {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		t.Fatal(err)
	}
	return ts.Nano()
}

func TestAnEdgeHasTheKernelsTimeHoweverLateItIsRead(t *testing.T) {
	t.Parallel()
	k := newKernel(t)
	before := time.Now()
	ns := monotonic(t)
	after := time.Now()
	k.tell(event{ns, falling, 17, 1}, event{ns + 7, rising, 22, 1})
	<-time.After(30 * time.Millisecond)

	first, second := k.edge(), k.edge()
	if first.at.Before(before.Add(-100*time.Microsecond)) || first.at.After(after) {
		t.Errorf("an edge between %v and %v is dated %v", before, after, first.at)
	}
	if wall := first.at.Round(0).Sub(before.Round(0)); wall < -time.Second || wall > time.Second {
		t.Errorf("its wall clock is %v off", wall)
	}
	if got := second.at.Sub(first.at); got != 7 {
		t.Errorf("edges 7 ns apart are %v apart", got)
	}
	first.at, second.at = time.Time{}, time.Time{}
	if diff := cmp.Diff([]edge{{line: 0}, {line: 1, high: true}}, []edge{first, second}, cmp.AllowUnexported(edge{})); diff != "" {
		t.Errorf("edges (-want +got):\n%s", diff)
	}
}

func TestTheBytesOfAnEvent(t *testing.T) {
	t.Parallel()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the bytes of an event were NOT proved on this machine, which is big-endian")
	}
	text := "80 9c e0 ea 12 00 00 00  02 00 00 00  11 00 00 00  05 00 00 00  02 00 00 00" + strings.Repeat(" 00 00 00 00", 6)
	raw, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	const ns = 81_250_000_000
	begun := time.Now().Add(-time.Hour)
	s := edgeDecoder{offsets: []int{4, 17}, lines: []lastEdge{{}, {known: true, seq: 1, high: true}}, clock: clock{begun, ns - 1e9}, unread: raw}
	got, ok, err := s.next()
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if diff := cmp.Diff(edge{line: 1, high: false, at: begun.Add(time.Second)}, got, cmp.AllowUnexported(edge{})); diff != "" {
		t.Errorf("edge (-want +got):\n%s", diff)
	}
}

func TestAHundredEdgesAreReadInTheirOrder(t *testing.T) {
	t.Parallel()
	k := newKernel(t)
	begun := monotonic(t)
	for i := range uint32(50) {
		ns := begun + int64(i)*10
		k.tell(event{ns, falling - i%2, 17, i + 1}, event{ns + 5, rising + i%2, 22, i + 1})
	}
	var last time.Time
	for i := range 100 {
		e := k.edge()
		if want := (i + i/2) % 2; e.line != i%2 || e.high != (want == 1) || e.gap || !e.at.After(last) {
			t.Fatalf("edge %d is %+v, after one of %v", i, e, last)
		}
		last = e.at
	}
	if e, err := k.wait(minWait); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("then came %+v, %v", e, err)
	}
}

func TestEdgesThatTheKernelForgotAreCounted(t *testing.T) {
	t.Parallel()
	k := newKernel(t)
	ns := monotonic(t)
	k.tell(
		event{ns, falling, 17, 3},     // the first two are missing
		event{ns + 1, rising, 17, 4},  // none
		event{ns + 2, falling, 22, 1}, // none: each line has numbers of its own
		event{ns + 3, falling, 17, 9}, // four
	)
	want := []edge{{line: 0, gap: true, lost: 2}, {line: 0, high: true}, {line: 1}, {line: 0, gap: true, lost: 4}}
	var got []edge
	for range want {
		e := k.edge()
		e.at = time.Time{}
		got = append(got, e)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(edge{})); diff != "" {
		t.Errorf("edges (-want +got):\n%s", diff)
	}
}

func TestTwoEdgesThatWereToldAsOneAreNoticed(t *testing.T) {
	t.Parallel()
	k := newKernel(t)
	ns := monotonic(t)
	k.tell(event{ns, falling, 17, 1}, event{ns + 1, falling, 17, 2}, event{ns + 2, rising, 17, 3})
	for i, gap := range []bool{false, true, false} {
		if e := k.edge(); e.gap != gap || e.lost != 0 {
			t.Errorf("edge %d is %+v", i, e)
		}
	}
}

func TestTheTimesOfALineNeverRunBackwardsOrAhead(t *testing.T) {
	t.Parallel()
	k := newKernel(t)
	ns := monotonic(t)
	k.tell(event{ns, falling, 17, 1}, event{ns - 500, rising, 17, 2}, event{ns - 300, rising, 22, 1})
	first, second, other := k.edge(), k.edge(), k.edge()
	if !second.at.Equal(first.at) {
		t.Errorf("the second edge of a line is %v after the first", second.at.Sub(first.at))
	}
	if got := first.at.Sub(other.at); got != 300 {
		t.Errorf("the edge of another line is %v before it, not 300 ns", got)
	}
	k.tell(event{ns + int64(time.Hour), falling, 17, 3}, event{0, rising, 17, 4})
	for range 2 {
		if e := k.edge(); !e.at.IsZero() {
			t.Errorf("a time of another clock is taken for %v", e.at)
		}
	}
}

func TestAWaitEnds(t *testing.T) {
	t.Parallel()
	t.Run("when its time is over", func(t *testing.T) {
		t.Parallel()
		k, begun := newKernel(t), time.Now()
		if _, err := k.wait(20 * time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) < 20*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
	t.Run("with the edge that was there, when its time was over before it began", func(t *testing.T) {
		t.Parallel()
		k := newKernel(t)
		k.tell(event{monotonic(t), falling, 17, 1})
		if _, err := k.wait(time.Nanosecond); err != nil {
			t.Error(err)
		}
	})
	t.Run("when the lines are given back", func(t *testing.T) {
		t.Parallel()
		k, ended := newKernel(t), make(chan error)
		go func() {
			_, err := k.wait(time.Hour)
			ended <- err
		}()
		<-time.After(10 * time.Millisecond)
		if err := k.close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, os.ErrClosed) {
			t.Errorf("it ended with %v", err)
		}
		if _, err := k.levels(); err == nil {
			t.Error("then there are levels")
		}
	})
	for name, far := range map[string][]byte{
		"when the chip is gone":                       nil,
		"when the kernel tells half an event":         event{1, falling, 17, 1}.bytes()[:24],
		"when the kernel tells of another's line":     event{1, falling, 18, 1}.bytes(),
		"when the kernel tells of something else":     event{1, 3, 17, 1}.bytes(),
		"when the kernel tells of less than an event": {0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKernel(t)
			if _, err := k.far.Write(far); err != nil {
				t.Fatal(err)
			}
			k.far.Close()
			if e, err := k.wait(patient); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("it ended with %+v, %v", e, err)
			}
		})
	}
}

func TestWhatTheKernelIsAsked(t *testing.T) {
	t.Parallel()
	got, err := requestFor([]int{4, 17, 22, 23}, []inputPin{{bias: pullUp}, {bias: noBias}, {bias: pullDown}, {bias: pullUp}})
	if err != nil {
		t.Fatal(err)
	}
	const edges = 1<<2 | 1<<4 | 1<<5 // input, rising, falling
	want := &uapi.LineRequest{Lines: 4, EventBufferSize: 1024, Offsets: [64]uint32{4, 17, 22, 23}}
	copy(want.Consumer[:], "stationd")
	want.Config = uapi.LineConfig{Flags: edges, NumAttrs: 2}
	for i, a := range []struct{ flags, mask uint64 }{{edges | 1<<8, 0b1001}, {edges | 1<<9, 0b0100}} {
		want.Config.Attrs[i] = uapi.LineConfigAttribute{Attr: uapi.LineAttribute{ID: 1}, Mask: uapi.LineBitmap(a.mask)}
		binary.NativeEndian.PutUint64(want.Config.Attrs[i].Attr.Value[:], a.flags)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if _, err := requestFor(make([]int, 65), make([]inputPin, 65)); err == nil {
		t.Error("65 lines are asked for")
	}
}

func TestAFileThatIsNoChipGivesOutNoLines(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]error{os.DevNull: unix.ENOTTY, fmt.Sprint(t.TempDir(), "/gpiochip0"): os.ErrNotExist} {
		if _, err := takeLines(path, []int{17}, []inputPin{{pin: 17}}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}
