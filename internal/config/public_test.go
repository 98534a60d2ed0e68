package config

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestWhoeverGetsAConfigurationSeesNoSecretOfIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"what is no secret stays", "[l2l]\nurl = \"https://acme.example/api/1.0/\"\nauth = 'header'\nsite = 12\n", "[l2l]\nurl = \"https://acme.example/api/1.0/\"\nauth = 'header'\nsite = 12\n"},
		{"where a key lies is no secret", "key = { file = \"/etc/stationd/keys/l2l.key\" }\nkey = { credential = \"l2l.key\" }", "key = { file = \"/etc/stationd/keys/l2l.key\" }\nkey = { credential = \"l2l.key\" }"},
		{"a key that stands there all the same", "[l2l]\nkey = \"canary\"\nkey={ text = 'x', token = 'canary' }\n", "[l2l]\nkey = \"<removed>\"\nkey={ text = 'x', token = '<removed>' }\n"},
		{"in the wrong place", "site = \"7f3c91abcanary7f3c91ab\"\nline = \"PACK4\"", "site = \"<removed>\"\nline = \"PACK4\""},
		{"in a comment", "# the key was canary\nsite = 12 # canary\n#", "#\nsite = 12 #\n#"},
		{"a number sign in a text begins no comment", `description = "Help # 7" # canary`, `description = "Help # 7" #`},
		{"behind a quote that is escaped", `description = "say \" # canary" # canary`, `description = "say \" # canary" #`},
		{"as the address of a webhook", "[webhook]\nurl = \"https://hooks.example/canary?sig=canary\"\n", "[webhook]\nurl = \"https://hooks.example/<removed>\"\n"},
		{"as the address of a webhook among the variables", "[vars]\nHOOK = \"https://hooks.example/canary\"\n[alert]\nurl = \"${HOOK}\"\n", "[vars]\nHOOK = \"https://hooks.example/<removed>\"\n[alert]\nurl = \"${HOOK}\"\n"},
		{"as the address of a webhook on one line", "alert = { url = \"https://hooks.example/canary\" }\nwebhook.url = \"https://hooks.example/canary\"\n[l2l]\n", "alert = { url = \"https://hooks.example/<removed>\" }\nwebhook.url = \"https://hooks.example/<removed>\"\n[l2l]\n"},
		{"as a user of an address", "[l2l]\nproxy = \"http://canary:canary@proxy.example:3128/\"", "[l2l]\nproxy = \"http://<removed>@proxy.example:3128/\""},
		{"as a question of an address", "[[printer]]\nurl = \"ipp://192.0.2.10/ipp/print?canary\"", "[[printer]]\nurl = \"ipp://192.0.2.10/ipp/print?<removed>\""},
		{"behind a quote that is not closed", "key = \"canary\nsite = 12", "key = \"<removed>\nsite = 12"},
		{"on several lines", "token = \"\"\"\ncanary\ncanary\"\"\"\nsite = 12", "token = \"\"\"\n<removed>\n<removed>\"\"\"\nsite = 12"},
		{"in lines that never end", "token = '''canary\ncanary", "token = '''<removed>\n<removed>"},
		{"under a key in quotes", `"api-token" = "canary"`, `"api-token" = "<removed>"`},
		{"a hash, a PIN", "pin_hash = \"$argon2id$canary\"\n[access.anna]\npin = \"4711\"", "pin_hash = \"<removed>\"\n[access.anna]\npin = \"<removed>\""},
		{"a pin of the header is no PIN", "pin = 17", "pin = 17"},
		{"a key of a letter is nothing to look at", "[[on]]\nmatch = '^PO(?P<order>\\d+)$'", "[[on]]\nmatch = '^PO(?P<order>\\d+)$'"},
		{"where the key of a certificate lies", "certificate_key = \"/etc/stationd/page.key\"", "certificate_key = \"/etc/stationd/page.key\""},
		{"a variable stays one", `name = "${STATION}"`, `name = "${STATION}"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := string(Public([]byte(c.text)))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Count(got, "\n") != strings.Count(c.text, "\n") {
				t.Error("a fault's line would be another")
			}
		})
	}
}

// A fault shows its line, and check, a start's log and with that a dump show the fault.
func TestAFaultsLineIsShownWhereItHasNoSecret(t *testing.T) {
	t.Parallel()
	for text, shown := range map[string]bool{
		"[station]\nnaem = \"pack4-1\" # the first\n":                 true,
		"[l2l]\nurll = \"https://acme.example/api/1.0/\"\n":           true,
		"[alert]\nurll = \"https://hooks.example/services/canary\"\n": false,
		"[webhook]\nurll = 'https://hooks.example/x?canary'\n":        false,
		"[station]\nnaem = \"x\"\n[vars]\nH = \"https://h/canary\"\n": true,
		"[station]\nsiet = \"7f3c91abcanary7f3c91ab\"\n":              false,
	} {
		f := Parse("x", []byte(text))
		f.Station()
		for _, table := range []string{"l2l", "alert", "webhook"} {
			var none struct{}
			f.Section(table, &none)
		}
		faults := f.Faults()
		if len(faults) == 0 {
			t.Fatalf("%q has no fault", text)
		}
		for _, fault := range faults {
			if strings.Contains(fault.Detail, "canary") {
				t.Errorf("%q shows %q", text, fault.Detail)
			}
		}
		if !slices.ContainsFunc(faults, func(f Fault) bool { return strings.HasPrefix(f.Text, "unknown key") && (f.Detail != "") == shown }) {
			t.Errorf("%q: %+v", text, faults)
		}
	}
}

// What a person has written and is no secret is what support needs.
func TestOfTheExampleNothingButItsRemarksIsRemoved(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "stationd.example.toml"))
	if err != nil {
		t.Fatal(err)
	}
	got := string(Public(text))
	if strings.Contains(got, Removed) {
		t.Errorf("it removes what is no secret:\n%s", got)
	}
	before, faults := Parse("x", text), Parse("x", []byte(got))
	if len(faults.Faults()) != len(before.Faults()) {
		t.Errorf("it is another file: %v", faults.Faults())
	}
}

func FuzzPublic(f *testing.F) {
	f.Add("[a]\nkey = \"b\" # c\n'''")
	f.Fuzz(func(t *testing.T, text string) {
		got := string(Public([]byte(text)))
		if strings.Count(got, "\n") != strings.Count(text, "\n") {
			t.Errorf("%q has other lines than %q", got, text)
		}
	})
}

// The names, keys and headers are found as these patterns find them, which would be set up at
// each start.
func TestNamesAndHeadersAreFoundAsPatternsFindThem(t *testing.T) {
	t.Parallel()
	patterns := map[string]struct {
		is      func(string) bool
		pattern *regexp.Regexp
	}{
		"the name of an input": {nameable, regexp.MustCompile(`^[\pL\pN_-]+$`)},
		"the name of a value":  {valueName, regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)},
		"a further parameter":  {parameter, regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)},
		"a GS1 identifier":     {identifier, regexp.MustCompile(`^[0-9]{2,4}$`)},
		"like a key":           {likeKey, regexp.MustCompile(`^[A-Za-z0-9+=_.$,-][A-Za-z0-9+/=_.$,-]{19,}$`)},
	}
	header := regexp.MustCompile(`^\[+\s*"?([\pL\pN_-]+)`)
	texts := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("[[[ \t\r\"aÅ5½_-.]\uFFFD"))), rapid.StringOf(rapid.SampledFrom([]rune("aZ0_"))), rapid.StringOfN(rapid.SampledFrom([]rune("aZ09+/=_.$,-")), 15, 25, -1), rapid.StringMatching(`[0-9]{1,5}`))
	rapid.Check(t, func(t *rapid.T) {
		text := texts.Draw(t, "text")
		for name, p := range patterns {
			if got, want := p.is(text), p.pattern.MatchString(text); got != want {
				t.Errorf("%q is %s: %v, want %v", text, name, got, want)
			}
		}
		var p publisher
		p.header(text)
		want := ""
		if found := header.FindStringSubmatch(text); found != nil {
			want = found[1]
		}
		if p.table != want {
			t.Errorf("%q is the header of %q, want %q", text, p.table, want)
		}
	})
}
