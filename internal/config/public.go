package config

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Removed stands in the place of what Public removes.
const Removed = "<removed>"

// Public returns the text of a configuration for whoever must not see a secret: line by line
// the same, without its comments, without what stands under a name of secrets (key = "…",
// token, hash, pin, …), without text that looks like a key by itself, and without the user, the
// path and the query of an address of the plant's own ([alert], [webhook]), which are how it
// knows a station. Keys are never in a configuration; this is for a file in which somebody has
// put one all the same, and for one with any fault: it reads characters and not TOML.
func Public(text []byte) []byte {
	p := publisher{rest: string(text)}
	for p.rest != "" {
		p.step()
	}
	return []byte(p.out.String())
}

// A publisher goes through a text.
type publisher struct {
	rest  string
	out   strings.Builder
	table string // the header above
	key   string // the last word before an equals sign
	word  string // the word that is being read
}

var (
	// secretKey matches the names of values that are secrets where they are text.
	secretKey = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(key|secret|token|pin|pass|hash|salt|credentials?|auth)$`)
	})

	address = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)(.*)$`) })
)

// spelled reports whether a name that secretKey matches has a value that is no secret.
func spelled(key string) bool {
	return slices.Contains([]string{"auth", "certificate_key", "credential", "file"}, key)
}

// openPath reports whether the addresses of a table have no secret in their paths. Elsewhere one
// may be, as in a webhook's, and a variable does not say what it is for.
func openPath(table string) bool {
	return slices.Contains([]string{"l2l", "lagerkoll", "printer"}, table)
}

// step takes the next piece: a string, a comment, an end of line, or one character.
func (p *publisher) step() {
	switch c := p.rest[0]; c {
	case '#':
		end := strings.IndexByte(p.rest, '\n')
		if end < 0 {
			end = len(p.rest)
		}
		p.out.WriteString("#")
		p.rest = p.rest[end:]
	case '"', '\'':
		p.quoted(c)
	case '\n':
		p.take()
		p.word = ""
		p.header(strings.TrimLeft(p.rest, " \t"))
	case '=':
		p.key, p.word = p.word, ""
		p.take()
	case ',', '{', '.':
		p.word = ""
		p.take()
	case ' ', '\t', '\r':
		p.take()
	default:
		p.word += string(c)
		p.take()
	}
}

// header notes the table if a line is the header of one: [l2l], [[scanner]], ["l2l"].
func (p *publisher) header(line string) {
	inside := strings.TrimLeft(line, "[")
	if inside == line {
		return
	}
	inside = strings.TrimPrefix(strings.TrimLeft(inside, " \t\n\f\r"), `"`)
	if end := nameLength(inside); end > 0 {
		p.table = inside[:end]
	}
}

// take takes a character as it is.
func (p *publisher) take() {
	if p.out.Len() == 0 && p.table == "" { // the first line may be a header
		p.header(p.rest)
	}
	p.out.WriteString(p.rest[:1])
	p.rest = p.rest[1:]
}

// quoted takes a string. One that does not end on its line is removed to that end.
func (p *publisher) quoted(quote byte) {
	mark := string(quote)
	if triple := strings.Repeat(mark, 3); strings.HasPrefix(p.rest, triple) {
		inside := p.rest[3:]
		end := strings.Index(inside, triple)
		if end < 0 {
			end = len(inside)
		}
		lines := strings.Split(inside[:end], "\n")
		for i, line := range lines {
			lines[i] = p.public(line)
		}
		p.out.WriteString(triple + strings.Join(lines, "\n") + inside[end:min(len(inside), end+3)])
		p.rest = inside[min(len(inside), end+3):]
		return
	}
	for i := 1; i < len(p.rest) && p.rest[i] != '\n'; i++ {
		switch {
		case p.rest[i] == '\\' && quote == '"':
			i++
		case p.rest[i] == quote:
			inside := p.rest[1:i]
			p.rest = p.rest[i+1:]
			if strings.HasPrefix(strings.TrimLeft(p.rest, " \t"), "=") { // it is a key
				p.word = inside
				p.out.WriteString(mark + inside + mark)
				return
			}
			p.out.WriteString(mark + p.public(inside) + mark)
			return
		}
	}
	end := strings.IndexByte(p.rest, '\n')
	if end < 0 {
		end = len(p.rest)
	}
	p.out.WriteString(mark + Removed)
	p.rest = p.rest[end:]
}

// likeKey reports whether text is such as nobody would write but for a key.
func likeKey(text string) bool {
	const shortest, signs = 20, "+=_.$,-"
	return len(text) >= shortest && text[0] != '/' && strings.Trim(text, letters+digits+signs+"/") == ""
}

// public is what of a value everybody may see.
func (p *publisher) public(value string) string {
	if value == "" {
		return ""
	}
	if parts := address().FindStringSubmatch(value); parts != nil {
		scheme, host, rest := parts[1], parts[2], parts[3]
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			host = Removed + host[at:]
		}
		if path, _, asked := strings.Cut(rest, "?"); asked {
			rest = path + "?" + Removed
		}
		if !openPath(p.table) && rest != "" && rest != "/" {
			rest = "/" + Removed
		}
		return scheme + host + rest
	}
	switch {
	case secretKey().MatchString(p.key) && !spelled(p.key):
		return Removed
	case strings.ContainsAny(value, digits) && strings.ContainsAny(value, letters) && likeKey(value):
		return Removed
	}
	return value
}
