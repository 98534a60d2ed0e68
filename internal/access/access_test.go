package access

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stationd/internal/station"
)

const tenMinutes = 10 * time.Minute

// upFor is a moment of a boot whose clock nobody has set.
func upFor(up time.Duration) station.Stamp {
	return station.Stamp{Wall: time.Unix(0, 0).Add(up), Boot: "b", Up: up}
}

func open(t *testing.T, path string) *Access {
	t.Helper()
	a, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestABadgeIsShownAndHoldsForTenMinutesOfTheBoot(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.json")
	a := open(t, path)
	code, err := a.NewBadge("Anna", upFor(0))
	if err != nil || !station.HoldsBadge(code) || len(code) != len(station.BadgePrefix)+station.BadgeSecret {
		t.Fatalf("%q, %v", code, err)
	}
	// A restart, and a reader that types small letters and puts its identifier in front.
	a = open(t, path)
	sum := station.BadgeSum("]C1" + strings.ToLower(code) + "\r")
	if name, what := a.Show(sum, upFor(time.Minute), tenMinutes); name != "Anna" || what != station.BadgeShown {
		t.Fatalf("it is %q, %q", name, what)
	}
	later := upFor(10*time.Minute + 59*time.Second)
	later.Wall = later.Wall.AddDate(50, 0, 0) // the clock is set meanwhile
	if name, left := a.Technician(later, tenMinutes); name != "Anna" || left != time.Second {
		t.Errorf("a second before: %q, for %v", name, left)
	}
	for why, now := range map[string]station.Stamp{"ten minutes later": upFor(11 * time.Minute), "after another boot": {Boot: "c", Up: time.Second}} {
		if name, _ := a.Technician(now, tenMinutes); name != "" {
			t.Errorf("%s it is still %s", why, name)
		}
	}
	if _, what := a.Show(sum, upFor(12*time.Minute), tenMinutes); what != station.BadgeShown {
		t.Errorf("shown when it had ended, it is %q", what)
	}
	if _, what := a.Show(sum, upFor(13*time.Minute), tenMinutes); what != station.BadgeAgain {
		t.Errorf("shown again, it is %q", what)
	}
	if name, _ := a.Technician(upFor(13*time.Minute), tenMinutes); name != "" {
		t.Errorf("shown again, it is still %s", name)
	}
	a.Show(sum, upFor(14*time.Minute), tenMinutes)
	if err := a.Revoke("Anna"); err != nil {
		t.Fatal(err)
	}
	if name, _ := a.Technician(upFor(14*time.Minute), tenMinutes); name != "" {
		t.Errorf("it is revoked, and %s may still decide", name)
	}
	if name, what := open(t, path).Show(sum, upFor(15*time.Minute), tenMinutes); name != "" || what != "" {
		t.Errorf("it is revoked, and is %q, %q", name, what)
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(text), code[len(station.BadgePrefix):]) {
		t.Errorf("the file has the code: %s, %v", text, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestNamesOfBadges(t *testing.T) {
	t.Parallel()
	a := open(t, filepath.Join(t.TempDir(), "access.json"))
	for _, name := range []string{"", " Anna", "An\x1bna", strings.Repeat("a", 61), "SDBADGE1"} {
		if _, err := a.NewBadge(name, upFor(0)); err == nil {
			t.Errorf("%q has a badge", name)
		}
	}
	if _, err := a.NewBadge("Åsa Öberg", upFor(0)); err != nil {
		t.Error(err)
	}
	if _, err := a.NewBadge("Åsa Öberg", upFor(0)); err == nil || !strings.Contains(err.Error(), "revoke") {
		t.Errorf("a second badge of one name: %v", err)
	}
	if err := a.Revoke("nobody"); err == nil {
		t.Error("a badge that there is not is revoked")
	}
}

func TestAPINIsTriedSoOften(t *testing.T) {
	t.Parallel()
	a := open(t, filepath.Join(t.TempDir(), "access.json"))
	now := time.Now()
	if err := a.LogIn("", "471147", now); !errors.Is(err, ErrNoPIN) {
		t.Errorf("there is none: %v", err)
	}
	for _, weak := range []string{"12345", "123456", "000000", strings.Repeat("4711", 20)} {
		if a.SetPIN(weak) == nil {
			t.Errorf("%s is taken", weak)
		}
	}
	if err := a.SetPIN("471147"); err != nil {
		t.Fatal(err)
	}
	locked := func(from, pin string, at time.Time) time.Duration {
		t.Helper()
		err := a.LogIn(from, pin, at)
		if one, is := errors.AsType[*LockedError](err); is {
			return one.For
		}
		if !errors.Is(err, ErrWrongPIN) {
			t.Fatalf("a wrong PIN: %v", err)
		}
		return 0
	}
	for i := range freeTries {
		if wait := locked("192.0.2.7", "000001", now); wait > 0 {
			t.Errorf("try %d has to wait %v", i+1, wait)
		}
	}
	for range 4 {
		if wait := locked("192.0.2.7", "471147", now); wait != firstWait {
			t.Errorf("after %d wrong ones the right one waits %v", freeTries, wait)
		}
	}
	if err := a.LogIn("", "471147", now); err != nil {
		t.Errorf("the station's own screen is locked out by another: %v", err)
	}
	now = now.Add(firstWait)
	if wait := locked("192.0.2.7", "000001", now); wait != 0 {
		t.Errorf("when the time is over it waits %v", wait)
	}
	if wait := locked("192.0.2.7", "000001", now); wait != 2*firstWait {
		t.Errorf("after one more it waits %v", wait)
	}
	now = now.Add(2 * firstWait)
	if err := a.LogIn("192.0.2.7", "471147", now); err != nil {
		t.Errorf("the right one: %v", err)
	}
	// All the addresses of a network together try no more than one would.
	var tried tries
	n := 0
	for i := range 2000 {
		if tried.begin(string(rune('a'+i%26))+string(rune('a'+i/26)), now) == 0 {
			n++
		}
	}
	if n != mostElsewhere || len(tried.of) > mostAddresses {
		t.Errorf("%d tries from elsewhere in a moment, %d addresses remembered", n, len(tried.of))
	}
}

func TestAFileThatCannotBeReadMakesNobodyATechnician(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := Open(path)
	if err == nil || !strings.Contains(err.Error(), path) || a == nil {
		t.Fatalf("%v, %v", a, err)
	}
	if err := a.LogIn("", "", time.Now()); !errors.Is(err, ErrNoPIN) {
		t.Errorf("%v", err)
	}
	if a.Faults()["access"] == "" {
		t.Error("it is no fault")
	}
	if _, err := a.NewBadge("Anna", upFor(0)); err != nil || a.Faults()["access"] != "" {
		t.Errorf("a new badge: %v, %v", err, a.Faults())
	}
}

func BenchmarkPIN(b *testing.B) {
	kept := hashPIN("471147")
	for b.Loop() {
		isPIN("000001", kept)
	}
}
