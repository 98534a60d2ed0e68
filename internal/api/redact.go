package api

import (
	"bytes"
	"encoding/base64"
	"html"
	"slices"
	"strings"
)

// This file hides a key in whatever a vendor echoes, however it is spelled there.

// shortestBase64 is how many characters of base64 must be a key's for them to be taken
// for it.
const shortestBase64 = 6

// longestEntity is how long an HTML entity of one character is at most, as &#x0000041; is.
const longestEntity = 12

// Redact returns text with every occurrence of the secret replaced by <key>: in capitals
// or small letters, with some or all of its characters written as %41, %2541, \u0041, \x41,
// \/, &#65;, &#x41;, &amp; or &amp;amp;, and in base64, by itself or within something longer,
// as user:key is.
func (k Key) Redact(text string) string { return k.redactor()(text) }

// redactor is Redact for many texts. It is a function because fmt prints no more of one
// than its address.
func (k Key) redactor() func(text string) string {
	if k.secret == nil {
		return func(text string) string { return text }
	}
	plain := newPattern(*k.secret, foldByte)
	var cores []pattern
	for _, core := range base64Cores(*k.secret) {
		cores = append(cores, newPattern(core, sameByte))
	}
	return func(text string) string { return redactBase64(redactSpelled(text, plain), cores) }
}

// redactors are those of all keys.
func redactors(keys []Key) (all []func(text string) string) {
	for _, k := range keys {
		all = append(all, k.redactor())
	}
	return all
}

// redactSpelled hides a secret whose characters stand there one after the other.
func redactSpelled(text string, secret pattern) string {
	var clean strings.Builder
	rest := text
	for {
		at, n := secret.find(rest)
		if n == 0 {
			break
		}
		clean.WriteString(rest[:at] + redacted)
		rest = rest[at+n:]
	}
	if len(rest) == len(text) {
		return text
	}
	return clean.String() + rest
}

// redactBase64 hides a secret in base64, and what it stands in: the characters beside it
// hold bits of it.
func redactBase64(text string, cores []pattern) string {
	for _, core := range cores {
		for from := 0; from < len(text); {
			at, n := core.find(text[from:])
			if n == 0 {
				break
			}
			at += from
			end := at + n
			for at > from && isBase64(text[at-1]) {
				at--
			}
			for n := base64Length(text[end:]); n > 0; n = base64Length(text[end:]) {
				end += n
			}
			text = text[:at] + redacted + text[end:]
			from = at + len(redacted)
		}
	}
	return text
}

// A pattern is a text to be found however it is spelled.
type pattern struct {
	text   string
	begins string // the characters that a spelling of it may begin with
	equal  func(a, b byte) bool
}

func newPattern(text string, equal func(a, b byte) bool) pattern {
	p := pattern{text, `%\&` + text[:1], equal}
	if other := text[0] ^ ('a' - 'A'); equal(other, text[0]) { // the same letter
		p.begins += string(rune(other))
	}
	return p
}

// find finds the pattern; n is 0 where it is not there.
func (p pattern) find(text string) (at, n int) {
	for len(text)-at >= len(p.text) {
		next := strings.IndexAny(text[at:], p.begins)
		if next < 0 {
			return 0, 0
		}
		at += next
		if n := spelledLength(text[at:], p.text, p.equal); n > 0 {
			return at, n
		}
		at++
	}
	return 0, 0
}

// base64Cores are the characters of base64 that every text has which holds the secret:
// one for each place that it may begin at within three bytes, in both alphabets.
func base64Cores(secret string) (cores []string) {
	for before := range 3 {
		whole := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", before) + secret))
		core := whole[(before*8+5)/6:]
		if (before+len(secret))%3 != 0 {
			core = core[:len(core)-1] // it holds bits of what follows
		}
		if len(core) < shortestBase64 {
			continue
		}
		cores = append(cores, core)
		if inURLs := strings.NewReplacer("+", "-", "/", "_").Replace(core); inURLs != core {
			cores = append(cores, inURLs)
		}
	}
	return cores
}

// isBase64 reports whether a character is of either alphabet.
func isBase64(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("+/-_", c) >= 0
}

// base64Length is how many bytes of a text spell a character of base64; 0 where they do
// not.
func base64Length(text string) int {
	if text == "" {
		return 0
	}
	var all [mostLayers + 1]spelling
	for _, s := range slices.Backward(all[:spellings(text, &all)]) {
		if isBase64(s.char) || s.char == '=' {
			return s.length
		}
	}
	return 0
}

func sameByte(a, b byte) bool { return a == b }

// foldByte compares characters of ASCII, capitals as small letters.
func foldByte(a, b byte) bool { return a == b || lowerByte(a) == lowerByte(b) }

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// spelledLength returns how many bytes of text spell all that is wanted from the start of
// text, 0 where they do not.
func spelledLength(text, wanted string, equal func(a, b byte) bool) int {
	if wanted == "" || text == "" || !equal(text[0], wanted[0]) && !introduces(text[0]) {
		return 0
	}
	var all [mostLayers + 1]spelling
	for _, s := range slices.Backward(all[:spellings(text, &all)]) {
		if !equal(s.char, wanted[0]) {
			continue
		}
		if len(wanted) == 1 {
			return s.length
		}
		if rest := spelledLength(text[s.length:], wanted[1:], equal); rest > 0 {
			return s.length + rest
		}
	}
	return 0
}

// A spelling is what the beginning of a text may stand for.
type spelling struct {
	char   byte
	length int
}

// mostLayers is how often one character is taken to be escaped: %252541 is three.
const mostLayers = 8

// introduces reports whether a character begins an escape.
func introduces(c byte) bool { return c == '%' || c == '\\' || c == '&' }

// spellings puts into all what the beginning of a text may stand for, the longest last: for
// its first character, and where that begins an escape, for what is escaped, which may
// begin an escape again. It returns how many they are.
func spellings(text string, all *[mostLayers + 1]spelling) (n int) {
	all[0], n = spelling{text[0], 1}, 1
	for n <= mostLayers {
		last := all[n-1]
		if !introduces(last.char) {
			break
		}
		char, more := unescaped(last.char, text[last.length:])
		if more == 0 {
			break
		}
		all[n] = spelling{char, last.length + more}
		n++
	}
	return n
}

// unescaped reads what stands behind the character that begins an escape, as 41 behind %,
// u0041, x41 or / behind a backslash, and #65; #x41; or amp; behind &. n is 0 where it is
// no escape of one character.
func unescaped(intro byte, rest string) (char byte, n int) {
	switch {
	case rest == "":
	case intro == '%':
		if char, ok := hexByte(rest); ok {
			return char, 2
		}
	case intro == '&':
		end := strings.IndexByte(rest[:min(len(rest), longestEntity)], ';')
		if plain := html.UnescapeString("&" + rest[:end+1]); end > 0 && len(plain) == 1 {
			return plain[0], end + 1
		}
	case strings.HasPrefix(rest, "u00"):
		if char, ok := hexByte(rest[3:]); ok {
			return char, 5
		}
	case rest[0] == 'x':
		if char, ok := hexByte(rest[1:]); ok {
			return char, 3
		}
	case strings.IndexByte(`"'/\`, rest[0]) >= 0:
		return rest[0], 1
	}
	return 0, 0
}

// hexByte reads two hexadecimal digits.
func hexByte(text string) (b byte, ok bool) {
	if len(text) < 2 {
		return 0, false
	}
	for _, digit := range []byte(text[:2]) {
		value := strings.IndexByte("0123456789abcdef", lowerByte(digit))
		if value < 0 {
			return 0, false
		}
		b = b<<4 | byte(value)
	}
	return b, true
}

// redactAnswer returns the body of an answer without keys, so that none goes into what is
// made of it: what is shown, logged, kept or asked for next. What is neither text nor JSON
// is left as it is: of that at most a piece is shown, and cleaned then.
func (c *Client) redactAnswer(body []byte) []byte {
	if start := bytes.TrimLeft(body, " \t\r\n"); len(start) == 0 || start[0] != '{' && start[0] != '[' {
		return body
	}
	text := string(body)
	if clean := c.redact(text); clean != text {
		return []byte(clean)
	}
	return body
}

// Redacted reports whether a key was hidden in a record. It must not be written back.
func (o Object) Redacted() bool {
	for _, raw := range o {
		if bytes.Contains(raw, []byte(redacted)) {
			return true
		}
	}
	return false
}
