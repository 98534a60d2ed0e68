package setup

import (
	"testing"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testLabel is what the test label holds.
const testLabel = "010950600013435210TEST\x1d21READY"
