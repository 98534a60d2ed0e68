package web

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/user"
	"slices"
	"strconv"
)

// decider returns who a request comes from, for the history, or in words why they may
// only look. There is no log-in. Whoever is elsewhere may look; on this machine root may
// decide, the station's own account, and the members of its group: those for whom the
// control socket is open. The browser of a station's screen runs under such an account.
func (s *Server) decider(r *http.Request) (name, refusal string) {
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
