//go:build installed

package installed_test

import (
	"strings"
	"testing"
	"time"
)

func clockScenarios() []scenario {
	return []scenario{
		{"a clock that chrony keeps is trusted from the moment it is right, without a restart", chronyKeepsTheClock},
	}
}

// chronyKeepsTheClock changes from timesyncd to chrony, as apt does, and gives it a
// server. It is the last scenario of its guest, for timesyncd is gone then.
func chronyKeepsTheClock(t *testing.T, s *fixture) {
	s.reset(t)
	if f := s.doctor(t)["clock"]; f.Verdict != "warning" || !strings.Contains(f.Found, "not synchronised") {
		t.Errorf("nobody has set the clock, and doctor says %+v", f)
	}
	s.Run("DEBIAN_FRONTEND=noninteractive apt-get -qy install /root/chrony/*.deb && ! systemctl -q is-active systemd-timesyncd")
	s.Put("/etc/chrony/chrony.conf", 0o644, []byte("server 127.0.0.1 port 11123 iburst minpoll 0 maxpoll 1\nmakestep 1 -1\ndriftfile /var/lib/chrony/chrony.drift\n"))
	s.Put("/root/timeserver.conf", 0o644, []byte("local stratum 1\nport 11123\nallow 127.0.0.1\ncmdport 0\nbindcmdaddress /\npidfile /run/timeserver.pid\n"))
	s.Run("systemd-run -q --unit=timeserver chronyd -x -d -f /root/timeserver.conf; systemctl restart chrony")
	s.Until("chrony has the time from its server", 2*time.Minute, "chronyc -n tracking | grep -q 'Leap status.*Normal'")
	pid := s.property("MainPID")
	until(t, s.Patience(time.Minute), "the station trusts the clock", func() bool { return s.doctor(t)["clock"].Verdict == "ok" })
	if now := s.property("MainPID"); now != pid {
		t.Errorf("the station was restarted for it: process %s was %s", now, pid)
	}
}
