package certificate

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

func TestAStationMakesItsCertificateOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "page.pem")
	hosts := []string{"pack4-1.plant.example", "192.0.2.7"}
	first, _, err := SelfMade(file, "pack4-1", hosts).Certificate()
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := SelfMade(file, "pack4-1", hosts).Certificate()
	if err != nil || Fingerprint(first) != Fingerprint(again) || !regexp.MustCompile(`^([0-9A-F]{2}:){31}[0-9A-F]{2}$`).MatchString(Fingerprint(first)) {
		t.Errorf("%s, then %s, %v", Fingerprint(first), Fingerprint(again), err)
	}
	leaf, err := x509.ParseCertificate(first.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range hosts {
		if err := leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// A browser refuses a certificate that is not for the name it asked for.
func TestACertificateThatLacksANameIsMadeAnew(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "page.pem")
	made := func(hosts ...string) (fingerprint, why string, leaf *x509.Certificate) {
		t.Helper()
		s := SelfMade(file, "pack4-1", hosts)
		c, why, err := s.Certificate()
		if err != nil {
			t.Fatal(err)
		}
		if _, again, err := s.Certificate(); again != "" || err != nil || s.Lacks(c) != "" {
			t.Errorf("made a second time: %q, %v; it lacks %q", again, err, s.Lacks(c))
		}
		if leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			t.Fatal(err)
		}
		return Fingerprint(c), why, leaf
	}
	first, why, _ := made("pack4-1", "192.0.2.7")
	if why != "there was none" {
		t.Errorf("at first it is made because %s", why)
	}
	for sentence, hosts := range map[string][]string{"in another order": {"192.0.2.7", "PACK4-1"}, "a name less": {"pack4-1"}} {
		if again, why, _ := made(hosts...); again != first || why != "" {
			t.Errorf("%s: it is made anew because %s", sentence, why)
		}
	}
	second, why, leaf := made("pack4-1.plant.example", "192.0.2.7")
	if second == first || why != "it was not for pack4-1.plant.example" || leaf.VerifyHostname("pack4-1.plant.example") != nil {
		t.Errorf("for another name: %s, %q, %v", second, why, leaf.DNSNames)
	}
	if err := os.WriteFile(file, []byte("half of"), 0o600); err != nil {
		t.Fatal(err)
	}
	if third, why, _ := made("192.0.2.7"); third == second || !strings.HasPrefix(why, "it could not be read: ") {
		t.Errorf("a damaged one: %s, %q", third, why)
	}
}

func TestACertificateThatCannotBeMadeAnewIsShownAsItIs(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "page.pem")
	first, _, err := SelfMade(file, "pack4-1", []string{"pack4-1"}).Certificate()
	if err != nil {
		t.Fatal(err)
	}
	full := SelfMade(file, "pack4-1", []string{"seal-1"})
	full.make = func() error { return syscall.ENOSPC }
	c, why, err := full.Certificate()
	if err != nil || why != "" || Fingerprint(c) != Fingerprint(first) || full.Lacks(c) != "seal-1" {
		t.Errorf("%v, %q, %v", c, why, err)
	}
}

func TestAPlantsOwnCertificateIsReadAgainWhenItHasChanged(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "own.pem")
	s := Own(file, file)
	if _, _, err := s.Certificate(); err == nil {
		t.Error("it is not there, and was read")
	}
	if err := write(file, "one", nil); err != nil {
		t.Fatal(err)
	}
	first, _, err := s.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(file, "two", nil); err != nil {
		t.Fatal(err)
	}
	later := info.ModTime().Add(1e9)
	if err := os.Chtimes(file, later, later); err != nil {
		t.Fatal(err)
	}
	second, _, err := s.Certificate()
	if err != nil || Fingerprint(first) == Fingerprint(second) {
		t.Errorf("it was renewed, and is %s still, %v", Fingerprint(second), err)
	}
}
