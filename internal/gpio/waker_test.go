package gpio

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// A station that is stopped does not wait until its buttons would have been looked at.
func TestAStopEndsTheWaitForAnEdge(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) inputLines{
		"of the kernel's lines": func(t *testing.T) inputLines { return newKernel(t).request },
		"of lines without edges": func(*testing.T) inputLines {
			return &polled{levelReader: &quiet{since: time.Now()}, count: 2}
		},
		"of a simulated chip": func(t *testing.T) inputLines {
			near, far := net.Pipe()
			t.Cleanup(func() { near.Close(); far.Close() })
			return &simInputs{conn: near, places: map[int]int{17: 0}}
		},
		"of a pedal": func(t *testing.T) inputLines {
			near, far, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { near.Close(); far.Close() })
			return &keyLines{file: near, places: map[uint16]int{183: 0}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := open(t)
			lines.wake() // before the wait has begun
			if _, err := lines.wait(time.Hour); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("a wait that was ended before it began: %v", err)
			}
			if _, err := lines.wait(time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the wait after it: %v", err)
			}
			ended := make(chan error)
			go func() {
				_, err := lines.wait(time.Hour)
				ended <- err
			}()
			<-time.After(10 * time.Millisecond)
			lines.wake()
			select {
			case err := <-ended:
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("a wait that was ended: %v", err)
				}
			case <-time.After(patient):
				t.Error("the wait goes on")
			}
		})
	}
}
