package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// reads checks what stands in a folder's only file.
func reads(t *testing.T, path, want string, perm fs.FileMode) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || string(text) != want {
		t.Errorf("it has %q, %v; want %q", text, err, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != perm {
		t.Errorf("its permissions are %v, %v; want %v", info.Mode(), err, perm)
	}
	if all, err := os.ReadDir(filepath.Dir(path)); err != nil || len(all) != 1 {
		t.Errorf("%d files are left in the folder, %v", len(all), err)
	}
}

func TestAFileIsReplacedWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "alerts.json")
	for _, text := range []string{"one", "two"} {
		if err := Replace(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		reads(t, path, text, 0o600)
	}
}

func TestWhatStandsThereIsNotReplacedByACreation(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "stationd.toml")
	if err := Create(path, []byte("one"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, []byte("two"), 0o644); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second creation is answered %v", err)
	}
	reads(t, path, "one", 0o644)
}

func TestAFolderThatIsGoneLosesNothing(t *testing.T) {
	t.Parallel()
	if err := Replace(filepath.Join(t.TempDir(), "gone", "file"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is answered %v", err)
	}
}
