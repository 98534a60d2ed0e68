package station

import (
	"errors"
	"strings"
	"testing"
)

// One error is told in several places at once, each of which cuts what is long: the error
// stays as it is.
func TestWhoeverTellsAReasonLeavesTheErrorAsItIs(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2*longestNote)
	err := Because(errors.New("no"), "value", "field", long)
	if why := ReasonOf(err); len(why.Values["field"]) >= len(long) {
		t.Errorf("it is told whole: %+v", why)
	}
	var told reasonError
	if !errors.As(err, &told) || told.why.Values["field"] != long {
		t.Errorf("the error was changed: %+v", told.why)
	}
}
