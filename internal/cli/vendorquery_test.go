package cli

import (
	"bytes"
	"strings"
	"testing"

	"stationd/internal/station"
)

func TestVendorsTextIsShownAsText(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	must(t, show(&b, station.Answer{
		Columns: []string{"NAME", "TEXT"},
		Rows:    [][]string{{"a\tb", "two\nlines \x1b[2J"}, {"", strings.Repeat("å", 200)}},
		Note:    "\x1b]0;title\x07 and " + strings.Repeat("more ", 40),
	}))
	got := b.String()
	if strings.ContainsAny(got, "\x1b\x07") || strings.Count(got, "\n") != 4 {
		t.Errorf("it is shown as it came: %q", got)
	}
	if !strings.Contains(got, "…") || !strings.Contains(got, "NAME  ") && !strings.Contains(got, "NAME ") || !strings.Contains(got, "\n-  ") && !strings.Contains(got, "\n- ") {
		t.Errorf("the table is %q", got)
	}
}
