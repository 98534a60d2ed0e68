package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder writes files into a folder of their own and returns it.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// faultsIn reads a file of a folder, and returns its faults and warnings with the folder left
// out.
func faultsIn(t *testing.T, dir, name string) (f *File, faults, warnings []string) {
	t.Helper()
	f, err := Load(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	read(f)
	for _, fault := range f.Faults() {
		faults = append(faults, strings.ReplaceAll(fault.String(), dir+"/", ""))
	}
	for _, warning := range f.Warnings() {
		warnings = append(warnings, strings.ReplaceAll(warning.String(), dir+"/", ""))
	}
	return f, faults, warnings
}

const template = `[station]
name = "${STATION}"
timezone = "Europe/Stockholm"

[l2l]
line = "${LINE}"
machine = "${STATION}-M"
trade = "${TRADE}"

[vars]
TRADE = "MECH"

[[button]]
name = "red"
pin = "${PIN}"

[[on]]
event = "red.press"
do = [{ l2l = "dispatch.open", type = "X", description = "$${{HOME}} costs 5$ at ${STATION}" }]
`

const ownFile = `include = ["sub/line.toml"]

[vars]
STATION = "pack4-1"
LINE = "PACK4"
PIN = 17

[[on]]
event = "red.hold"
do = [{ l2l = "dispatch.close" }]
`

func TestFortyStationsShareOneFileAndSayWhatDiffers(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"station.toml": ownFile, "sub/line.toml": template})
	if _, faults, warnings := faultsIn(t, dir, "station.toml"); len(faults)+len(warnings) > 0 {
		t.Fatalf("%v %v", faults, warnings)
	}
	check := func(f *File) {
		t.Helper()
		e := read(f)
		if e.station.Name != "pack4-1" || e.l2l.Line != "PACK4" || e.l2l.Machine != "pack4-1-M" || e.l2l.Trade != "MECH" || *e.buttons[0].Pin != 17 {
			t.Errorf("%+v", e)
		}
		if b := e.program.Bindings; len(b) != 2 || b[0].Event != "red.hold" || b[1].Do[0].With["description"].String() != "${{HOME}} costs 5$ at pack4-1" {
			t.Errorf("what stands in the file itself comes first: %+v", b)
		}
	}
	f, err := Load(filepath.Join(dir, "station.toml"))
	if err != nil {
		t.Fatal(err)
	}
	check(f)
	if want := []string{filepath.Join(dir, "station.toml"), filepath.Join(dir, "sub/line.toml")}; !slices.Equal(f.Files(), want) {
		t.Errorf("%v", f.Files())
	}
	// As one file it says the same, with nothing beside it.
	whole := f.Text()
	if strings.Contains(string(whole), "include") || strings.Contains(string(whole), "vars") {
		t.Errorf("%s", whole)
	}
	alone := Parse("whole.toml", whole)
	check(alone)
	if faults := alone.Faults(); len(faults) > 0 {
		t.Errorf("%v", faults)
	}
}

func TestEveryFaultOfWhatIsIncludedNamesItsFile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sentence string
		files    map[string]string
		faults   []string
	}{
		{"a variable that nobody gives, and a key that nobody knows", map[string]string{
			"station.toml":  strings.Replace(ownFile, "LINE =", "LINNE =", 1),
			"sub/line.toml": strings.Replace(template, "timezone", "tz = 1\ntimezone", 1),
		}, []string{
			`sub/line.toml:3:1: unknown key "tz" in [station]; allowed here: name, label, timezone, data, language, lamp, days, buzzer, last_good`,
			`sub/line.toml:7:9: there is no variable LINE: give it in [vars], or in the environment if it begins with STATIOND_; did you mean "LINNE"? Allowed here: HOSTNAME, LINNE, PIN, STATION, TRADE`,
		}},
		{"a file that is missing, one that is included twice, and what is no file", map[string]string{
			"station.toml":  `include = ["no.toml", "sub/line.toml", "sub/line.toml", 7]` + strings.TrimPrefix(ownFile, `include = ["sub/line.toml"]`),
			"sub/line.toml": template,
		}, []string{
			`station.toml:1:12: configuration: open no.toml: no such file or directory`,
			`station.toml:1:40: sub/line.toml is included already`,
			`station.toml:1:57: each of "include" must be text in quotes, not a whole number`,
		}},
		{"a circle", map[string]string{
			"station.toml":  ownFile,
			"sub/line.toml": "include = [\"../station.toml\"]\n" + template,
		}, []string{`sub/line.toml:1:12: ../station.toml includes itself: station.toml includes sub/line.toml includes station.toml`}},
		{"the same table in two files", map[string]string{
			"station.toml":  ownFile + "[l2l]\nline = \"PACK5\"\n",
			"sub/line.toml": template,
		}, []string{`sub/line.toml:5:1: [l2l] stands in station.toml already, in line 11; put the keys together, or let them differ by a variable`,
			`sub/line.toml:19:7: dispatch.open needs "machine": code of the machine`}},
		{"a file that TOML cannot read", map[string]string{
			"station.toml":  ownFile,
			"sub/line.toml": "[station]\nname = pack4\n",
		}, []string{`sub/line.toml:2:8: a value must be text in quotes, a number, true, false, a list [ … ] or a table { … }; parsing stopped here, and more errors may follow`}},
		{"variables that are none", map[string]string{
			"station.toml": "[vars]\nA = \"${B}\"\n1B = \"x\"\nC = [1]\n[station]\nname = \"${C\"\ntimezone = \"UTC\"\n",
		}, []string{
			`station.toml:2:5: "A": what a variable stands for has no variables itself`,
			`station.toml:3:1: "1B": a variable's name has only letters, digits and _, and does not begin with a digit`,
			`station.toml:4:5: "C" must be text, a number or true or false, not a list`,
			`station.toml:6:9: "${C" is no variable; one is ${NAME}, and $${ is ${ as it stands`,
		}},
		{"a binding of the template that is never reached", map[string]string{
			"station.toml":  ownFile + "[[on]]\nevent = \"red.press\"\nset = { a = \"1\" }\n",
			"sub/line.toml": template,
		}, []string{`sub/line.toml:18:9: this binding is never reached: the one in line 11 of station.toml comes first and takes every red.press that fits it`}},
	} {
		dir := folder(t, tt.files)
		_, faults, _ := faultsIn(t, dir, "station.toml")
		if diff := cmp.Diff(tt.faults, faults); diff != "" {
			t.Errorf("%s: %s", tt.sentence, diff)
		}
	}
}

func TestAVariableThatWasMeantAndOneThatIsNotUsedAreWarnedOf(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"station.toml": "[vars]\nLINE = \"A\"\n[station]\nname = \"$LINE\"\ntimezone = \"UTC\"\n"})
	_, faults, warnings := faultsIn(t, dir, "station.toml")
	want := []string{`station.toml:2:1: warning`, `station.toml:4:9: warning`}
	if len(faults) > 0 || len(warnings) != len(want) || !strings.HasPrefix(warnings[0], "station.toml:2:1: nothing uses") || !strings.HasPrefix(warnings[1], "station.toml:4:9: $LINE stands there as it is") {
		t.Errorf("%v, %v", faults, warnings)
	}
}

// What TOML can say comes back as it was when it is written as one file.
func TestWhatIsWrittenAsOneFileSaysTheSame(t *testing.T) {
	t.Parallel()
	const text = "[vars]\nA = \"a \\\"quoted\\\" \\\\ \\u0001 text\\n\"\n[station]\nname = \"${A}\"\ntimezone = 'UTC'\n[l2l]\nline = \"é\"\n[[on]]\nevent = \"x.y\"\nn = [1, 2.0, 1e3, true, 2026-03-02, { a = \"b\", \"c d\" = [] }]\n[[on.do]]\nl2l = \"z\"\n[[on.do]]\nl2l = \"{a}\"\n"
	f := Parse("a.toml", []byte(text))
	again := Parse("b.toml", f.Text())
	if diff := cmp.Diff(f.root.toGo().(map[string]any)["on"], again.root.toGo().(map[string]any)["on"]); diff != "" {
		t.Error(diff)
	}
	if got := again.root.fields["station"].fields["name"].text; got != "a \"quoted\" \\ \x01 text\n" {
		t.Errorf("%q", got)
	}
	if len(again.Faults()) > 0 {
		t.Errorf("%v", again.Faults())
	}
}

// The machine gives its name and what begins with STATIOND_ in the environment, and nothing
// else of it: a secret may be there.
func TestOnlySomeOfTheEnvironmentIsAVariable(t *testing.T) {
	t.Setenv("STATIOND_LINE", "PACK7")
	t.Setenv("OTHER_KEY", "secret")
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, map[string]string{
		"good.toml": "[station]\nname = \"${HOSTNAME}-${STATIOND_LINE}\"\ntimezone = \"UTC\"\n",
		"bad.toml":  "[station]\nname = \"${OTHER_KEY}\"\ntimezone = \"UTC\"\n",
	})
	f, faults, _ := faultsIn(t, dir, "good.toml")
	if name := f.root.fields["station"].fields["name"].text; len(faults) > 0 || name != host+"-PACK7" {
		t.Errorf("%q, %v", name, faults)
	}
	if _, faults, _ := faultsIn(t, dir, "bad.toml"); len(faults) != 1 || strings.Contains(faults[0], "secret") {
		t.Errorf("%v", faults)
	}
}
