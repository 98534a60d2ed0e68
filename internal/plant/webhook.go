package plant

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// webhookRoot is the path that the plant's own receiver has.
const webhookRoot = "/hooks/stationd"

// A Post is an event that the plant's own receiver has taken.
type Post struct {
	ID           string          `json:"id"`
	Station      string          `json:"station"`
	Event        string          `json:"event"`
	Source       string          `json:"source"`
	Code         string          `json:"code"`
	Values       json.RawMessage `json:"values"`
	Time         time.Time       `json:"time"`
	ClockTrusted bool            `json:"clock_trusted"`
}

// WebhookURL is the address of the plant's own receiver, which takes events with the
// WebhookKey of the configuration as a bearer's.
func (p *Plant) WebhookURL() string { return "http://" + p.Addr() + webhookRoot }

// Posts returns every event that the receiver has taken, in that order. What came twice
// is there twice.
func (p *Plant) Posts() []Post {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Post(nil), p.posts...)
}

// webhook is the plant's own receiver. The caller holds mu.
func (p *Plant) webhook(r *http.Request, body []byte) answer {
	if r.Header.Get("Authorization") != "Bearer "+p.config.WebhookKey {
		return webhookAnswer(http.StatusUnauthorized, "who are you?")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	var post Post
	err := decoder.Decode(&post)
	wrong := ""
	switch {
	case r.Method != http.MethodPost || r.URL.RawQuery != "" || r.Header.Get("Content-Type") != "application/json":
		wrong = "an event is a POST of JSON"
	case err != nil:
		wrong = err.Error()
	case post.ID == "" || post.ID != r.Header.Get("Idempotency-Key"):
		wrong = "the id is not the one in Idempotency-Key"
	case post.Station == "" || post.Event == "" || post.Source == "" || post.Time.IsZero():
		wrong = "station, event, source or time is missing"
	}
	if wrong != "" {
		p.complainLocked("%s %s: %s", r.Method, webhookRoot, wrong)
		return webhookAnswer(http.StatusUnprocessableEntity, wrong)
	}
	p.posts = append(p.posts, post)
	return webhookAnswer(http.StatusAccepted, "taken")
}

// webhookAnswer is an answer of the plant's own receiver.
func webhookAnswer(status int, text string) answer {
	body, _ := json.Marshal(map[string]string{"message": text}) // a text always can be
	return answer{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: body}
}

// ofWebhook reports whether a request is for the plant's own receiver.
func ofWebhook(r *http.Request) bool { return strings.TrimSuffix(r.URL.Path, "/") == webhookRoot }
