package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// keyLimit is how long a key file may be; a longer one is some other file.
const keyLimit = 4096

// KeyFrom says where a secret is kept: in a file, or in a credential that
// systemd hands over. The secret itself never stands in a configuration.
type KeyFrom struct {
	File       string `toml:"file"`
	Credential string `toml:"credential"`
}

// Given reports whether the configuration says anything about the secret.
func (f KeyFrom) Given() bool { return f != KeyFrom{} }

// Check reports what is wrong with the place, without opening it, under the
// configuration's own name for it.
func (f KeyFrom) Check(name string, fault func(key, text string)) {
	switch {
	case f.File != "" && f.Credential != "":
		fault(name, "names both a file and a credential: keep one")
	case f.File != "" && !filepath.IsAbs(f.File):
		fault(name, fmt.Sprintf("file %q must be an absolute path", f.File))
	case strings.ContainsRune(f.Credential, '/'):
		fault(name, fmt.Sprintf("credential %q must be a name without slashes", f.Credential))
	}
}

// Read fetches the secret. White space around it is no part of it. No error
// shows what was read.
func (f KeyFrom) Read() (Key, error) {
	path := f.File
	if f.Credential != "" {
		dir := os.Getenv("CREDENTIALS_DIRECTORY") // systemd.exec(5), LoadCredential=
		if dir == "" {
			return Key{}, fmt.Errorf("credential %s: systemd handed over no credentials: name it in LoadCredential= of the unit, or use a file", f.Credential)
		}
		path = filepath.Join(dir, f.Credential)
	}
	if path == "" {
		return Key{}, errors.New("no key is named: give a file or a credential")
	}
	file, err := os.Open(path)
	if err != nil {
		return Key{}, fmt.Errorf("key: %w", err)
	}
	defer file.Close()
	secret, err := io.ReadAll(io.LimitReader(file, keyLimit+1))
	if err != nil {
		return Key{}, fmt.Errorf("key: %w", err)
	}
	if len(secret) > keyLimit {
		return Key{}, fmt.Errorf("key file %s: longer than %d bytes: it holds something else than a key", path, keyLimit)
	}
	key, err := NewKey(string(bytes.TrimSpace(secret)))
	if err != nil {
		return Key{}, fmt.Errorf("key file %s: %w", path, err)
	}
	return key, nil
}

// A Key is a secret that cannot be shown by accident: every way of printing it
// prints <key>. It sits behind a pointer because fmt prints what lies in
// unexported fields of other structs without asking it.
type Key struct{ secret *string }

// hidden is what stands where a key would.
const hidden = "<key>"

// NewKey takes a secret in. It must be fit for a header line and long enough
// that hiding it does not hide half of every text.
func NewKey(secret string) (Key, error) {
	if len(secret) < 6 {
		return Key{}, errors.New("empty or shorter than 6 characters: it is not a key")
	}
	for i := range len(secret) {
		if secret[i] <= ' ' || secret[i] > '~' {
			return Key{}, fmt.Errorf("byte %d is not a printable ASCII character: a key is one line", i+1)
		}
	}
	return Key{&secret}, nil
}

// Reveal returns the secret itself, for the one place that puts it into a request.
func (k Key) Reveal() string {
	if k.secret == nil {
		return ""
	}
	return *k.secret
}

// Format prints <key>, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, hidden) // fmt gathers in memory, where nothing goes wrong
}

// String returns <key>.
func (k Key) String() string { return hidden }

// MarshalText returns <key>; JSON, XML, TOML and slog all ask it.
func (k Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Hide returns text with every occurrence of the secret replaced by <key>, also
// where some or all of its bytes are written as %41, %2541, \u0041 or \x41.
func (k Key) Hide(text string) string {
	if k.secret == nil {
		return text
	}
	var clean strings.Builder
	for i := 0; i < len(text); {
		if n := spelled(text[i:], *k.secret); n > 0 {
			clean.WriteString(hidden)
			i += n
			continue
		}
		clean.WriteByte(text[i])
		i++
	}
	return clean.String()
}

// spelled returns how many bytes of text spell the whole secret from the start
// of text, 0 where they do not.
func spelled(text, secret string) int {
	n := 0
	for i := range len(secret) {
		m := spelledByte(text[n:], secret[i])
		if m == 0 {
			return 0
		}
		n += m
	}
	return n
}

// spelledByte returns how many bytes of text spell c: itself, %41 with any
// number of 25 between (encoded again and again), \u0041, or \x41.
func spelledByte(text string, c byte) int {
	if text == "" {
		return 0
	}
	hex := fmt.Sprintf("%02x", c)
	for _, escape := range []string{"%", `\u00`, `\x`} {
		rest, found := strings.CutPrefix(text, escape)
		if !found {
			continue
		}
		for escape == "%" && strings.HasPrefix(rest, "25") && (hex != "25" || strings.HasPrefix(rest, "2525")) {
			rest = rest[2:]
		}
		if len(rest) >= 2 && strings.EqualFold(rest[:2], hex) {
			return len(text) - len(rest) + 2
		}
	}
	if text[0] == c {
		return 1
	}
	return 0
}
