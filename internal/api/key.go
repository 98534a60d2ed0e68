package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
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

// ErrKeyUnusable is wrapped by the error of Read: the key is missing, cannot be read,
// is no key, or is everybody's. A person has to act.
var ErrKeyUnusable = errors.New("the key cannot be used")

// ErrKeyExposed is wrapped by the error of Read where others than the key file's owner
// and group may read or change it. Of a credential systemd sees to that.
var ErrKeyExposed = errors.New("every account of this machine may read it")

// forOthers are the bits of a mode with which others read or change a file.
const forOthers = 0o006

// Read fetches the secret. What editors put around it is no part of it: a byte order
// mark, ends of lines, blank lines, spaces, and quotation marks on both sides. No
// error shows what was read, and each wraps ErrKeyUnusable.
func (f KeyFrom) Read() (Key, error) {
	key, err := f.read()
	if err != nil {
		return Key{}, unusable{err}
	}
	return key, nil
}

// An unusable is why a key cannot be used, in its own words.
type unusable struct{ error }

func (unusable) Is(target error) bool { return target == ErrKeyUnusable }
func (e unusable) Unwrap() error      { return e.error }

func (f KeyFrom) read() (Key, error) {
	path := f.path()
	if f.Credential != "" && path == "" {
		return Key{}, fmt.Errorf("credential %s: systemd handed over no credentials: name it in LoadCredential= of the unit, or use a file", f.Credential)
	}
	if path == "" {
		return Key{}, errors.New("no key is named: give a file or a credential")
	}
	file, err := os.Open(path)
	if err != nil {
		return Key{}, fmt.Errorf("key: %w", err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && f.Credential == "" && info.Mode().Perm()&forOthers != 0 {
		return Key{}, fmt.Errorf("key file %s: %w (mode %04o): give it the station's group, and chmod 640 %s", path, ErrKeyExposed, info.Mode().Perm(), path)
	}
	secret, err := io.ReadAll(io.LimitReader(file, keyLimit+1))
	if err != nil {
		return Key{}, fmt.Errorf("key: %w", err)
	}
	if len(secret) > keyLimit {
		return Key{}, fmt.Errorf("key file %s: longer than %d bytes: it holds something else than a key", path, keyLimit)
	}
	text, err := trimKey(secret)
	if err != nil {
		return Key{}, fmt.Errorf("key file %s: %w", path, err)
	}
	key, err := NewKey(text)
	if err != nil {
		return Key{}, fmt.Errorf("key file %s: %w", path, err)
	}
	return key, nil
}

// assignment is how a line of a file of settings begins: L2L_KEY=, export KEY=.
var assignment = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:(?:export\s+[A-Za-z_][A-Za-z0-9_]*|[A-Z][A-Z0-9_]{2,}) *=|(?i:[a-z0-9_-]*(?:key|token|secret|password)) *[=:]) *[^=\s]`)
})

// trimKey takes off what editors and habits put around a key. What could be a part
// of it is left, and what is more than a key is an error.
//
//	EF BB BF "k3y" 0D 0A     k3y
func trimKey(file []byte) (string, error) {
	switch {
	case bytes.HasPrefix(file, []byte("\xff\xfe")), bytes.HasPrefix(file, []byte("\xfe\xff")):
		return "", errors.New("it is saved as UTF-16: save it as UTF-8 or plain text")
	}
	file = bytes.TrimPrefix(file, []byte("\xef\xbb\xbf"))
	var lines [][]byte
	for _, line := range bytes.FieldsFunc(file, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			lines = append(lines, line)
		}
	}
	switch {
	case len(lines) == 0:
		return "", errors.New("it is empty: put the key into it, one line")
	case len(lines) > 1:
		return "", fmt.Errorf("it has %d lines with something on them: leave the one with the key", len(lines))
	}
	line := lines[0]
	if assignment().Match(line) {
		return "", errors.New("a name stands in front of the key, as in a file of settings: leave only what stands behind the sign")
	}
	first, last := line[0], line[len(line)-1]
	switch quoted := first == '"' || first == '\''; {
	case quoted && len(line) > 1 && last == first:
		line = line[1 : len(line)-1]
	case quoted || last == '"' || last == '\'':
		return "", errors.New("a quotation mark stands on one side of the key alone: take it away")
	}
	return string(bytes.TrimSpace(line)), nil
}

// path is where the secret lies; "" where nothing is named, or no credentials were
// handed over.
func (f KeyFrom) path() string {
	if f.Credential == "" {
		return f.File
	}
	dir := os.Getenv("CREDENTIALS_DIRECTORY") // systemd.exec(5), LoadCredential=
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, f.Credential)
}

// ParseKey takes a secret out of the text of a file, as Read does.
func ParseKey(file []byte) (Key, error) {
	if len(file) > keyLimit {
		return Key{}, fmt.Errorf("longer than %d bytes: it holds something else than a key", keyLimit)
	}
	text, err := trimKey(file)
	if err != nil {
		return Key{}, err
	}
	return NewKey(text)
}

// A Key is a secret that cannot be shown by accident: every way of printing it
// prints <key>. It sits behind a pointer because fmt prints what lies in
// unexported fields of other structs without asking it.
type Key struct{ secret *string }

// redacted is what stands where a key would.
const redacted = "<key>"

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
	_, _ = io.WriteString(f, redacted) // fmt gathers in memory, where nothing goes wrong
}

// String returns <key>.
func (k Key) String() string { return redacted }

// MarshalText returns <key>; JSON, XML, TOML and slog all ask it.
func (k Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }
