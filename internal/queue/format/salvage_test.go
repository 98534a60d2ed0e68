package format

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestWhatIsMadeOfADamagedCopyIsACopyWhateverItsFilesNumber(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outbox.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	here, err := homeOf(path, "10000000abcd")
	if err != nil {
		t.Fatal(err)
	}
	if here.Inode == 0 {
		t.Skip("the file system has no lasting numbers: that a copy in the same computer is known was NOT proved")
	}
	for _, c := range []struct {
		what  string
		last  Home
		moved bool
	}{
		{"in its own place", here, false},
		{"a copy in the same computer", Home{Machine: here.Machine, Inode: here.Inode + 1}, true},
		{"a copy in another computer", Home{Machine: "10000000ef01", Inode: here.Inode}, true},
	} {
		text, err := json.Marshal(c.last)
		if err != nil {
			t.Fatal(err)
		}
		s := salvagedFile{meta: map[string][]byte{"home": text}}
		if err := s.readHome(path, here.Machine); err != nil {
			t.Fatal(err)
		}
		if text, err = json.Marshal(s.home); err == nil {
			err = json.Unmarshal(text, &s.home) // as a start reads it
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, inode := range []uint64{here.Inode, c.last.Inode, here.Inode + 7} {
			if why := s.home.Moved(Home{Machine: here.Machine, Inode: inode}); (why != "") != c.moved {
				t.Errorf("%s, made anew as file %d: %q", c.what, inode, why)
			}
		}
	}
}
