package gs1

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// line writes a spec as the dictionary does, without titles and requisites.
func line(s spec) string {
	words := []string{s.first}
	if s.last != s.first {
		words[0] += "-" + s.last
	}
	marks := ""
	if s.flags&fixed != 0 {
		marks += "*"
	}
	if s.flags&attribute != 0 {
		marks += "?"
	}
	if marks != "" {
		words = append(words, marks)
	}
	for _, p := range s.parts {
		word := fmt.Sprintf("%c%d", p.set, p.max)
		if p.min != p.max {
			word = fmt.Sprintf("%c..%d", p.set, p.max)
		}
		if p.optional {
			word = "[" + word + "]"
		}
		for _, c := range p.checks {
			name := runtime.FuncForPC(reflect.ValueOf(c).Pointer()).Name()
			word += "," + name[strings.LastIndexByte(name, '.')+1:]
		}
		words = append(words, word)
	}
	if s.not != nil {
		words = append(words, "ex="+strings.Join(s.not, ","))
	}
	var alternatives []string
	for _, k := range linkKeys {
		if k.ai == s.first {
			alternatives = append(alternatives, strings.Join(k.qualifiers, ","))
		}
	}
	if alternatives != nil {
		words = append(words, strings.TrimSuffix("dlpkey="+strings.Join(alternatives, "|"), "="))
	}
	return strings.Join(words, " ")
}

// linkPart is the word if it tells a link key, and nothing otherwise.
func linkPart(word string) string {
	if strings.HasPrefix(word, "dlpkey") {
		return word
	}
	return ""
}

func TestTheTableSaysWhatTheDictionarySays(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/syntax-dictionary.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "# Release: 2026-01-27\n") {
		t.Fatal("the dictionary is not of the release that table.go names")
	}
	wildcard := regexp.MustCompile(`n+(,|$)`) // "310n" excludes all that begin with 310
	var want, got []string
	for entry := range strings.Lines(string(text)) {
		entry, _, _ = strings.Cut(entry, "#")
		words := slices.DeleteFunc(strings.Fields(entry), func(w string) bool { return strings.HasPrefix(w, "req=") })
		for i, w := range words {
			if list, ok := strings.CutPrefix(w, "ex="); ok {
				words[i] = "ex=" + wildcard.ReplaceAllString(list, "$1")
			}
		}
		// 255 alone names its link key before what it excludes.
		slices.SortStableFunc(words, func(a, b string) int {
			return strings.Compare(linkPart(a), linkPart(b))
		})
		if len(words) > 0 {
			want = append(want, strings.Join(words, " "))
		}
	}
	for _, s := range table {
		got = append(got, line(s))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-dictionary +table:\n%s", diff)
	}
}

func TestTheTableKeepsTheOrderThatFindReliesOn(t *testing.T) {
	t.Parallel()
	for i, s := range table {
		last := len(s.first) - 1
		if len(s.last) != len(s.first) || s.last[:last] != s.first[:last] || s.last < s.first {
			t.Errorf("%s-%s differ in more than the last digit", s.first, s.last)
		}
		if i == 0 {
			continue
		}
		before := table[i-1]
		if before.last >= s.first || strings.HasPrefix(s.first, before.last) {
			t.Errorf("%s does not come after %s, or begins with it", s.first, before.last)
		}
	}
}

func TestOnlyTheLastPartsOfAValueVary(t *testing.T) {
	t.Parallel()
	for _, s := range table {
		for i, p := range s.parts {
			if i < len(s.parts)-1 && (p.min != p.max || p.optional && !s.parts[i+1].optional) {
				t.Errorf("AI %s: part %d varies and is not the last", s.first, i+1)
			}
		}
	}
}
