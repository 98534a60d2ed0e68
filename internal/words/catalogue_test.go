package words

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// forms are the names of the forms that a language has for whole numbers, sorted.
func forms(c *Catalogue) []string {
	found := make(map[string]bool)
	for n := range 1000 {
		found[c.form(n)] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// placeholders are what is filled into a text, sorted.
func placeholders(text string) []string {
	all := regexp.MustCompile(`\{[^{}]*\}`).FindAllString(text, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

// A said is what a key says in one language: its only text, or one for each form.
type said map[string]string // by form; "" is no number

// byKey takes the forms of each text together.
func byKey(c *Catalogue) map[Key]said {
	all := make(map[Key]said)
	for key, text := range c.texts {
		form := ""
		if at := strings.LastIndexByte(string(key), '.'); at > 0 && slices.Contains([]string{"one", "few", "many", "other"}, string(key[at+1:])) {
			key, form = key[:at], string(key[at+1:])
		}
		if all[key] == nil {
			all[key] = make(said)
		}
		all[key][form] = text
	}
	return all
}

func TestEveryLanguageSaysEverything(t *testing.T) {
	t.Parallel()
	english := byKey(In("en"))
	if len(english) < 100 {
		t.Fatalf("English has only %d texts: there was nothing to prove", len(english))
	}
	for _, tag := range Languages() {
		c := In(tag)
		if c.Tag() != tag {
			t.Errorf("%s has no catalogue", tag)
		}
		texts := byKey(c)
		for key := range texts {
			if english[key] == nil {
				t.Errorf("%s: %s is left over: English does not have it", tag, key)
			}
		}
		for key, en := range english {
			want := []string{""}
			if _, counts := en[""]; !counts {
				want = forms(c)
			}
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(texts[key]))); diff != "" {
				t.Errorf("%s: %s does not have the forms that it needs (-needed +there):\n%s", tag, key, diff)
			}
			for form, text := range texts[key] {
				if diff := cmp.Diff(placeholders(en["other"]+en[""]), placeholders(text)); diff != "" {
					t.Errorf("%s: %s %s is filled in otherwise than in English:\n%s", tag, key, form, diff)
				}
			}
		}
	}
}

func TestEachLineOfACatalogueIsATextOrAComment(t *testing.T) {
	t.Parallel()
	text := regexp.MustCompile(`^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)* = \S(.*\S)?$`)
	for _, tag := range Languages() {
		file, err := files.ReadFile(tag + ".properties")
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]int)
		number := 0
		for line := range strings.Lines(string(file)) {
			number++
			line = strings.TrimSuffix(line, "\n")
			if line == "" || strings.HasPrefix(line, "# ") {
				continue
			}
			if !text.MatchString(line) {
				t.Errorf("%s.properties:%d: %q is no text, no comment and not empty", tag, number, line)
			}
			key, _, _ := strings.Cut(line, " = ")
			if seen[key] > 0 {
				t.Errorf("%s.properties:%d: %s stands in line %d already", tag, number, key, seen[key])
			}
			seen[key] = number
		}
	}
}

func TestTheLanguagesHaveOneOrder(t *testing.T) {
	t.Parallel()
	order := func(tag string) (keys []Key) {
		file, err := files.ReadFile(tag + ".properties")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(file)) {
			if key, _, found := strings.Cut(line, " = "); found && !strings.HasPrefix(line, "#") {
				key = regexp.MustCompile(`\.(one|few|many|other)$`).ReplaceAllString(key, "")
				if len(keys) == 0 || keys[len(keys)-1] != Key(key) {
					keys = append(keys, Key(key))
				}
			}
		}
		return keys
	}
	for _, tag := range Languages() {
		if diff := cmp.Diff(order("en"), order(tag)); diff != "" {
			t.Errorf("%s.properties has its texts in another order than en.properties, which makes them hard to compare:\n%s", tag, diff)
		}
	}
}

func TestValuesStandWhereTheTextHasThem(t *testing.T) {
	t.Parallel()
	en := In("en")
	for _, c := range []struct{ got, want string }{
		{en.Say("call.open.number", "vendor", "L2L", "number", "2871836"), "open in L2L, no. 2871836"},
		{en.Say("call.open.number", "vendor", "{number}", "number", "{vendor}"), "open in {number}, no. {vendor}"},
		{en.Count("how.kept", 1), "1 unknown code was scanned"},
		{en.Count("how.kept", 12500), "12,500 unknown codes were scanned"},
		{en.Say("no.such.text"), "no.such.text"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	if text, found := en.Find("verb.no-such-verb"); found || text != "" {
		t.Errorf("a verb without a word is %q, %v", text, found)
	}
}

func TestAnUnknownLanguageIsEnglish(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"", "tlh", "../en", "EN"} {
		if c := In(tag); c.Tag() != "en" || c.Say("how.good") != "Everything delivered" {
			t.Errorf("%q is %s: %s", tag, c.Tag(), c.Say("how.good"))
		}
	}
}

func TestNumbersAreWrittenAsTheLanguageDoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tag, number, want string }{
		{"en", "1234567.5", "1,234,567.5"},
		{"en", "999", "999"},
		{"sv", "1234.50", "1\u00a0234,50"},
		{"sv", "-3", "−3"},
		{"de", "12500.75", "12.500,75"},
		{"pl", "1234.5", "1234,5"},
		{"pl", "12345", "12\u00a0345"},
		{"es", "1234.5", "1234,5"},
		{"es", "12345", "12.345"},
		{"fi", "50000", "50\u00a0000"},
		{"en", "4.7 kg", "4.7 kg"},
		{"en", "", ""},
		{"sv", ".5", ".5"},
	} {
		if got := In(c.tag).Amount(c.number); got != c.want {
			t.Errorf("%s: %q is %q, want %q", c.tag, c.number, got, c.want)
		}
	}
}

func TestAWordThatStandsAloneHasACapital(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{"order": "Order", "åtgärd": "Åtgärd", "": "", "L2L": "L2L", "3 delar": "3 delar"} {
		if got := Capital(word); got != want {
			t.Errorf("%q is %q, want %q", word, got, want)
		}
	}
}

func TestTheFormsAreThoseOfTheLanguage(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{
		"en": "0 other, 1 one, 2 other, 5 other, 21 other, 22 other",
		"sv": "0 other, 1 one, 2 other, 5 other, 21 other, 22 other",
		"de": "0 other, 1 one, 2 other, 5 other, 21 other, 22 other",
		"pl": "0 many, 1 one, 2 few, 5 many, 21 many, 22 few",
		"es": "0 other, 1 one, 2 other, 5 other, 21 other, 22 other",
		"fi": "0 other, 1 one, 2 other, 5 other, 21 other, 22 other",
	} {
		var got []string
		for _, n := range []int{0, 1, 2, 5, 21, 22} {
			got = append(got, fmt.Sprintf("%d %s", n, In(tag).form(n)))
		}
		if got := strings.Join(got, ", "); got != want {
			t.Errorf("%s: %s, want %s", tag, got, want)
		}
	}
}

func TestTheFormsAreThoseOfUnicode(t *testing.T) {
	names := map[plural.Form]string{plural.One: "one", plural.Few: "few", plural.Many: "many", plural.Other: "other"}
	for _, tag := range Languages() {
		c := In(tag)
		for n := range 2000 {
			for _, n := range []int{n, 1_000_000 + n} {
				if got, want := c.form(n), names[plural.Cardinal.MatchPlural(language.Make(tag), n, 0, 0, 0, 0)]; got != want || c.form(-n) != got {
					t.Fatalf("%s: %d has the form %s, and %s where it is negative; Unicode has %s", tag, n, got, c.form(-n), want)
				}
			}
		}
	}
}
