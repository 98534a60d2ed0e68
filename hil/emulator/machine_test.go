package emulator

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestATypedCharacterHasItsKeys(t *testing.T) {
	t.Parallel()
	for char, want := range map[rune][]string{
		'a': {"a"}, 'A': {"shift", "a"}, '7': {"7"}, '&': {"shift", "7"}, '_': {"shift", "minus"}, '\n': {"ret"}, 'å': nil,
	} {
		if diff := cmp.Diff(want, Keys(char)); diff != "" {
			t.Errorf("keys for %q (-want +got):\n%s", char, diff)
		}
	}
}
