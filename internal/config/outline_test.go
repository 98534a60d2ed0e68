package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheFolderOfABrokenFileIsFoundByItsLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text     string
		data     string
		lastGood bool
	}{
		"a whole file":                        {"[station]\nname = \"a\"\ndata = \"/srv/a\"\n", "/srv/a", true},
		"a quotation mark is missing above":   {"[station]\nname = \"a\ndata = '/srv/a'\n", "/srv/a", true},
		"it is broken off below":              {"[station]\ndata=\"/srv/a\"\nlast_good = false\n[l2l]\nurl = \"htt", "/srv/a", false},
		"another table has a data of its own": {"[station]\nname = \"a\"\n[[scanner]]\ndata = \"/srv/b\"\n", "", true},
		"the line itself is broken":           {"[station]\ndata = \"/srv/a\n", "", true},
		"the line is a remark":                {"[station]\n#data = \"/srv/a\"\n#last_good = false\n", "", true},
		"nothing is left of it":               {"", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "stationd.toml")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if data, lastGood := Outline(path); data != c.data || lastGood != c.lastGood {
				t.Errorf("%q, %v", data, lastGood)
			}
		})
	}
}

func TestAFileOfAnotherEncodingIsNamed(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"UTF-16, little end first": "\xff\xfe[\x00s\x00]\x00",
		"UTF-16, big end first":    "\xfe\xff\x00[\x00s\x00]",
		"UTF-16 without a mark":    "[\x00s\x00]\x00",
	} {
		faults := Parse("f.toml", []byte(text)).Faults()
		if len(faults) != 1 || !strings.Contains(faults[0].Text, "saved as UTF-16") || faults[0].Detail != "" {
			t.Errorf("%s: %v", name, faults)
		}
	}
	if faults := Parse("f.toml", []byte("\xef\xbb\xbf[station]\r\nname = \"a\"\r\n")).Faults(); len(faults) != 0 {
		t.Errorf("a byte order mark of UTF-8: %v", faults)
	}
}

func TestAnInputIsNotCalledAsAPartOfTheProgram(t *testing.T) {
	t.Parallel()
	f := Parse("f.toml", nil)
	for i, name := range Parts() {
		if f.Name(At("button", i, "name"), name) {
			t.Errorf("a button may be called %s", name)
		}
	}
}
