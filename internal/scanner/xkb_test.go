package scanner

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// Where Debian has the keyboards of the kernel's and of every desktop (xkb-data), and
// the names of their characters (x11proto-dev).
const (
	xkbSymbols = "/usr/share/X11/xkb/symbols"
	xkbNames   = "/usr/include/X11/keysymdef.h"
)

// xkb reads xkb-data's description of keyboards as far as letters go.
type xkb struct {
	t     *testing.T
	names map[string]rune
}

var (
	xkbSection = regexp.MustCompile(`((?:\w+\s+)*)xkb_symbols\s+"([^"]+)"\s*\{`)
	xkbPart    = regexp.MustCompile(`(?s)include\s+"([^"]+)"|key\s+<(\w+)>\s*\{(.*?)\}\s*;`)
	xkbRemark  = regexp.MustCompile(`//[^\n]*`)
	xkbLevels  = regexp.MustCompile(`(?s)type\[\w+\]\s*=\s*"[^"]*"\s*,|symbols\[Group1\]\s*=`)
	xkbList    = regexp.MustCompile(`(?s)\[([^\]]*)\]`)
)

// load returns the names on the keys of a keyboard: "latin", "latin(type2)".
func (x *xkb) load(name string) map[string][]string {
	file, section, _ := strings.Cut(strings.TrimSuffix(name, ")"), "(")
	text, err := os.ReadFile(filepath.Join(xkbSymbols, file))
	if err != nil {
		x.t.Fatal(err)
	}
	all := xkbRemark.ReplaceAllString(string(text), "")
	body := ""
	for _, at := range xkbSection.FindAllStringSubmatchIndex(all, -1) {
		marks, title := all[at[2]:at[3]], all[at[4]:at[5]]
		if title == section || section == "" && (strings.Contains(marks, "default") || body == "" && title == "basic") {
			depth, end := 1, at[1]
			for ; depth > 0; end++ {
				switch all[end] {
				case '{':
					depth++
				case '}':
					depth--
				}
			}
			body = all[at[1] : end-1]
			break
		}
	}
	keys := make(map[string][]string)
	for _, part := range xkbPart.FindAllStringSubmatch(body, -1) {
		if part[1] != "" {
			for _, include := range strings.FieldsFunc(part[1], func(r rune) bool { return r == '+' || r == '|' }) {
				if strings.HasPrefix(include, "level") || strings.HasPrefix(include, "kpdl") || strings.HasPrefix(include, "nbsp") || strings.HasPrefix(include, "keypad") {
					continue
				}
				maps.Copy(keys, x.load(include))
			}
			continue
		}
		list := xkbList.FindStringSubmatch(xkbLevels.ReplaceAllString(part[3], ""))
		if list == nil {
			continue
		}
		old := keys[part[2]]
		var names []string
		for i, name := range strings.Split(list[1], ",") {
			if name = strings.TrimSpace(name); name == "NoSymbol" && i < len(old) {
				name = old[i]
			}
			names = append(names, name)
		}
		if len(old) > len(names) {
			names = append(names, old[len(names):]...)
		}
		keys[part[2]] = names
	}
	return keys
}

// character returns what a name stands for; a dead key for its accent.
func (x *xkb) character(name string) rune {
	dead := map[string]rune{"dead_acute": '´', "dead_grave": '`', "dead_circumflex": '^', "dead_diaeresis": '¨', "dead_tilde": '~', "dead_cedilla": '¸'}
	if r := dead[name]; r != 0 {
		return r
	}
	if len([]rune(name)) == 1 {
		return []rune(name)[0]
	}
	if n, err := strconv.ParseUint(strings.TrimPrefix(name, "U"), 16, 32); err == nil && strings.HasPrefix(name, "U") {
		return rune(n)
	}
	return x.names[name]
}

// xkbKeys are the keys of our rows by xkb's names.
func xkbKeys() [4][]string {
	row := func(first, prefix string, n int, last ...string) []string {
		var all []string
		if first != "" {
			all = append(all, first)
		}
		for i := range n {
			all = append(all, prefix+strconv.Itoa(100 + i + 1)[1:])
		}
		return append(all, last...)
	}
	return [4][]string{row("TLDE", "AE", 12), row("", "AD", 12), row("", "AC", 11, "BKSL"), row("LSGT", "AB", 10)}
}

func TestTheLayoutsAreThoseOfXKB(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(xkbNames)
	if _, missing := os.Stat(xkbSymbols); err != nil || missing != nil {
		t.Skipf("xkb-data and x11proto-dev are not here, so nothing was proved about the layouts of keyboards: %v, %v", err, missing)
	}
	x := &xkb{t: t, names: make(map[string]rune)}
	for _, m := range regexp.MustCompile(`(?m)^#define XK_(\w+)\s+0x\w+\s+/\*[ (]*U\+([0-9A-F]+)`).FindAllStringSubmatch(string(text), -1) {
		n, _ := strconv.ParseUint(m[2], 16, 32)
		x.names[m[1]] = rune(n)
	}
	// Alone and with Shift all are the same. With AltGr, Windows, which scanners are made
	// for, has letters and signs elsewhere than xkb; what labels are made of is ASCII.
	for _, l := range layouts() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			theirs := x.load(l.name)
			ours, _ := findLayout(l.name)
			compared := 0
			for row, codes := range rows() {
				for column, code := range codes {
					key := xkbKeys()[row][column]
					names := theirs[key]
					if len(names) == 0 {
						continue
					}
					printed := ours.keys[code]
					var there []rune
					for _, name := range names {
						there = append(there, x.character(name))
					}
					for i, r := range printed {
						switch {
						case r == 0, i >= 2 && r >= utf8.RuneSelf:
						case i < 2 && (i >= len(there) || there[i] != r), i >= 2 && !slices.Contains(there, r):
							t.Errorf("%s types %q with %d, and xkb has %q (%v)", key, r, i, string(there), names)
						default:
							compared++
						}
					}
				}
			}
			if compared < 90 {
				t.Errorf("only %d characters were compared", compared)
			}
		})
	}
}
