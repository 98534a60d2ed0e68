package certificate

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func TestAStationMakesItsCertificateOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "page.pem")
	hosts := []string{"pack4-1.plant.example", "192.0.2.7"}
	first, err := SelfMade(file, "pack4-1", hosts).Certificate()
	if err != nil {
		t.Fatal(err)
	}
	again, err := SelfMade(file, "pack4-1", hosts).Certificate()
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

func TestAPlantsOwnCertificateIsReadAgainWhenItHasChanged(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "own.pem")
	s := Own(file, file)
	if _, err := s.Certificate(); err == nil {
		t.Error("it is not there, and was read")
	}
	if err := write(file, "one", nil); err != nil {
		t.Fatal(err)
	}
	first, err := s.Certificate()
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
	second, err := s.Certificate()
	if err != nil || Fingerprint(first) == Fingerprint(second) {
		t.Errorf("it was renewed, and is %s still, %v", Fingerprint(second), err)
	}
}
