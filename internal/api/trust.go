package api

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Where Debian and others keep the certificates that a machine trusts.
const (
	systemFile   = "/etc/ssl/certs/ca-certificates.crt"
	systemFolder = "/etc/ssl/certs"
)

// Trust returns the certificates that this machine trusts now, and those of a file
// besides; "" is no file. Go reads the machine's once in the life of a process, so
// that one which is installed while the station runs would not be known before a
// restart: here they are read anew each time.
//
// SSL_CERT_FILE and SSL_CERT_DIR stand for the machine's own places, as they do
// everywhere.
func Trust(file string) (*x509.CertPool, error) {
	pool, err := systemTrust()
	if err != nil || file == "" {
		return pool, err
	}
	more, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	if !pool.AppendCertsFromPEM(more) {
		return nil, fmt.Errorf("ca: %s holds no certificate: it must be in PEM, -----BEGIN CERTIFICATE-----", file)
	}
	return pool, nil
}

// systemTrust reads what this machine trusts. Where it is kept elsewhere than
// Debian keeps it, it is what Go found first.
func systemTrust() (*x509.CertPool, error) {
	pool, found := x509.NewCertPool(), false
	file, folders := os.Getenv("SSL_CERT_FILE"), os.Getenv("SSL_CERT_DIR")
	if file == "" {
		file = systemFile
	}
	if folders == "" {
		folders = systemFolder
	}
	take := func(path string) {
		if text, err := os.ReadFile(path); err == nil && pool.AppendCertsFromPEM(text) {
			found = true
		}
	}
	take(file)
	for folder := range strings.SplitSeq(folders, ":") {
		entries, err := os.ReadDir(folder)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			if filepath.Join(folder, entry.Name()) != systemFile { // read already
				take(filepath.Join(folder, entry.Name()))
			}
		}
	}
	if !found {
		return x509.SystemCertPool()
	}
	return pool, nil
}
