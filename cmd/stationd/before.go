package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"stationd/internal/api"
	"stationd/internal/httpserver"
)

const (
	longestSocket = 107  // bytes of a unix socket's path, see unix(7)
	firstFreePort = 1024 // below it a port needs a right that the unit does not give
)

// Each of these looks, before a start, at one thing that a start would be missing.
// None of them is a fault of the file.

// beforeStart looks at all of them. running is whether the station runs: what it holds
// itself is not in its way.
func (p *plan) beforeStart(running bool) []finding {
	found := []finding{p.pageBefore(running), p.controlBefore()}
	for _, k := range p.keys() {
		found = append(found, p.keyBefore(k.name, k.from))
	}
	found = append(found, p.certificatesBefore()...)
	return append(found, p.filesBefore()...)
}

// pageBefore looks whether the page's port can be opened.
func (p *plan) pageBefore(running bool) finding {
	const name = "page"
	const records = "; until then the station records without its page"
	switch {
	case p.web.Listen == "":
		return well(name, "switched off: [web] listen is empty")
	case running:
		return well(name, "the running station has %s", p.web.Listen)
	}
	_, port, err := net.SplitHostPort(p.web.Listen)
	if n, notNumber := strconv.Atoi(port); err == nil && notNumber == nil && 0 < n && n < firstFreePort && p.station.Data == packagedData {
		return warning(name, "take a port from 1024 on as listen in [web]"+records, "the service may not open port %d", n)
	}
	listener, err := net.Listen(httpserver.Network(p.web.Listen), p.web.Listen) //nolint:noctx // listening on an own address does not wait
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return warning(name, "stop it (ss -ltnp says which it is), or change listen in [web]"+records, "another program listens at %s", p.web.Listen)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return warning(name, "change listen in [web] to an address that ip address shows, or :PORT for all of them"+records, "%s is not an address of this machine now", p.web.Listen)
	case err != nil:
		return warning(name, "change listen in [web]"+records, "%s cannot be listened at: %v", p.web.Listen, err)
	}
	if err := listener.Close(); err != nil {
		return untold(name, "%v", err)
	}
	return well(name, "%s is free", p.web.Listen)
}

// controlBefore looks whether the control socket can be made.
func (p *plan) controlBefore() finding {
	const name = "control"
	path := socketPath(p)
	if len(path) > longestSocket {
		return notWell(name, "choose a shorter data in [station]", "the control socket %s has a path of %d bytes, and a socket may have %d: no command would reach the station", path, len(path), longestSocket)
	}
	return well(name, "%s", path)
}

// A namedKey is a secret that the configuration asks for.
type namedKey struct {
	name string
	from api.KeyFrom
}

// keys are the secrets that the configuration asks for.
func (p *plan) keys() []namedKey {
	var all []namedKey
	if s := p.asks.l2l; s != nil {
		all = append(all, namedKey{"l2l key", s.Key})
	}
	if s := p.asks.lagerkoll; s != nil {
		if s.Key.Given() {
			all = append(all, namedKey{"lagerkoll key", s.Key})
		}
		if s.UserToken.Given() {
			all = append(all, namedKey{"lagerkoll key", s.UserToken})
		}
	}
	if s := p.alert; s != nil && s.Key.Given() {
		all = append(all, namedKey{"alert key", s.Key})
	}
	for _, way := range p.ways() {
		if way.ProxyKey.Given() {
			all = append(all, namedKey{way.vendor + " proxy_key", way.ProxyKey})
		}
	}
	return all
}

// A vendorWay is how one vendor is reached.
type vendorWay struct {
	vendor string
	api.Route
}

// ways are how the vendors of the configuration are reached.
func (p *plan) ways() (all []vendorWay) {
	if s := p.asks.l2l; s != nil {
		all = append(all, vendorWay{"l2l", s.Route})
	}
	if s := p.asks.lagerkoll; s != nil {
		all = append(all, vendorWay{"lagerkoll", s.Route})
	}
	if s := p.alert; s != nil {
		all = append(all, vendorWay{"alert", s.Route})
	}
	return all
}

// certificatesBefore looks whether the certificates that the configuration names can be
// read: those of an authority of the plant, and the printers' own.
func (p *plan) certificatesBefore() (found []finding) {
	look := func(name, file, do string, open func() error) {
		err := open()
		switch {
		case err == nil:
			found = append(found, p.certificateMode(name, file))
		case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
			found = append(found, unlooked(name, "%v: run as root, or as a member of the group stationd", err))
		default:
			found = append(found, warning(name, do, "%v", err))
		}
	}
	for _, way := range p.ways() {
		if way.CA != "" {
			look(way.vendor+" ca", way.CA, "put the certificate of the authority there, in PEM"+lacking(way.vendor), func() error {
				_, err := api.Trust(way.CA)
				return err
			})
		}
	}
	for _, one := range p.printers {
		if one.Certificate != "" {
			look("printer "+one.Name, one.Certificate, "put the printer's own certificate there, in PEM; until then nothing is printed there", one.CheckCertificate)
		}
	}
	return found
}

// certificateMode looks whether the service may read a certificate that this user can.
func (p *plan) certificateMode(name, file string) finding {
	info, err := os.Stat(file)
	if err != nil {
		return untold(name, "%v", err)
	}
	if u, ok := serviceAccount(); ok && p.station.Data == packagedData && !mayBe(info, u, 0o400) {
		return notWell(name, "chmod 644 "+file, "the account %s, which the service runs under, may not read %s", u.Username, file)
	}
	return well(name, "%s can be read", file)
}

// lacking is what comes of it while a file is missing that a table of the configuration
// names.
func lacking(of string) string {
	switch table, _, _ := strings.Cut(of, " "); table {
	case partAlert:
		return "; until then nobody is told"
	default:
		return "; until then what is for " + table + " waits"
	}
}

// keyBefore looks whether a key would be found and is one.
func (p *plan) keyBefore(name string, from api.KeyFrom) finding {
	waits := lacking(name)
	if from.Credential != "" {
		found, ok := credential(from.Credential)
		switch {
		case !ok && os.Geteuid() != 0:
			return unlooked(name, "the credential %s is handed to the service alone: run as root", from.Credential)
		case !ok:
			return warning(name, "put the key into "+filepath.Join(keysFolder, from.Credential)+waits, "there is no credential %s in %s", from.Credential, keysFolder)
		}
		from = found
	}
	if _, err := from.Read(); errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		return unlooked(name, "%v: run as root, or as a member of the group stationd", err)
	} else if err != nil {
		return warning(name, "put the key into the file, one line"+waits, "%v", err)
	}
	return p.keyMode(name, from)
}

// keyMode looks at who may read a key that can be read.
func (p *plan) keyMode(name string, from api.KeyFrom) finding {
	info, err := os.Stat(from.File)
	if err != nil {
		return well(name, "it can be read")
	}
	if strings.HasPrefix(from.File, keysFolder) || strings.HasPrefix(from.File, "/run/credentials/") {
		return handedMode(name, from.File)
	}
	if u, ok := serviceAccount(); ok && p.station.Data == packagedData && !mayBe(info, u, 0o400) {
		return notWell(name, "chgrp stationd "+from.File+"; chmod 640 "+from.File, "the account %s, which the service runs under, may not read %s", u.Username, from.File)
	}
	if mode := info.Mode().Perm(); mode&0o037 != 0 {
		return warning(name, "chmod 640 "+from.File, "%s has the mode %04o: it is open to more than its owner and group's reading", from.File, mode)
	}
	return well(name, "%s can be read", from.File)
}

// handedMode looks at who may read a credential where it lies between two starts. The
// folder keeps everybody out but root, until somebody opens it.
func handedMode(name, file string) finding {
	folder, err := os.Stat(keysFolder)
	if err != nil || folder.Mode().Perm()&0o011 == 0 {
		return well(name, "%s can be read", file)
	}
	kept := filepath.Join(keysFolder, filepath.Base(file))
	info, err := os.Stat(kept)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return well(name, "%s can be read", file)
	}
	return warning(name, "chmod 700 "+keysFolder+"; chmod 600 "+kept, "%s has the mode %04o, and the folder is open: it is for root alone", kept, info.Mode().Perm())
}

// filesBefore looks for files beside the outbox that the station could not open: such
// as a command that was run as root left there.
func (p *plan) filesBefore() []finding {
	folder, err := os.Stat(p.station.Data)
	if err != nil || !folder.IsDir() {
		return nil // doctor has a check for that, and the first start makes it
	}
	owner, known := folder.Sys().(*syscall.Stat_t)
	if !known || owner.Uid == 0 {
		return nil // root may open everything
	}
	account := &user.User{Uid: strconv.Itoa(int(owner.Uid)), Gid: strconv.Itoa(int(owner.Gid)), Username: strconv.Itoa(int(owner.Uid))}
	if u, err := user.LookupId(account.Uid); err == nil {
		account = u
	}
	var found []finding
	err = filepath.WalkDir(p.station.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir // not this user's to look at
		}
		info, err := d.Info()
		if err != nil || info.Mode().Type() != 0 && !info.IsDir() {
			return nil //nolint:nilerr // it has gone, or is a socket
		}
		want := fs.FileMode(0o600)
		if info.IsDir() {
			want = 0o700
		}
		if !mayBe(info, account, want) {
			found = append(found, notWell("data files", fmt.Sprintf("chown -R %s: %s", account.Username, p.station.Data),
				"%s cannot be opened by %s, to whom the folder belongs: a command that was run as root may have left it so", path, account.Username))
		}
		return nil
	})
	if err != nil {
		return append(found, unlooked("data files", "%v", err))
	}
	return found
}

// inMemory says why what is written to a folder is gone when the power is; "" where it
// lies on something that lasts, or nobody can tell.
func inMemory(path string) string {
	const keep = "; mount a real partition there (ext4): what waits in the outbox exists nowhere else"
	if os.Getenv("STATIOND_DEMO") == "1" && beneath(path, os.TempDir()) {
		return "" // the demonstration's, which is thrown away
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(path, &disk); err != nil {
		return ""
	}
	switch uint32(disk.Type) {
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		return path + " is in memory (tmpfs): a power cut loses everything" + keep
	case unix.OVERLAYFS_SUPER_MAGIC:
	default:
		return ""
	}
	upper := overlayUpper(path)
	if err := unix.Statfs(upper, &disk); upper != "" && err == nil {
		if kind := uint32(disk.Type); kind == unix.TMPFS_MAGIC || kind == unix.RAMFS_MAGIC {
			return path + " is on an overlay whose upper layer is in memory: a power cut loses everything" + keep
		}
		return ""
	}
	if contained() {
		return "" // a container's layer is its host's to keep
	}
	return path + " is on an overlay, whose upper layer cannot be seen: where it is in memory, as with Raspberry Pi OS's overlay file system, a power cut loses everything" + keep
}

// contained reports whether this process is in a container.
func contained() bool {
	for _, sign := range []string{"/.dockerenv", "/run/.containerenv", "/run/systemd/container"} {
		if _, err := os.Stat(sign); err == nil {
			return true
		}
	}
	return false
}

// overlayUpper is the folder of the upper layer of the overlay that a path is on, as the
// kernel names it (proc_pid_mountinfo(5)):
//
//	28 1 0:25 / / rw - overlay overlay rw,lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work
func overlayUpper(path string) string {
	at, ok := mountOf(path)
	if !ok {
		return ""
	}
	for option := range strings.SplitSeq(at.options, ",") {
		if upper, found := strings.CutPrefix(option, "upperdir="); found {
			return upper
		}
	}
	return ""
}
