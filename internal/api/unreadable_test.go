package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"stationd/internal/station"
)

func TestAnAnswerThatNobodyCanReadSaysSo(t *testing.T) {
	t.Parallel()
	say := func(status int, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	for sentence, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
		words  string // that the error shows
		final  bool
	}{
		"413":                             {say(413, "<html><h1>Request Entity Too Large</h1>"), station.ErrUnreadable, "Request Entity Too Large", false},
		"a page":                          {say(200, "<html>\n\t<title>Log in</title>"), station.ErrUnreadable, "<html> <title>Log in</title>", false},
		"a page with 404":                 {say(404, "not here"), station.ErrUnreadable, "not here", false},
		"a redirect":                      {say(302, "", "Location", "https://elsewhere.example/"), station.ErrUnreadable, "redirect", false},
		"text before the yes":             {say(200, "Warning: foo in bar.php\nyes"), station.ErrUnreadable, "Warning: foo", false},
		"text behind the yes":             {say(200, "yes<!-- 0.03 s -->"), station.ErrUnreadable, "0.03 s", false},
		"longer than can be read":         {func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte("y"), 9<<20)) }, station.ErrUnreadable, "longer than 2 MiB", false},
		"rows without end":                {say(200, `{"data": [`+strings.Repeat(`{"id": 1},`, 100_000)+`{}]}`), station.ErrUnreadable, "more than 10000 records", false},
		"packed, it says, and it is not":  {say(200, "yes, and it is not packed", "Content-Encoding", "gzip"), station.ErrUnreadable, "gzip", false},
		"a picture":                       {say(200, "\x89PNG\x00\x00"), station.ErrUnreadable, "neither yes nor no", false},
		"500":                             {say(500, "Traceback: x"), station.ErrFailed, "Traceback: x", false},
		"502":                             {say(502, ""), station.ErrFailed, "502 Bad Gateway", false},
		"its own: it failed":              {say(200, "failed"), station.ErrFailed, "it broke", false},
		"its own: it failed, with a 4xx":  {say(400, "failed"), station.ErrFailed, "it broke", true},
		"its own: it failed, with a 500":  {say(500, "failed"), station.ErrFailed, "it broke", false},
		"403 for this one thing":          {say(403, "No rights to MIXER-2"), station.ErrForbidden, "No rights to MIXER-2", false},
		"403 is the key's fault at first": {say(403, ""), station.ErrKey, "403", false},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, rc := serve(t, c.answer).ask(t.Context())
			if !errors.Is(rc.Err, c.want) || !strings.Contains(rc.Err.Error(), c.words) || rc.Final != c.final {
				t.Errorf("%v (final: %v)", rc.Err, rc.Final)
			}
		})
	}
}

func TestAnAnswerWithAByteOrderMarkIsRead(t *testing.T) {
	t.Parallel()
	body, rc := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "\xef\xbb\xbfyes") }).ask(t.Context())
	if rc.Outcome != station.Delivered || string(body) != "yes" {
		t.Errorf("%v, %q: %v", rc.Outcome, body, rc.Err)
	}
}

// A vendor's text goes into errors, the outbox, the log and the page. It is cut where
// it comes in, and no half of a key is left at the cut.
func TestAVendorsTextIsOfBoundedLength(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"a no": 200, "a page": 404, "a failure": 500} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := range 64 {
				b := serve(t, func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(status)
					io.WriteString(w, "long "+strings.Repeat("a\n", mostWords/2-n)+strings.Repeat(canary+" ", 2000))
				})
				_, rc := b.ask(t.Context())
				if text := rc.Err.Error(); len(text) > mostWords+200 || strings.ContainsAny(text, "\n\r") {
					t.Fatalf("%d bytes: %.60q", len(text), text)
				}
				if text := strings.ReplaceAll(rc.Err.Error(), redacted, ""); strings.Contains(text, canary[:5]) {
					t.Fatalf("half a key: %q", text)
				}
			}
		})
	}
}
