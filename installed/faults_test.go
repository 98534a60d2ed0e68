//go:build installed

package installed_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"stationd/hil"
)

func faultScenarios() []scenario {
	return []scenario{
		{"a first start with a faulty configuration ends with 78, is not tried again, and systemctl status names the place", faultyConfiguration},
		{"a faulty file beside a last good one fails the reload, and a start runs the last good one and says so", lastGood},
		{"without a key the station records, says what is missing, and delivers once the key is there", keyMissing},
		{"a page whose port is taken stops no press", portTaken},
		{"on a full card a press is recorded and delivered, and so it is after a restart", fullCard},
		{"on a card that has become read-only no lamp confirms a press, and once it can be written the station works again", readOnlyCard},
		{"on a card that fails no press is confirmed or delivered, and once it is replaced the station works again", failingCard},
		{"while journald is stopped scans are recorded and delivered, and when it runs again the log goes on", journalStopped},
		{"the unit leaves the program no more than systemd-analyze security allows", security},
	}
}

func faultyConfiguration(t *testing.T, s *fixture) {
	s.reset(t)
	s.Run("systemctl stop stationd && mv /var/lib/stationd /var/lib/stationd.kept")
	defer s.Run("systemctl stop stationd; rm -rf /var/lib/stationd && mv /var/lib/stationd.kept /var/lib/stationd && chown -R stationd:stationd /var/lib/stationd")
	s.configure(strings.Replace(standard, `lamp = "red"`, `lamp = "rde"`, 1))
	at := 1 + strings.Count(standard[:strings.Index(standard, `lamp = "red"`)], "\n")
	if _, err := s.Try("systemctl start stationd"); err == nil {
		t.Fatal("it started")
	}
	// Longer than the pause before a start: it would have been tried again.
	<-time.After(5 * time.Second)
	for name, want := range map[string]string{"ActiveState": "failed", "ExecMainStatus": "78", "NRestarts": "0"} {
		if got := s.property(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	said, _ := s.Try("systemctl status stationd --no-pager -l") // says failed with status 3
	for _, want := range []string{"/etc/stationd/stationd.toml:" + strconv.Itoa(at) + ":", "rde", "status=78"} {
		if !strings.Contains(said, want) {
			t.Errorf("systemctl status does not show %q:\n%s", want, said)
		}
	}
}

func lastGood(t *testing.T, s *fixture) {
	s.reset(t)
	s.configure(strings.Replace(standard, `lamp = "red"`, `lamp = "rde"`, 1))
	if text, err := s.Try("systemctl reload stationd"); err == nil {
		t.Errorf("systemctl reload did not fail: %s", text)
	}
	s.Run("systemctl restart stationd")
	if health := s.get("/healthz"); !strings.Contains(health, "\r\n\r\nok") || !strings.Contains(health, "configuration") {
		t.Errorf("/healthz says %q", health)
	}
	s.Push(material, 150*time.Millisecond)
	until(t, s.Patience(time.Minute), "the call is opened", func() bool { return s.open("MATERIAL") == 1 })
	s.configure(standard)
	s.Run("systemctl reload stationd")
	if health := s.get("/healthz"); strings.Contains(health, "configuration") {
		t.Errorf("after the file was mended /healthz says %q", health)
	}
}

func keyMissing(t *testing.T, s *fixture) {
	s.reset(t)
	s.Run("mv /etc/stationd/keys/l2l.key /root/l2l.key; systemctl restart stationd")
	s.Push(maintenance, 150*time.Millisecond)
	s.waits(t, 1)
	s.Lamp(red, hil.Quick, time.Minute)
	if health := s.get("/healthz"); !strings.Contains(health, "\r\n\r\nok") || !strings.Contains(health, "key") {
		t.Errorf("/healthz says %q", health)
	}
	if found := s.doctor(t)["l2l key"]; found.Verdict != "FAIL" {
		t.Errorf("doctor says of l2l key: %+v", found)
	}
	s.Run("mv /root/l2l.key /etc/stationd/keys/l2l.key; systemctl restart stationd")
	s.Lamp(red, hil.Steady, 2*time.Minute)
	if n := s.open("MAINT"); n != 1 {
		t.Errorf("%d calls are open, want 1", n)
	}
}

func portTaken(t *testing.T, s *fixture) {
	s.reset(t)
	s.Run("systemctl stop stationd && systemd-run -q --unit=taker --socket-property=ListenStream=127.0.0.1:8420 --socket-property=Accept=yes cat; systemctl start stationd")
	defer s.Run("systemctl stop taker.socket; systemctl restart stationd")
	s.Push(material, 150*time.Millisecond)
	until(t, s.Patience(2*time.Minute), "the call is open", func() bool { return s.open("MATERIAL") == 1 })
	s.Lamp(yellow, hil.Steady, 2*time.Minute)
	s.empties(t, time.Minute)
	if n := s.property("NRestarts"); n != "0" {
		t.Errorf("the station was restarted %s times", n)
	}
	bad := ""
	for _, f := range s.doctor(t) {
		if f.Verdict == "FAIL" || f.Verdict == "warning" {
			bad += f.Check + ": " + f.Found + "\n"
		}
	}
	if !strings.Contains(bad, "8420") {
		t.Errorf("doctor does not name the port:\n%s", bad)
	}
}

func fullCard(t *testing.T, s *fixture) {
	s.reset(t)
	s.Run("fallocate -l $(df --output=avail -B1 / | tail -n 1) /root/full 2>/dev/null || dd if=/dev/zero of=/root/full bs=1M 2>/dev/null; dd if=/dev/zero of=/root/rest bs=4k 2>/dev/null || true; sync")
	defer s.Run("rm -f /root/full /root/rest")
	if free := strings.TrimSpace(s.Run("runuser -u stationd -- df --output=avail -B1 / | tail -n 1")); free != "0" {
		t.Fatalf("the card has %s bytes free", free)
	}
	s.Push(material, 150*time.Millisecond)
	s.Lamp(yellow, hil.Steady, 2*time.Minute)
	s.Run("systemctl restart stationd")
	s.Push(material, 4*time.Second)
	until(t, s.Patience(2*time.Minute), "the call is closed", func() bool { return s.open("MATERIAL") == 0 })
}

func readOnlyCard(t *testing.T, s *fixture) {
	s.reset(t)
	s.Run("echo 1 >/proc/sys/kernel/sysrq; echo u >/proc/sysrq-trigger")
	s.Until("the card is read-only", 30*time.Second, "grep -q ' / ext4 ro' /proc/mounts")
	before := len(s.vendors.Dispatches())
	s.Push(maintenance, 150*time.Millisecond)
	<-time.After(5 * time.Second)
	if n := len(s.vendors.Dispatches()); n != before {
		t.Errorf("a press that could not be recorded reached L2L")
	}
	s.Run("mount -o remount,rw /")
	s.Until("the station runs again by itself", 2*time.Minute, "systemctl -q is-active stationd")
	s.Push(material, 150*time.Millisecond)
	s.Lamp(yellow, hil.Steady, 2*time.Minute)
}

// failingCard gives the outbox a card of its own, which then refuses every write.
func failingCard(t *testing.T, s *fixture) {
	s.reset(t)
	s.Run(`set -e; systemctl stop stationd; modprobe -a loop dm_mod; truncate -s 200M /root/card; losetup /dev/loop0 /root/card; mkfs.ext4 -q /dev/loop0
		echo "0 $(blockdev --getsz /dev/loop0) linear /dev/loop0 0" | dmsetup create card; mount /dev/mapper/card /var/lib/stationd; systemctl start stationd`)
	defer s.Run(`systemctl stop stationd; umount -l /var/lib/stationd; dmsetup remove card; losetup -d /dev/loop0; rm -f /root/card`)
	s.Push(material, 150*time.Millisecond)
	until(t, s.Patience(time.Minute), "the call is open", func() bool { return s.open("MATERIAL") == 1 })
	s.empties(t, time.Minute)

	table := func(target string) {
		s.Run(`set -e; dmsetup suspend --noflush --nolockfs card; echo "0 $(blockdev --getsz /dev/loop0) ` + target + `" | dmsetup reload card; dmsetup resume card`)
	}
	before := len(s.vendors.Dispatches())
	table("error")
	pid := s.property("MainPID")
	s.Push(maintenance, 150*time.Millisecond)
	s.Until("the station ends", time.Minute, "test $(systemctl show -P MainPID stationd) != "+pid)
	if said := s.Run("journalctl -u stationd -b --no-pager -n 50"); !strings.Contains(said, "input/output error") {
		t.Errorf("the journal does not say that the card fails:\n%s", said)
	}
	if n := len(s.vendors.Dispatches()); n != before {
		t.Error("a press that could not be recorded reached L2L")
	}

	table("linear /dev/loop0 0")
	s.Run("set -e; systemctl stop stationd; umount /var/lib/stationd; fsck.ext4 -fy /dev/mapper/card >/dev/null || test $? = 1; mount /dev/mapper/card /var/lib/stationd; systemctl start stationd")
	s.Push(maintenance, 150*time.Millisecond)
	s.Lamp(red, hil.Steady, 2*time.Minute)
	if n := s.open("MAINT"); n != 1 {
		t.Errorf("%d calls are open, want 1", n)
	}
	for _, button := range []int{maintenance, material} { // the other outbox knows of none
		s.closeCallOf(t, button)
	}
}

func journalStopped(t *testing.T, s *fixture) {
	s.reset(t)
	s.plug()
	defer s.Unplug()
	s.Scan("PO4711\r")
	s.Run("systemctl stop systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket systemd-journald.service 2>/dev/null; ! systemctl -q is-active systemd-journald")
	pid := s.property("MainPID")
	const scans = 30
	for n := range scans {
		s.Scan(symbol("B9", fmt.Sprintf("J%03d", n)))
	}
	until(t, s.Patience(2*time.Minute), "every scan arrives while journald is stopped", func() bool { return s.traced("J000") == 1 && s.traced(fmt.Sprintf("J%03d", scans-1)) == 1 })
	s.Run("systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald")
	if now := s.property("MainPID"); now != pid {
		t.Errorf("the process is %s and was %s", now, pid)
	}
	for n := range scans {
		if got := s.traced(fmt.Sprintf("J%03d", n)); got != 1 {
			t.Errorf("J%03d was traced %d times", n, got)
		}
	}
	s.empties(t, time.Minute)
	s.Run("systemctl restart stationd")
	s.Until("the log goes on", time.Minute, "journalctl -u stationd -b --no-pager -n 20 | grep -q 'the station is ready'")
}

// exposure is the most that systemd-analyze security may say of the unit, from 0 to
// 10. What it counts is in the unit's own comments.
const exposure = 2.1

func security(t *testing.T, s *fixture) {
	said := s.Run("systemd-analyze security --no-pager stationd.service | tail -n 1")
	found := regexp.MustCompile(`: ([0-9.]+) `).FindStringSubmatch(said)
	if found == nil {
		t.Fatalf("systemd-analyze security says %q", said)
	}
	if got, err := strconv.ParseFloat(found[1], 64); err != nil || got > exposure {
		t.Errorf("the unit's exposure is %s, want at most %.1f", found[1], exposure)
	}
	s.Say("      systemd-analyze security: %s", strings.TrimSpace(said))
}
