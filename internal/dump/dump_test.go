package dump

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestOfWhatIsTooLongTheEndStaysFromALineOn(t *testing.T) {
	t.Parallel()
	s := source{name: "log.txt", what: "the log", most: 1 << 10, read: func(_ context.Context, w io.Writer) error {
		for i := range 1000 {
			if _, err := fmt.Fprintf(w, "line %d\n", i); err != nil {
				return err
			}
		}
		return nil
	}}
	p := s.collect(t.Context())
	text := string(p.text)
	if len(text) > 1<<10 || len(text) < 1<<9 || !strings.HasPrefix(text, "line ") || !strings.HasSuffix(text, "\nline 999\n") {
		t.Errorf("%d bytes of it stay: %.40s…", len(text), text)
	}
	if p.Missing != "the last 1 kB of it" {
		t.Errorf("it says %q", p.Missing)
	}
}

func TestWhatCameBeforeAnErrorIsKeptAndTheErrorIsSaid(t *testing.T) {
	t.Parallel()
	s := source{name: "state.json", what: "the state", most: 1 << 10, read: func(_ context.Context, w io.Writer) error {
		_, _ = io.WriteString(w, "half of it\n")
		return errors.New("it breaks\noff")
	}}
	p := s.collect(t.Context())
	if string(p.text) != "half of it\n" || strings.Contains(p.Missing, "\n") || !strings.Contains(p.Missing, "it breaks") {
		t.Errorf("%q, %q", p.text, p.Missing)
	}
	none := source{name: "crash.txt", most: 1, read: func(context.Context, io.Writer) error { return nil }}.collect(t.Context())
	if none.Missing != "there is none" || !strings.Contains(none.line(), "not there: there is none") {
		t.Errorf("of nothing it says %q", none.line())
	}
}

func TestADumpIsNamedByItsStationHoweverThatIsCalled(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"pack4-1": "pack4-1", "Packning 4/1": "Packning-4-1", "../../etc": "-etc", "Linje_Å": "Linje_Å", "": "station"} {
		if got := fileName(name); got != want {
			t.Errorf("%q becomes %q, not %q", name, got, want)
		}
	}
}
