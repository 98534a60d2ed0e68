package web

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/user"
	"slices"
	"strconv"
	"time"

	"stationd/internal/operator"
	"stationd/internal/station"
)

// A viewer is whoever asks for the page, as far as it is known.
type viewer struct {
	operator.Person        // for the history, of who may decide
	Refusal         string // why they may only look, in words; empty: they may decide

	Left     time.Duration // for how long they may decide still, where that ends by itself
	LoggedIn bool          // by the PIN, and not by a badge
}

// viewer says who a request comes from, and whether they may decide.
//
// Where the configuration has [access], that is a technician: by a badge that was shown at
// the station, on its own screen; or who has logged in, from wherever. Else there is no
// log-in, and those on this machine decide for whom the control socket is open. Whoever is
// elsewhere may look.
func (s *Server) viewer(r *http.Request) viewer {
	v := viewer{Person: operator.Person{Source: station.FromPage, Event: station.NewID()}}
	expire := s.expire()
	if expire == 0 {
		v.Name, v.Refusal = s.account(r)
		return v
	}
	if left := s.sessions.look(cookieOf(r, sessionCookie), time.Now(), expire); left > 0 {
		v.Name, v.Left, v.LoggedIn = "page", left, true
		return v
	}
	if !isLocal(r) {
		v.Refusal = s.texts.Say("refuse.login.elsewhere")
		return v
	}
	name, left := s.station.Access.Technician(s.station.Stamp(time.Now()), expire)
	if name == "" {
		v.Refusal = s.texts.Say("refuse.login")
		return v
	}
	if _, refusal := s.account(r); refusal != "" {
		v.Refusal = refusal
		return v
	}
	v.Name, v.Technician, v.Left = name, name, left
	return v
}

// drawnFor names what a whole page is drawn for, and not only its main part: the version and,
// where the configuration has [access], who may decide. An open page that hears of another is
// loaded again. Asking makes no log-in last.
func (s *Server) drawnFor(r *http.Request) string {
	version := visible(s.station.Snapshot().Version)
	expire := s.expire()
	switch {
	case expire == 0:
		return version
	case s.sessions.holds(cookieOf(r, sessionCookie), time.Now()):
		return version + " page"
	case isLocal(r):
		if name, _ := s.station.Access.Technician(s.station.Stamp(time.Now()), expire); name != "" {
			return version + " " + visible(name)
		}
	}
	return version
}

// expire is how long a technician may decide; 0: nothing needs one.
func (s *Server) expire() time.Duration {
	if s.station.Expire == nil || s.station.Access == nil {
		return 0
	}
	return s.station.Expire()
}

// account returns whose the connection is that a request came by, or in words why they may
// only look: on this machine root may decide, the station's own account, and the members
// of its group. The browser of a station's screen runs under such an account.
func (s *Server) account(r *http.Request) (name, refusal string) {
	if !isLocal(r) {
		return "", s.texts.Say("refuse.visitor")
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	uid, err := s.uidOf(local, r.RemoteAddr)
	if err != nil {
		return "", s.texts.Say("refuse.unknown", "reason", err)
	}
	if account, group, member := membership(uid); !member {
		return "", s.texts.Say("refuse.account", "account", account, "group", group)
	}
	return "uid:" + strconv.FormatUint(uint64(uid), 10), ""
}

// uidOf is the account at the other end of a connection over the loopback.
func (s *Server) uidOf(local net.Addr, remote string) (uint32, error) {
	own := netip.AddrPort{} // not valid where there is no connection
	if local != nil {
		var err error
		if own, err = netip.ParseAddrPort(local.String()); err != nil {
			return 0, err
		}
	}
	other, err := netip.ParseAddrPort(remote)
	if err != nil {
		return 0, err
	}
	return s.peerUID(own, other)
}

// membership reports whether an account may decide, and names it and the group that it
// would have to be in. Groups are those of /etc/group.
func membership(uid uint32) (account, group string, member bool) {
	id, gid := strconv.FormatUint(uint64(uid), 10), strconv.Itoa(os.Getegid())
	account, group = id, gid
	if g, err := user.LookupGroupId(gid); err == nil {
		group = g.Name
	}
	if uid == 0 || int(uid) == os.Geteuid() {
		return account, group, true
	}
	u, err := user.LookupId(id)
	if err != nil {
		return account, group, false
	}
	groups, err := u.GroupIds()
	return u.Username, group, err == nil && slices.Contains(groups, gid)
}
