package scanner

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

// hostileLabels are the labels of the corpus, by their names.
func hostileLabels(t *testing.T) (names []string, labels map[string]string) {
	t.Helper()
	file, err := os.Open("testdata/hostile-labels.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	labels = make(map[string]string)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var row struct {
			Name, Hex string
			Times     int
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		raw, err := hex.DecodeString(row.Hex)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, row.Name)
		labels[row.Name] = strings.Repeat(string(raw), max(1, row.Times))
	}
	return names, labels
}

// altTyped is a label as a scanner types it that sends each byte as Alt and its number on
// the keypad, and Enter.
func altTyped(t *testing.T, label string) []stroke {
	t.Helper()
	var all []stroke
	for i := range len(label) {
		all = append(all, stroke{keyLeftAlt, pressed})
		for _, digit := range fmt.Sprintf("0%d", label[i]) {
			key := [...]uint16{82, 79, 80, 81, 75, 76, 77, 71, 72, 73}[digit-'0']
			all = append(all, stroke{key, pressed}, stroke{key, released})
		}
		all = append(all, stroke{keyLeftAlt, released})
	}
	return append(all, stroke{keyEnter, pressed}, stroke{keyEnter, released})
}

// A label that is typed says what it says by a serial line, and nothing of it reaches the
// console: the device is grabbed. What the keyboard's way cannot say is no scan at all.
func TestAHostileLabelThatIsTypedIsWhatItIsBySerialOrNothing(t *testing.T) {
	t.Parallel()
	names, labels := hostileLabels(t)
	b, hands := typingInto(t, Config{}, 1)
	b.start(t)
	b.waitForLog(t, "scanner ready")
	same := 0
	for i, name := range names {
		label, end := labels[name], fmt.Sprintf("the end of number %d", i)
		typed := make(chan struct{})
		go func() { // a pipe holds no 7 kB of keys
			defer close(typed)
			hands[0].strike(altTyped(t, label)...)
			hands[0].types(end)
		}()
		want, err := Event(Config{Name: "hand"}, []byte(label), station.Stamp{})
		if err != nil {
			t.Fatal(err)
		}
		for ended := false; !ended; {
			select {
			case ev := <-b.events:
				if ended = ev.Code == end; ended {
					continue
				}
				ev.ID, ev.At, want.ID = "", station.Stamp{}, ""
				if diff := cmp.Diff(want, ev); diff != "" && ev.Data[station.DataRefused] == "" && want.Data[station.DataRefused] == "" && strings.ToValidUTF8(label, "") == label {
					t.Errorf("%s (-serial +typed):\n%s", name, diff)
				}
				same++
			case <-b.journal:
			case <-time.After(limit):
				t.Fatalf("after %s nothing is read any more", name)
			}
		}
		<-typed // the last key is let go after the scan
	}
	if same < len(names)/2 {
		t.Errorf("%d of %d labels became a scan", same, len(names))
	}
}
