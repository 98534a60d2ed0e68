package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The files in testdata end in what is wrong with them:
//
//	# want: 3:8 "pin" must be a whole number, not text
func TestEveryFaultOfAFileIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".toml"), func(t *testing.T) {
			t.Parallel()
			f, err := Load(file)
			if err != nil {
				t.Fatal(err)
			}
			read(f)
			var got, want []string
			for _, fault := range f.Faults() {
				got = append(got, fmt.Sprintf("%d:%d %s", fault.Line, fault.Col, fault.Text))
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				if fault, ok := strings.CutPrefix(line, "# want: "); ok {
					want = append(want, strings.TrimSpace(fault))
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the faults differ (-want +got):\n%s", diff)
				for _, fault := range got {
					t.Log("# want: " + fault)
				}
			}
		})
	}
}

func TestAFaultOfTOMLItselfEndsTheReading(t *testing.T) {
	t.Parallel()
	const rest = "; parsing stopped here, and more errors may follow"
	for name, test := range map[string]struct{ text, want string }{
		"a word without quotes":            {"[station]\nname = pack4\nlnie = 3\n", `f.toml:2:8: a value must be text in quotes, a number, true, false, a list [ … ] or a table { … }`},
		"a word that begins like true":     {"[station]\nname = the_one\n", `f.toml:2:8: a value must be text in quotes, a number, true, false, a list [ … ] or a table { … }`},
		"a unit without quotes":            {"[[button]]\ndebounce = 30ms\n", `f.toml:2:14: text must stand in quotes, as "30ms"`},
		"a number that begins with a zero": {"[[button]]\npin = 017\n", `f.toml:2:7: a number cannot begin with 0; if it is a code and not a number, write it in quotes`},
		"a missing quote after å":          {"[station]\nname = \"å\nlnie = 3\n", `f.toml:2:10: the closing quote is missing on this line`},
		"a backslash in double quotes":     {"[[on]]\nmatch = \"^PO\\d$\"\n", `f.toml:2:13: "\" has a meaning of its own between double quotes; write it as "\\", or put the text between single quotes`},
		"a missing bracket":                {"[station\nname = \"s\"\n", `f.toml:1:9: "]" is missing after the table's name`},
		"a missing second bracket":         {"[[on]\n", `f.toml:1:5: "]]" is missing after the table's name`},
		"a missing =":                      {"[station]\nname \"s\"\n", `f.toml:2:6: "=" is missing after the key`},
		"a missing value":                  {"name =", `f.toml:1:6: a value is missing after "="`},
		"a missing value in mid-file":      {"name =\nx = 1\n", `f.toml:1:7: a value must be text in quotes, a number, true, false, a list [ … ] or a table { … }`},
		"two keys on a line":               {"a = 1 b = 2\n", `f.toml:1:7: something stands behind the value; each key needs a line of its own`},
		"a list without its end":           {"a = [1,\n 2", `f.toml:2:2: "]" is missing at the end of the list`},
		"a list without a comma":           {"a = [1 2]", `f.toml:1:8: "," or "]" is missing in the list`},
		"a table without a comma":          {"a = { b = 1 c = 2 }", `f.toml:1:13: "," or "}" is missing in the table`},
		"Latin-1":                          {"name = \"\xe5\"", `f.toml:1:9: this character is not UTF-8 (the file seems to be saved as Latin-1 or Windows-1252); save the file as UTF-8`},
		"no key at all":                    {"= 3", `f.toml:1:1: a key or a table's name must begin here`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := Parse("f.toml", []byte(test.text))
			read(f)
			faults := f.Faults()
			if len(faults) != 1 || faults[0].String() != test.want+rest {
				t.Errorf("got  %v\nwant [%s]", faults, test.want+rest)
			}
		})
	}
}

func TestAnEmptyFileLacksItsStation(t *testing.T) {
	t.Parallel()
	f := Parse("f.toml", nil)
	read(f)
	const want = "f.toml:1:1: the table [station] is missing; it needs at least name and timezone"
	if faults := f.Faults(); len(faults) != 1 || faults[0].String() != want {
		t.Errorf("got %v", faults)
	}
}

func TestAFileThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none.toml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	large := filepath.Join(dir, "large.toml")
	if err := os.WriteFile(large, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(large); err == nil || !strings.Contains(err.Error(), "larger than 1024 kB") {
		t.Errorf("a file that is far too large: %v", err)
	}
}

func TestNoFaultRepeatsASecret(t *testing.T) {
	t.Parallel()
	const canary = "hunter2"
	for _, text := range []string{
		"[l2l]\nkey = 'hunter2'\n", "[l2l]\nkey = ['hunter2']\n", "[l2l]\nkey = { value = 'hunter2' }\n", "[l2l]\nauth = 'hunter2'\n",
		"[l2l]\nkey = hunter2\n", "[l2l]\nkey = 'hunter2\n", "[l2l]\nkey = { file = hunter2 }\n", "[lagerkoll]\nuser_token = 'hunter2'\n", "[lagerkoll]\nkey = 'hunter2'\nkey = 'hunter2'\n",
	} {
		f := Parse("f.toml", []byte(text))
		read(f)
		if len(f.Faults()) == 0 {
			t.Errorf("%q has no fault", text)
		}
		for _, fault := range f.Faults() {
			if strings.Contains(fault.Text+fault.Detail, canary) {
				t.Errorf("%q: the secret is in %+v", text, fault)
			}
		}
	}
}
