package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"stationd/internal/access"
	g "stationd/internal/html"
	h "stationd/internal/html/element"
)

// loginPage shows how to log in, or that somebody is.
func (s *Server) loginPage(w http.ResponseWriter, r *http.Request) {
	s.showLogin(w, r, http.StatusOK, "")
}

// login takes a PIN.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	expire := s.expire()
	if expire == 0 {
		http.Redirect(w, r, "/entries", http.StatusSeeOther) // there is nothing to log in to
		return
	}
	if s.needsTLS(r) {
		s.showLogin(w, r, http.StatusForbidden, s.texts.Say("login.secure"))
		return
	}
	from := ""
	if !isLocal(r) {
		from = hostOf(r.RemoteAddr)
	}
	err := s.station.Access.LogIn(from, r.PostFormValue("pin"), time.Now())
	var locked *access.LockedError
	switch {
	case err == nil:
		s.log.Info("a technician has logged in on the page", "from", r.RemoteAddr)
		http.SetCookie(w, cookie(r, sessionCookie, s.sessions.begin(time.Now(), expire)))
		http.Redirect(w, r, "/entries", http.StatusSeeOther)
	case errors.As(err, &locked):
		s.log.Warn("a log-in was refused", "from", r.RemoteAddr, "error", err)
		s.showLogin(w, r, http.StatusTooManyRequests, s.texts.Say("login.locked", "seconds", int(locked.For/time.Second)+1))
	case errors.Is(err, access.ErrNoPIN):
		s.showLogin(w, r, http.StatusForbidden, s.texts.Say("login.none"))
	default:
		s.log.Warn("a log-in was refused", "from", r.RemoteAddr, "error", err)
		s.showLogin(w, r, http.StatusForbidden, s.texts.Say("login.wrong"))
	}
}

// needsTLS reports whether a PIN would go over the network for everybody to read.
func (s *Server) needsTLS(r *http.Request) bool { return r.TLS == nil && !isLocal(r) }

// logout ends what a browser's log-in or, on the station's own screen, a badge allows.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	if secret := cookieOf(r, sessionCookie); secret != "" {
		s.sessions.end(secret)
		http.SetCookie(w, cookie(r, sessionCookie, ""))
	}
	if who := s.viewer(r); who.Technician != "" {
		s.station.Access.LogOut()
		s.log.Info("a technician has logged out on the page", "technician", who.Technician)
	}
	http.Redirect(w, r, "/entries", http.StatusSeeOther)
}

// showLogin writes the page of the log-in; said says why somebody is not logged in.
func (s *Server) showLogin(w http.ResponseWriter, r *http.Request, status int, said string) {
	say := s.texts.Say
	var forms []g.Node
	switch {
	case !s.mayLook(r):
		forms = append(forms, h.Form(h.Method("post"), h.Action("/token"),
			h.Label(h.For("token"), g.Text(say("login.token"))),
			h.Input(h.ID("token"), h.Name("token"), h.Type("password"), h.Required(), h.AutoFocus(), h.AutoComplete("off")),
			button("main", say("login.token.go"))))
	case s.expire() == 0:
		forms = append(forms, h.P(g.Text(say("login.nothing"))))
	}
	switch {
	case s.expire() == 0:
	case s.needsTLS(r):
		forms = append(forms, h.P(g.Text(say("login.secure"))))
	case !s.station.Access.HasPIN():
		forms = append(forms, h.P(g.Text(say("login.none"))))
	default:
		forms = append(forms, h.Form(h.Method("post"), h.Action("/login"),
			h.Label(h.For("pin"), g.Text(say("login.pin"))),
			h.Input(h.ID("pin"), h.Name("pin"), h.Type("password"), h.Required(), g.If(s.mayLook(r), h.AutoFocus()), h.AutoComplete("current-password"), g.Attr("inputmode", "numeric")),
			button("main", say("login.go"))))
	}
	if s.expire() > 0 && isLocal(r) {
		forms = append(forms, h.P(g.Text(say("login.badge"))))
	}
	s.write(w, status, s.frame(s.viewer(r), say("login.title"), answer{said: said}, h.Section(g.Group(forms))))
}

const tokenCookie = "stationd-page"

// takeToken takes what other machines must show to see the page, and has the browser show
// it from now on.
func (s *Server) takeToken(w http.ResponseWriter, r *http.Request) {
	if !s.isToken(r.PostFormValue("token")) {
		s.log.Warn("the page was refused", "from", r.RemoteAddr, "reason", "wrong token")
		s.showLogin(w, r, http.StatusForbidden, s.texts.Say("login.token.wrong"))
		return
	}
	http.SetCookie(w, cookie(r, tokenCookie, tokenShown(r.PostFormValue("token"))))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// tokenShown is what a browser shows in place of the token: the same after a restart, and
// not the token itself.
func tokenShown(token string) string {
	sum := sha256.Sum256([]byte("page of a station " + token))
	return hex.EncodeToString(sum[:])
}

// isToken reports whether somebody has the token. Where it cannot be read nobody has.
func (s *Server) isToken(said string) bool {
	token, err := s.station.Token()
	if err != nil {
		s.log.Error("nobody elsewhere sees the page: its token cannot be read", "error", err)
		return false
	}
	return token != "" && subtle.ConstantTimeCompare([]byte(tokenShown(said)), []byte(tokenShown(token))) == 1
}

// mayLook reports whether whoever asks may see the page: on this machine everybody; on
// others who has the token, or has logged in; everybody, where there is no token.
func (s *Server) mayLook(r *http.Request) bool {
	if s.station.Token == nil || isLocal(r) {
		return true
	}
	if bearer, is := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); is && s.isToken(bearer) {
		return true
	}
	if shown := cookieOf(r, tokenCookie); shown != "" {
		token, err := s.station.Token()
		if err == nil && subtle.ConstantTimeCompare([]byte(shown), []byte(tokenShown(token))) == 1 {
			return true
		}
	}
	return s.expire() > 0 && s.sessions.holds(cookieOf(r, sessionCookie), time.Now())
}

// onlyWhoMayLook shows the page of the log-in in place of everything else to whoever may
// not see it.
func (s *Server) onlyWhoMayLook(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/login", "/token", "/entries.css", "/icon.svg":
		default:
			if !s.mayLook(r) {
				w.Header().Set("WWW-Authenticate", "Bearer")
				s.showLogin(w, r, http.StatusUnauthorized, "")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
