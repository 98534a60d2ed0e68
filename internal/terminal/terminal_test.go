package terminal

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestALongLineIsBrokenBetweenItsWords(t *testing.T) {
	t.Parallel()
	words := strings.Repeat("word ", 15) // 75 characters
	tests := []struct{ name, text, want string }{
		{"what fits stays", words + "four\n", words + "four\n"},
		{"what does not fit is broken", words + "fives", words[:74] + "\n   fives"},
		{"a path that is too long is left whole", strings.Repeat("/path", 20), strings.Repeat("/path", 20)},
		{"and what follows it is not", "at " + strings.Repeat("/path", 20) + " there", "at\n   " + strings.Repeat("/path", 20) + "\n   there"},
		{"lines stay apart", "one\ntwo\n\n", "one\ntwo\n\n"},
		{"a question keeps its last space", "Name: ", "Name: "},
		{"letters are counted and not bytes", strings.Repeat("å", 79), strings.Repeat("å", 79)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, Wrap(test.text, 3)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
