package api

import (
	"bytes"
	"encoding/json"
	"errors"
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
		clean := key.Redact("before " + spelling + " after")
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

func TestWhatEditorsPutAroundAKeyIsNoPartOfIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want, fault string }{
		"as it should be":               {file: "s3kr1t=+/-_\n", want: "s3kr1t=+/-_"},
		"a byte order mark":             {file: "\xef\xbb\xbfs3kr1t\n", want: "s3kr1t"},
		"Windows' line ends":            {file: "\r\ns3kr1t\r\n\r\n", want: "s3kr1t"},
		"quotation marks":               {file: "\"s3kr1t\"", want: "s3kr1t"},
		"the other quotation marks":     {file: " 's3kr1t' \n", want: "s3kr1t"},
		"all of it":                     {file: "\xef\xbb\xbf\r\n\t\"s3kr1t\"\r\n", want: "s3kr1t"},
		"padding of base64":             {file: "QUJDREVGRw==\n", want: "QUJDREVGRw=="},
		"a sign within, and no name":    {file: "abc123=def456", want: "abc123=def456"},
		"nothing":                       {fault: "it is empty"},
		"blank lines":                   {file: "\xef\xbb\xbf\r\n \n", fault: "it is empty"},
		"quotation marks around none":   {file: `""`, fault: "empty or shorter"},
		"two lines":                     {file: "s3kr1t\ns3kr1t2\n", fault: "2 lines"},
		"a setting":                     {file: "L2L_KEY=s3kr1t", fault: "a name stands in front"},
		"a setting of a shell":          {file: "export KEY=\"s3kr1t\"", fault: "a name stands in front"},
		"a setting with a word":         {file: "api-key: s3kr1t", fault: "a name stands in front"},
		"one quotation mark":            {file: "\"s3kr1t", fault: "one side"},
		"one quotation mark at the end": {file: "s3kr1t'", fault: "one side"},
		"a quotation mark alone":        {file: `"`, fault: "one side"},
		"UTF-16":                        {file: "\xff\xfes\x003\x00", fault: "UTF-16"},
		"letters of elsewhere":          {file: "s\u00e4kr1t", fault: "printable ASCII"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "l2l.key")
			if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			key, err := KeyFrom{File: path}.Read()
			switch {
			case c.fault == "" && (err != nil || key.Reveal() != c.want):
				t.Errorf("%v", err)
			case c.fault != "" && (!errors.Is(err, ErrKeyUnusable) || !strings.Contains(err.Error(), c.fault) || strings.Contains(err.Error(), "s3kr1t")):
				t.Errorf("%v", err)
			}
		})
	}
}
