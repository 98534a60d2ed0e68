package api

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"stationd/internal/station"
)

// spellingsOf is a secret as vendors and what stands before them echo it.
func spellingsOf(secret string) map[string]string {
	each := func(format string) string {
		var all strings.Builder
		for i := range len(secret) {
			fmt.Fprintf(&all, format, secret[i])
		}
		return all.String()
	}
	quoted, _ := json.Marshal(secret)
	return map[string]string{
		"as it is":                    secret,
		"capitals":                    strings.ToUpper(secret),
		"small letters":               strings.ToLower(secret),
		"HTML":                        html.EscapeString(secret),
		"HTML twice":                  html.EscapeString(html.EscapeString(secret)),
		"HTML, by numbers":            each("&#%d;"),
		"HTML, by numbers with zeros": each("&#x%06X;"),
		"HTML, by numbers, twice":     html.EscapeString(each("&#%d;")),
		"percent":                     each("%%%02X"),
		"percent twice":               url.QueryEscape(url.QueryEscape(secret)),
		"percent in capitals":         strings.ToUpper(url.QueryEscape(secret)),
		"JSON":                        strings.Trim(string(quoted), `"`),
		"JSON, by numbers":            each(`\u%04x`),
		"JSON with slashes":           strings.ReplaceAll(secret, "/", `\/`),
		"base64":                      base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 of user:key":          base64.StdEncoding.EncodeToString([]byte("user:" + secret)),
		"base64 of a longer user:key": base64.StdEncoding.EncodeToString([]byte("station7:" + secret)),
		"base64 of another user:key":  base64.StdEncoding.EncodeToString([]byte("pack4-1:" + secret)),
		"base64 of key:":              base64.StdEncoding.EncodeToString([]byte(secret + ":")),
		"base64 of key and more":      base64.RawStdEncoding.EncodeToString([]byte(secret + ":x-and-more")),
		"base64 for URLs":             base64.RawURLEncoding.EncodeToString([]byte("user:" + secret)),
		"base64 in JSON":              strings.ReplaceAll(base64.StdEncoding.EncodeToString([]byte(secret)), "/", `\/`),
		"base64 in a URL":             url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("user:" + secret))),
	}
}

// canaries are keys with everything in them that is written differently somewhere.
func canaries() []string {
	return []string{canary, "demo-l2l-key", `Q"<>'&\/=+~?%`, "abcdef", "0123456789abcdef0123456789abcdef", "<<<>>>???"}
}

func TestAKeyIsHiddenHoweverItIsEchoed(t *testing.T) {
	t.Parallel()
	for _, secret := range canaries() {
		key, err := NewKey(secret)
		if err != nil {
			t.Fatal(err)
		}
		for name, spelling := range spellingsOf(secret) {
			for _, around := range []string{"%s", `"%s"`, "key is %s here", "(%s)", "auth=%s&x=1"} {
				text := fmt.Sprintf(around, spelling)
				if clean, want := key.Redact(text), fmt.Sprintf(around, redacted); clean != want {
					t.Errorf("%s, %s: %s became %s, want %s", secret, name, text, clean, want)
				}
			}
		}
		for _, other := range []string{"Shift not started", "dispatch 90017 is closed", "&amp;&lt;&#65;%41\\u0041", "dXNlcjpub3RoaW5nIG9mIGl0", ""} {
			if clean := key.Redact(other); clean != other {
				t.Errorf("%s: what is not the key was taken for it: %s", secret, clean)
			}
		}
	}
}

// A text has the key in some spelling, and whatever else: nothing of the key is left.
func FuzzAKeyIsHidden(f *testing.F) {
	for name := range spellingsOf(canary) {
		f.Add(canary, name, "before ", " after")
	}
	f.Add("%25%25%25", "percent twice", "%", "25")
	f.Add("&amp;amp;", "HTML", "&", ";")
	f.Add(`\\\\\\`, "JSON", `\`, `\`)
	f.Fuzz(func(t *testing.T, secret, name, before, after string) {
		key, err := NewKey(secret)
		spelling, known := spellingsOf(secret)[name]
		if err != nil || !known || len(before)+len(after)+len(secret) > 2000 {
			return
		}
		clean := key.Redact(before + spelling + after)
		if strings.Contains(clean, spelling) && !strings.Contains(redacted, spelling) && !strings.Contains(before+after, spelling) {
			t.Errorf("%q is left in %q", spelling, clean)
		}
		if key.Redact(clean) != clean && !strings.Contains(redacted, secret[:1]) {
			t.Errorf("%q becomes %q when it is cleaned again", clean, key.Redact(clean))
		}
	})
}

// What a vendor echoes goes nowhere: neither into errors nor into what is made of its
// records, nor into the log.
func TestAVendorEchoesTheKeyInItsRecords(t *testing.T) {
	t.Parallel()
	for name, spelling := range spellingsOf(canary) {
		for _, status := range []int{http.StatusOK, http.StatusBadRequest, http.StatusInternalServerError} {
			quoted, err := json.Marshal(map[string]any{"name": "seen: " + spelling, "list": []string{spelling}, "ok": status == http.StatusOK})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = w.Write(quoted)
			}))
			var log strings.Builder
			c := New(Settings{Base: server.URL + "/", Keys: []Key{canaryKey(t)}, Every: time.Microsecond, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
			body, rc := c.Do(t.Context(), Request{Method: http.MethodGet, Path: "x", Interpret: func(body []byte) Answer {
				o, _ := ReadObject(body)
				text, _ := o.Text("name")
				if ok, _ := o.Truth("ok"); ok {
					return Answer{Word: Yes, Text: text}
				}
				return Answer{Word: No, Text: text}
			}})
			server.Close()
			said := log.String()
			if rc.Err != nil {
				said += rc.Err.Error()
			}
			if status == http.StatusOK {
				o, isObject := ReadObject(body)
				text, _ := o.Text("name")
				if rc.Outcome != station.Delivered || !isObject || text != "seen: "+redacted || !o.Redacted() {
					t.Errorf("%s: the record is %s", name, body)
				}
				said += string(body)
			}
			if strings.Contains(said, spelling) || strings.Contains(said, canary) {
				t.Errorf("%s with %d: the key is in %s", name, status, said)
			}
		}
	}
}

func BenchmarkRedact(b *testing.B) {
	key, err := NewKey("0123456789abcdef0123456789abcdef")
	if err != nil {
		b.Fatal(err)
	}
	redact := key.redactor()
	text := strings.Repeat(`{"id": 90017, "description": "Help needed at SEAL-1 & LABEL-1", "reported": "2026-03-02 06:00:10"}, `, 1000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := io.WriteString(io.Discard, redact(text)); err != nil {
			b.Fatal(err)
		}
	}
}
