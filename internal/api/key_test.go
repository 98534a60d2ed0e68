package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// canary is a key with everything in it that gets written differently somewhere.
const canary = "cAn4ry/+k=y&%41"

func canaryKey(t *testing.T) Key {
	t.Helper()
	key, err := NewKey(canary)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAKeyIsNeverPrinted(t *testing.T) {
	t.Parallel()
	key := canaryKey(t)
	nested := struct {
		Key Key
		key Key
		ptr *Key
	}{key, key, &key}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("text", "key", key, "nested", nested)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("json", "key", key, "nested", nested)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p", "%w"} {
		fmt.Fprintf(&log, verb, key)
		fmt.Fprintf(&log, verb, nested)
		fmt.Fprintf(&log, verb, &nested)
		fmt.Fprintf(&log, verb, []Key{key})
	}
	if err := json.NewEncoder(&log).Encode(map[string]any{"key": key, "nested": nested}); err != nil {
		t.Fatal(err)
	}
	for _, spelling := range []string{canary, url.QueryEscape(canary), fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary)} {
		if strings.Contains(log.String(), spelling) {
			t.Errorf("the key is printed:\n%s", log.String())
		}
	}
	if key.Reveal() != canary {
		t.Error("the key itself is lost")
	}
}

func TestAKeyIsHiddenInEverySpelling(t *testing.T) {
	t.Parallel()
	key := canaryKey(t)
	everyByte := ""
	for i := range len(canary) {
		everyByte += fmt.Sprintf("%%%02x", canary[i])
	}
	for _, spelling := range []string{
		canary, url.QueryEscape(canary), url.PathEscape(canary), strings.ToLower(url.QueryEscape("/+")) + "x",
		everyByte, url.QueryEscape(url.QueryEscape(canary)), `cAn4ry/+k=y\u0026%41`, `cAn4ry\x2f+k=y&%41`,
	} {
		clean := key.Hide("before " + spelling + " after")
		if strings.HasPrefix(spelling, "%2f%2bx") {
			if clean != "before "+spelling+" after" {
				t.Errorf("what is not the key was taken for it: %s", clean)
			}
			continue
		}
		if clean != "before <key> after" {
			t.Errorf("%s became %s", spelling, clean)
		}
	}
}

func TestAKeyIsReadFromAFileOrACredential(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir) // so it cannot be parallel
	path := filepath.Join(dir, "l2l.key")
	if err := os.WriteFile(path, []byte("  "+canary+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, from := range []KeyFrom{{File: path}, {Credential: "l2l.key"}} {
		key, err := from.Read()
		if err != nil || key.Reveal() != canary {
			t.Errorf("%+v: %v", from, err)
		}
	}
	for name, content := range map[string]string{
		"a file with two lines":    canary + "\n" + canary,
		"an empty file":            "\n",
		"a file that is too short": "abc",
		"some other file":          strings.Repeat(canary, 1000),
		"a file in another script": canary + "å",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := KeyFrom{File: path}.Read()
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (KeyFrom{File: filepath.Join(dir, "missing")}).Read(); err == nil {
		t.Error("a file that is not there was read")
	}
}
