package doctor

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

	"stationd/internal/api"
	"stationd/internal/httpserver"
	"stationd/internal/plan"
)

const (
	longestSocket = 107  // bytes of a unix socket's path, see unix(7)
	firstFreePort = 1024 // below it a port needs a right that the unit does not give
)

// Each of these looks, before a start, at one thing that a start would be missing.
// None of them is a fault of the file.

// BeforeStart looks at all of them. running is whether the station runs: what it holds
// itself is not in its way.
func BeforeStart(p *plan.Plan, running bool) []Finding {
	found := []Finding{pageBefore(p, running), controlBefore(p)}
	for _, k := range keys(p) {
		found = append(found, keyBefore(p, k.name, k.from))
	}
	found = append(found, certificatesBefore(p)...)
	return append(found, filesBefore(p)...)
}

// pageBefore looks whether the page's port can be opened.
func pageBefore(p *plan.Plan, running bool) Finding {
	const name = "page"
	const records = "; until then the station records without its page"
	switch {
	case p.Web.Listen == "":
		return passed(name, "switched off: [web] listen is empty")
	case running:
		return passed(name, "the running station has %s", p.Web.Listen)
	}
	_, port, err := net.SplitHostPort(p.Web.Listen)
	if n, notNumber := strconv.Atoi(port); err == nil && notNumber == nil && 0 < n && n < firstFreePort && p.Station.Data == plan.PackagedData {
		return warned(name, "set listen in [web] to a port from 1024 on"+records, "the service may not open port %d", n)
	}
	listener, err := net.Listen(httpserver.Network(p.Web.Listen), p.Web.Listen) //nolint:noctx // listening on an own address does not wait
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return warned(name, "stop it (ss -ltnp shows which it is), or change listen in [web]"+records, "another program listens at %s", p.Web.Listen)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return warned(name, "set listen in [web] to an address that \"ip address\" lists, or to :PORT for all of them"+records, "%s is not an address of this machine", p.Web.Listen)
	case err != nil:
		return warned(name, "change listen in [web]"+records, "cannot listen on %s: %v", p.Web.Listen, err)
	}
	if err := listener.Close(); err != nil {
		return undetermined(name, "%v", err)
	}
	return passed(name, "%s is free", p.Web.Listen)
}

// controlBefore looks whether the control socket can be made.
func controlBefore(p *plan.Plan) Finding {
	const name = "control"
	path := plan.ControlPath(p)
	if len(path) > longestSocket {
		return failed(name, "choose a shorter data in [station]", "the path of the control socket %s has %d bytes, more than the %d that a socket may have: no command would reach the station", path, len(path), longestSocket)
	}
	return passed(name, "%s", path)
}

// A namedKey is a secret that the configuration asks for.
type namedKey struct {
	name string
	from api.KeyFrom
}

// keys are the secrets that the configuration asks for.
func keys(p *plan.Plan) []namedKey {
	var all []namedKey
	for _, v := range p.Vendors {
		all = append(all, namedKey{v.Name + " key", v.Section.Secret()})
	}
	if s := p.Alert; s != nil && s.Key.Given() {
		all = append(all, namedKey{"alert key", s.Key})
	}
	for _, way := range ways(p) {
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
func ways(p *plan.Plan) (all []vendorWay) {
	for _, v := range p.Vendors {
		_, route := v.Section.Reached()
		all = append(all, vendorWay{v.Name, route})
	}
	if s := p.Alert; s != nil {
		all = append(all, vendorWay{"alert", s.Route})
	}
	return all
}

// certificatesBefore looks whether the certificates that the configuration names can be
// read: those of an authority of the plant, and the printers' own.
func certificatesBefore(p *plan.Plan) (found []Finding) {
	look := func(name, file, do string, open func() error) {
		err := open()
		switch {
		case err == nil:
			found = append(found, certificateMode(p, name, file))
		case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
			found = append(found, skipped(name, "%v: run as root, or as a member of the group stationd", err))
		default:
			found = append(found, warned(name, do, "%v", err))
		}
	}
	for _, way := range ways(p) {
		if way.CA != "" {
			look(way.vendor+" ca", way.CA, "install the authority's certificate there, as PEM"+lacking(way.vendor), func() error {
				_, err := api.Trust(way.CA)
				return err
			})
		}
	}
	for _, one := range p.Printers {
		if one.Certificate != "" {
			look("printer "+one.Name, one.Certificate, "install the printer's own certificate there, as PEM; until then nothing is printed on it", one.CheckCertificate)
		}
	}
	return found
}

// certificateMode looks whether the service may read a certificate that this user can.
func certificateMode(p *plan.Plan, name, file string) Finding {
	info, err := os.Stat(file)
	if err != nil {
		return undetermined(name, "%v", err)
	}
	if u, ok := serviceAccount(); ok && p.Station.Data == plan.PackagedData && !canAccess(info, u, 0o400) {
		return failed(name, "chmod 644 "+file, "the service's account %s may not read %s", u.Username, file)
	}
	return passed(name, "%s is readable", file)
}

// lacking is what comes of it while a file is missing that a table of the configuration
// names.
func lacking(of string) string {
	switch table, _, _ := strings.Cut(of, " "); table {
	case plan.PartAlert:
		return "; until then no alert is sent"
	default:
		return "; until then deliveries to " + table + " wait"
	}
}

// keyBefore looks whether a key would be found and is one.
func keyBefore(p *plan.Plan, name string, from api.KeyFrom) Finding {
	waits := lacking(name)
	if from.Credential != "" {
		found, ok := credential(from.Credential)
		switch {
		case !ok && os.Geteuid() != 0:
			return skipped(name, "only the service gets the credential %s: run as root", from.Credential)
		case !ok:
			return warned(name, "write the key into "+filepath.Join(keysFolder, from.Credential)+waits, "there is no credential %s in %s", from.Credential, keysFolder)
		}
		from = found
	}
	if _, err := from.Read(); errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		return skipped(name, "%v: run as root, or as a member of the group stationd", err)
	} else if err != nil {
		return warned(name, "write the key into the file, on one line"+waits, "%v", err)
	}
	return keyMode(p, name, from)
}

// keyMode looks at who may read a key that can be read.
func keyMode(p *plan.Plan, name string, from api.KeyFrom) Finding {
	info, err := os.Stat(from.File)
	if err != nil {
		return passed(name, "readable")
	}
	if strings.HasPrefix(from.File, keysFolder) || strings.HasPrefix(from.File, "/run/credentials/") {
		return handedMode(name, from.File)
	}
	if u, ok := serviceAccount(); ok && p.Station.Data == plan.PackagedData && !canAccess(info, u, 0o400) {
		return failed(name, "chgrp stationd "+from.File+"; chmod 640 "+from.File, "the service's account %s may not read %s", u.Username, from.File)
	}
	if mode := info.Mode().Perm(); mode&0o037 != 0 {
		return warned(name, "chmod 640 "+from.File, "%s has mode %04o: more than its owner and group can read it", from.File, mode)
	}
	return passed(name, "%s is readable", from.File)
}

// handedMode looks at who may read a credential where it lies between two starts. The
// folder keeps everybody out but root, until somebody opens it.
func handedMode(name, file string) Finding {
	folder, err := os.Stat(keysFolder)
	if err != nil || folder.Mode().Perm()&0o011 == 0 {
		return passed(name, "%s is readable", file)
	}
	kept := filepath.Join(keysFolder, filepath.Base(file))
	info, err := os.Stat(kept)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return passed(name, "%s is readable", file)
	}
	return warned(name, "chmod 700 "+keysFolder+"; chmod 600 "+kept, "%s has mode %04o in a folder that is open to others: only root should read it", kept, info.Mode().Perm())
}

// filesBefore looks for files beside the outbox that the station could not open: such
// as a command that was run as root left there.
func filesBefore(p *plan.Plan) []Finding {
	folder, err := os.Stat(p.Station.Data)
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
	var found []Finding
	err = filepath.WalkDir(p.Station.Data, func(path string, d fs.DirEntry, err error) error {
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
		if !canAccess(info, account, want) {
			found = append(found, failed("data files", fmt.Sprintf("chown -R %s: %s", account.Username, p.Station.Data),
				"%s cannot be opened by %s, the owner of the folder; a command run as root may have created it", path, account.Username))
		}
		return nil
	})
	if err != nil {
		return append(found, skipped("data files", "%v", err))
	}
	return found
}
