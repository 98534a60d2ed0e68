package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"
	"time"
)

const (
	// mostSessions is how many technicians may be logged in at once.
	mostSessions = 16

	// longestSession is how long one is logged in, however often they look.
	longestSession = 8 * time.Hour

	sessionCookie = "stationd"
)

// Sessions are the technicians who have logged in on the page. They are in memory alone: a
// restart logs everybody out.
type sessions struct {
	mu sync.Mutex // guards of
	of map[[sha256.Size]byte]session
}

// A session is one of them. Its times are of this process, which no step of the clock moves.
type session struct {
	began time.Time
	until time.Time // unless they look before
}

// begin logs somebody in, in the place of whoever would be logged out first where there are
// as many as there may be, and returns what their browser shows from now on.
func (s *sessions) begin(now time.Time, holds time.Duration) (secret string) {
	var random [32]byte
	rand.Read(random[:]) // never fails: crypto/rand ends the process instead
	secret = base64.RawURLEncoding.EncodeToString(random[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = make(map[[sha256.Size]byte]session)
	}
	for len(s.of) >= mostSessions {
		var first [sha256.Size]byte
		var soonest time.Time
		for id, one := range s.of {
			if soonest.IsZero() || one.until.Before(soonest) {
				first, soonest = id, one.until
			}
		}
		delete(s.of, first)
	}
	s.of[sha256.Sum256([]byte(secret))] = session{now, now.Add(holds)}
	return secret
}

// holds reports whether somebody is logged in still, whose browser shows that. Asking makes
// nothing last.
func (s *sessions) holds(secret string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, in := s.find(sha256.Sum256([]byte(secret)), now)
	return in
}

// find returns a session that has not ended. The caller holds the lock.
func (s *sessions) find(id [sha256.Size]byte, now time.Time) (one session, in bool) {
	one, in = s.of[id]
	if in && !now.Before(one.until) {
		delete(s.of, id)
		return session{}, false
	}
	return one, in
}

// look returns for how long somebody is logged in still, whose browser shows that; 0 where
// they are not. Looking makes it last.
func (s *sessions) look(secret string, now time.Time, holds time.Duration) (left time.Duration) {
	id := sha256.Sum256([]byte(secret))
	s.mu.Lock()
	defer s.mu.Unlock()
	one, in := s.find(id, now)
	if !in {
		return 0
	}
	one.until = now.Add(holds)
	if last := one.began.Add(longestSession); last.Before(one.until) {
		one.until = last
	}
	s.of[id] = one
	return one.until.Sub(now)
}

// end logs somebody out.
func (s *sessions) end(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, sha256.Sum256([]byte(secret)))
}

// cookie is what a browser shows of a session, or of the right to look. No script reads it,
// no other site has it sent, and over a network it goes encrypted alone.
func cookie(r *http.Request, name, value string) *http.Cookie {
	c := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// cookieOf is the value of a request's cookie; "" where it has none.
func cookieOf(r *http.Request, name string) string {
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}
