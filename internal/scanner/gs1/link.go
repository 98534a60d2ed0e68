package gs1

import (
	"fmt"
	"slices"
	"strings"
)

const (
	uriPunctuation       = "-._~:/?#[]@!$&'()*+,;=%" // RFC 3986, percent included
	forbiddenInAuthority = "_~?#@!$&'()*+,;=%"       // no user, no query, no escapes before the path
)

// parseLink reads the GS1 Digital Link URI at scan[start:] (GS1 Digital Link: URI Syntax 1.3):
//
//	https://example.com/any/stem/01/09520123456788/10/ABC%2F1?17=201225&utm=x#top
//
// The last pair of path segments whose AI is a primary key begins the elements, and what
// stands before it is the stem. Query names that are numbers are AIs; other names and the
// fragment belong to the website. A URI without a primary key is any other web address.
func parseLink(scan string, start int) ([]Element, error) {
	path, query, ok := splitLink(scan, start)
	if !ok {
		return nil, ErrNotGS1
	}
	path = keyPath(scan, path)
	if path.from == path.to {
		return nil, ErrNotGS1
	}
	for i := start; i < len(scan); i++ {
		if !isAlnum(scan[i]) && strings.IndexByte(uriPunctuation, scan[i]) < 0 {
			return nil, &Error{Pos: i, Reason: "a character that no URI may hold"}
		}
	}
	authority := strings.Index(scan, "://") + len("://")
	slash := authority + strings.IndexByte(scan[authority:], '/')
	if i := strings.IndexAny(scan[authority:slash], forbiddenInAuthority); i >= 0 {
		return nil, &Error{Pos: authority + i, Reason: "a character that no domain name may hold"}
	}
	l := link{scan: scan}
	if err := l.readPath(path); err != nil {
		return nil, err
	}
	if err := l.readQuery(query); err != nil {
		return nil, err
	}
	return l.elements, nil
}

// A span is a piece of the scan, from inclusive and to exclusive.
type span struct{ from, to int }

// splitLink finds the path and the query of the URI at scan[start:]. Schemes are lower or
// upper case and not mixed, which is what the engine takes and generators write.
func splitLink(scan string, start int) (path, query span, ok bool) {
	at := start
	for _, scheme := range []string{"https://", "HTTPS://", "http://", "HTTP://"} {
		if strings.HasPrefix(scan[start:], scheme) {
			at += len(scheme)
			break
		}
	}
	slash := strings.IndexByte(scan[at:], '/')
	if at == start || slash < 1 {
		return span{}, span{}, false
	}
	path = span{at + slash, len(scan)}
	if i := strings.IndexByte(scan[path.from:], '#'); i >= 0 {
		path.to = path.from + i
	}
	query = span{path.to, path.to}
	if i := strings.IndexByte(scan[path.from:path.to], '?'); i >= 0 {
		query.from = path.from + i + 1
		path.to = path.from + i
	}
	return path, query, true
}

// keyPath walks back over the pairs "/AI/value" that end the path and returns the part
// that begins with a primary key, or nothing.
func keyPath(scan string, path span) span {
	for end := path.to; ; {
		value := strings.LastIndexByte(scan[path.from:end], '/')
		if value < 0 {
			break
		}
		begin := strings.LastIndexByte(scan[path.from:path.from+value], '/')
		if begin < 0 {
			break
		}
		ai := scan[path.from+begin+1 : path.from+value]
		if exact(ai) == nil {
			break
		}
		end = path.from + begin
		if isKey(ai) {
			return span{end, path.to}
		}
	}
	return span{}
}

// A link collects the elements of one URI.
type link struct {
	scan     string
	elements []Element
	path     []string // the AIs of the path: a primary key and its qualifiers
}

// readPath reads "/01/09520123456788/10/ABC%2F1", whose AIs keyPath has found known.
func (l *link) readPath(path span) error {
	for at := path.from; at < path.to; {
		aiEnd := at + 1 + strings.IndexByte(l.scan[at+1:path.to], '/')
		end := path.to
		if i := strings.IndexByte(l.scan[aiEnd+1:path.to], '/'); i >= 0 {
			end = aiEnd + 1 + i
		}
		ai := l.scan[at+1 : aiEnd]
		value := unescape(l.scan[aiEnd+1:end], false)
		if err := l.add(ai, value, span{aiEnd + 1, end}); err != nil {
			return err
		}
		l.path = append(l.path, ai)
		at = end
	}
	for _, k := range linkKeys {
		if k.begins(l.path) {
			return nil
		}
	}
	return &Error{Pos: path.from, AI: l.path[0], Reason: "the path holds AIs that do not qualify this key, or not in this order"}
}

// readQuery reads "17=201225&utm=x", skipping what names no AI.
func (l *link) readQuery(query span) error {
	for at := query.from; at < query.to; {
		pair := l.scan[at:query.to]
		if i := strings.IndexByte(pair, '&'); i >= 0 {
			pair = pair[:i]
		}
		ai, raw, ok := strings.Cut(pair, "=")
		if ok && ai != "" && allDigits(ai) {
			if err := l.attribute(ai, raw, at); err != nil {
				return err
			}
		}
		at += len(pair) + 1
	}
	return nil
}

// attribute adds an AI of the query, whose name stands at scan[at].
func (l *link) attribute(ai, raw string, at int) error {
	s := exact(ai)
	if s == nil {
		return &Error{Pos: at, Reason: fmt.Sprintf("%.8q is a number and yet no application identifier", ai)}
	}
	if s.flags&attribute == 0 {
		return &Error{Pos: at, AI: ai, Reason: "the AI may not stand in the query of a link"}
	}
	if slices.ContainsFunc(l.elements, func(e Element) bool { return e.AI == ai }) {
		return &Error{Pos: at, AI: ai, Reason: "the AI appears twice in the link"}
	}
	for _, k := range linkKeys {
		if k.begins(l.path) && slices.Contains(k.qualifiers, ai) {
			return &Error{Pos: at, AI: ai, Reason: "the AI belongs in the path of the link"}
		}
	}
	value := unescape(raw, true)
	if n := len(value); ai == "01" && (n == 8 || n == 12 || n == 13) {
		value = zeros[n:] + value
	}
	valueAt := at + len(ai) + 1
	return l.add(ai, value, span{valueAt, valueAt + len(raw)})
}

// add checks an element whose value was written at the given span and appends it.
func (l *link) add(ai, value string, from span) error {
	s := exact(ai)
	n, at, why := s.measure(value)
	if why == "" && n < len(value) {
		at, why = n, fmt.Sprintf("the value is longer than its %d characters", n)
	}
	e := Element{AI: ai, Value: value}
	if why == "" {
		at, why = 0, clash(l.elements, e, s)
	}
	if why == "" {
		l.elements = append(l.elements, e)
		return nil
	}
	if value != l.scan[from.from:from.to] {
		at = 0 // escapes and padding moved the characters: point at the beginning
	}
	return &Error{Pos: from.from + at, AI: ai, Reason: why}
}

// begins reports whether path is this key with some of its qualifiers in their order.
func (k *linkKey) begins(path []string) bool {
	if path[0] != k.ai {
		return false
	}
	rest := k.qualifiers
	for _, ai := range path[1:] {
		i := slices.Index(rest, ai)
		if i < 0 {
			return false
		}
		rest = rest[i+1:]
	}
	return true
}

// isKey reports whether a link may begin its elements with this AI.
func isKey(ai string) bool {
	return slices.ContainsFunc(linkKeys, func(k linkKey) bool { return k.ai == ai })
}

// unescape undoes percent-encoding. A percent sign without two hexadecimal digits stays as
// it is, and "+" is a space in a query only: both as the engine has it, and unlike net/url.
func unescape(s string, inQuery bool) string {
	if strings.IndexByte(s, '%') < 0 && (!inQuery || strings.IndexByte(s, '+') < 0) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			out = append(out, hexValue(s[i+1])<<4|hexValue(s[i+2]))
			i += 2
		case s[i] == '+' && inQuery:
			out = append(out, ' ')
		default:
			out = append(out, s[i])
		}
	}
	return string(out)
}

func hexValue(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}
