package gs1

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A vector is one line of testdata/vectors.jsonl.
type vector struct {
	Scan string      `json:"scan"`
	OK   bool        `json:"ok"`
	AI   [][2]string `json:"ai"`
	Err  string      `json:"err"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	f, err := os.Open("testdata/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []vector
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// pairs writes elements as the vectors do.
func pairs(elements []Element) [][2]string {
	var out [][2]string
	for _, e := range elements {
		out = append(out, [2]string{e.AI, e.Value})
	}
	return out
}

// write is the element string of a GS1-128 symbol with these elements.
func write(elements []Element) string {
	var b strings.Builder
	b.WriteString("]C1")
	for i, e := range elements {
		b.WriteString(e.AI)
		b.WriteString(e.Value)
		if i < len(elements)-1 && exact(e.AI).flags&fixed == 0 {
			b.WriteByte(fnc1)
		}
	}
	return b.String()
}

func TestEveryScanIsJudgedAsGS1sOwnEngineJudgesIt(t *testing.T) {
	t.Parallel()
	all := vectors(t)
	if len(all) != 1478 {
		t.Fatalf("read %d vectors, want 1478", len(all))
	}
	for i, v := range all {
		got, err := Parse(v.Scan)
		if (err == nil) != v.OK {
			t.Errorf("line %d: %q: got %v, the engine says %q", i+1, v.Scan, err, v.Err)
			continue
		}
		if diff := cmp.Diff(v.AI, pairs(got)); diff != "" {
			t.Errorf("line %d: %q: elements (-engine +got):\n%s", i+1, v.Scan, diff)
		}
		if v.OK {
			continue
		}
		var fault *Error
		if !errors.As(err, &fault) || fault.Reason == "" || fault.Pos < 3 || fault.Pos > len(v.Scan) {
			t.Errorf("line %d: %q: error %#v names no place and reason", i+1, v.Scan, err)
			continue
		}
		if _, rest, ok := strings.Cut(v.Err, "AI ("); ok && !strings.HasPrefix(rest, fault.AI+")") {
			t.Errorf("line %d: %q: %v, but the engine blames AI (%s", i+1, v.Scan, err, rest)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		scan string
		want string // AI=value, blank, AI=value
	}{
		{"a value of predefined length needs no FNC1 after it", "]C10109520123456788171801311021", "01=09520123456788 17=180131 10=21"},
		{"an FNC1 after a value of predefined length does no harm", "]C10109520123456788\x1d1021", "01=09520123456788 10=21"},
		{"an FNC1 at the end does no harm", "]d210ABC\x1d", "10=ABC"},
		{"the same AI twice with the same value stays two elements", "]d210ABC\x1d10ABC", "10=ABC 10=ABC"},
		{"a batch without its GTIN is accepted", "]d210ABC", "10=ABC"},
		{"an optional part may be missing", "]C14330012345", "4330=012345"},
		{"an optional part may be there", "]C14330012345-", "4330=012345-"},
		{"five countries of processing", "]C1423276250246040056", "423=276250246040056"},
		{"an EAN-13 is its GTIN", "]E09520123456788", "01=09520123456788"},
		{"a UPC-A sent with twelve digits is its GTIN", "]E0416000336108", "01=00416000336108"},
		{"an EAN-8 is its GTIN", "]E402345673", "01=00000002345673"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(tt.scan)
			if err != nil {
				t.Fatal(err)
			}
			if line := joined(got); line != tt.want {
				t.Errorf("got %s, want %s", line, tt.want)
			}
		})
	}
}

func joined(elements []Element) string {
	var words []string
	for _, e := range elements {
		words = append(words, e.AI+"="+e.Value)
	}
	return strings.Join(words, " ")
}

func TestParseNamesPlaceAndReason(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		scan string
		want string
	}{
		{"an empty symbol", "]d2", "gs1: byte 3: the symbol holds no element string"},
		{"an unknown AI", "]d28912345", `gs1: byte 3: no application identifier begins with "8912"`},
		{"the last AI is cut short", "]d20109520123456788310", `gs1: byte 19: no application identifier begins with "310"`},
		{"an FNC1 before the first AI", "]d2\x1d10AB", "gs1: byte 3: an FNC1 stands where an application identifier should begin"},
		{"two FNC1 in a row", "]d210AB\x1d\x1d21C", "gs1: byte 8: an FNC1 stands where an application identifier should begin"},
		{"an empty value", "]d210\x1d21C", "gs1: AI (10), byte 5: the value is empty"},
		{"a batch of 21 characters", "]d210123456789012345678901", "gs1: AI (10), byte 25: the value is longer than its 20 characters; an FNC1 may be missing"},
		{"a GTIN cut short", "]d2010952012345678", "gs1: AI (01), byte 18: the value ends after 13 characters; its next part needs 1 more"},
		{"a wrong check digit", "]d20109520123456789", "gs1: AI (01), byte 18: the check digit is 9 and should be 8"},
		{"a blank in a batch", "]d210A B", "gs1: AI (10), byte 6: a character outside character set 82"},
		{"a letter in a count", "]d2302X", "gs1: AI (30), byte 6: a character that is no digit"},
		{"month 13", "]d217181301", "gs1: AI (17), byte 7: there is no such month"},
		{"30 February", "]d217180230", "gs1: AI (17), byte 9: there is no such day in that month"},
		{"one AI with two values", "]d210A\x1d10B", "gs1: AI (10), byte 7: the AI appears twice, with different values"},
		{"a GTIN and a count", "]d201095201234567883712", "gs1: AI (37), byte 19: the AI may not stand beside AI (01)"},
		{"a count and a GTIN", "]d23712\x1d0109520123456788", "gs1: AI (01), byte 8: the AI may not stand beside AI (37)"},
		{"one weight with two decimal places", "]d231000000013103000001", "gs1: AI (3103), byte 13: the AI may not stand beside AI (3100)"},
		{"an EAN-13 with a wrong check digit", "]E09520123456789", "gs1: AI (01), byte 15: the check digit is 9 and should be 8"},
		{"an EAN-13 of eleven digits", "]E095201234567", "gs1: AI (01), byte 3: the symbol holds 11 characters and not 13"},
		{"an EAN-8 with a letter", "]E40234567X", "gs1: AI (01), byte 10: a character that is no digit"},
		{"sixty-five elements", "]d2" + strings.Repeat("2001", 65), "gs1: AI (20), byte 259: the symbol holds more than 64 elements"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(tt.scan)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v %v\nwant %s", got, err, tt.want)
			}
			if got != nil {
				t.Errorf("a refused scan has elements %v", got)
			}
		})
	}
}

func TestWhatMakesNoClaimToBeGS1IsNoFault(t *testing.T) {
	t.Parallel()
	scans := map[string]string{
		"nothing at all":                      "",
		"text without an AIM identifier":      "0109520123456788",
		"Code 128 without FNC1":               "]C00109520123456788",
		"Code 39":                             "]A0PART-7",
		"an ITF-14":                           "]I109520123456788",
		"plain QR text":                       "]Q1HELLO",
		"a web address":                       "]Q1https://example.com/menu?x=1",
		"a web address with a number in it":   "]Q1https://example.com/10/ABC",
		"a web address with no path":          "]Q1https://example.com",
		"a scheme and nothing else":           "]Q1https://",
		"a scheme in mixed case":              "]Q1HtTp://a/00/006141411234567890",
		"a link under FTP":                    "]Q1ftp://a/00/006141411234567890",
		"a link that lacks its domain":        "]Q1https://00/006141411234567890",
		"an AIM identifier with nothing else": "]A0",
	}
	for name, scan := range scans {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := Parse(scan); !errors.Is(err, ErrNotGS1) {
				t.Errorf("Parse(%q) = %v, %v, want ErrNotGS1", scan, got, err)
			}
		})
	}
}

const fourElements = "]d2010952012345678817180131" + "10ABC-123/4\x1d" + "21SN-000012345"

func TestFourElementsCostOneAllocation(t *testing.T) {
	// Not parallel: AllocsPerRun counts the whole process.
	if got, err := Parse(fourElements); err != nil || len(got) != 4 {
		t.Fatalf("got %v, %v, want four elements", got, err)
	}
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := Parse(fourElements); err != nil {
			t.Error(err)
		}
	})
	if allocs > 1 {
		t.Errorf("%v allocations, want 1", allocs)
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(fourElements); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzParse holds that no scan panics, that a refusal names a place inside the scan, and
// that elements written as an element string are read back as they were.
func FuzzParse(f *testing.F) {
	for i, v := range vectors(f) {
		if i%16 == 0 {
			f.Add(v.Scan)
		}
	}
	for _, scan := range []string{
		"]E09520123456788", "]E402345673", "]E0416000336108", fourElements, "]C1\x1d", "]d242",
		"]Q1https://id.gs1.org/01/09520123456788/10/ABC%2F1?17=201225&utm=x#top",
		"]d1HTTP://a:1/stem/414/9520123456788/254/32a%2Fb?99=A%20B", "]J0https://a/8004/9520614141234567?01=9520123456788",
		"]C181100123456123456111101231", "]C18112001234561234560123456", "]C18007FR7630006000011234567890189",
		"]C180131987654Ad4X4bL5ttr2310c2K", "]C18030AB==", "]C172582/3", "]C18006095201234567880203",
	} {
		f.Add(scan)
	}
	f.Fuzz(func(t *testing.T, scan string) {
		elements, err := Parse(scan)
		var fault *Error
		switch {
		case errors.Is(err, ErrNotGS1):
		case errors.As(err, &fault):
			if fault.Pos < 3 || fault.Pos > len(scan) || fault.Reason == "" {
				t.Fatalf("%q: %#v", scan, fault)
			}
		case err != nil:
			t.Fatalf("%q: an error of another kind: %v", scan, err)
		case len(elements) == 0:
			t.Fatalf("%q: accepted, and yet there are no elements", scan)
		default:
			again, err := Parse(write(elements))
			if err != nil {
				t.Fatalf("%q gave %v, which does not parse: %v", scan, elements, err)
			}
			if diff := cmp.Diff(elements, again); diff != "" {
				t.Fatalf("%q (-first +again):\n%s", scan, diff)
			}
		}
	})
}
