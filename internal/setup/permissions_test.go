package setup

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSetupSaysAtItsBeginningWhatMayNotBeOpened(t *testing.T) {
	t.Parallel()
	dev := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dev, "gpiochip0"), nil, 0o000))
	must(t, os.WriteFile(filepath.Join(dev, "ttyACM0"), nil, 0o600))
	open := func(path string) error {
		if strings.HasSuffix(path, "gpiochip0") {
			return fs.ErrPermission
		}
		return nil
	}
	got := strings.Join(permissionProblems(dev, os.Geteuid(), open), "\n")
	if !strings.Contains(got, "gpiochip0, so buttons and lamps will not be found") || !strings.Contains(got, "sudo adduser") || strings.Contains(got, "ttyACM0") {
		t.Errorf("it says %q", got)
	}
}
