package doctor

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"stationd/internal/api"
	"stationd/internal/api/webhook"
	"stationd/internal/plan"
)

// Where credentials lie: systemd reads them from the first at each start of the service,
// and hands them to it in the second.
const (
	keysFolder        = "/etc/stationd/keys"
	credentialsFolder = "/run/credentials/"
)

// account is the account that the packaged unit runs under.
const account = "stationd"

// A namedKey is a secret that the configuration asks for.
type namedKey struct {
	name string
	from api.KeyFrom
}

// configuredKeys returns the secrets that the configuration asks for.
func configuredKeys(p *plan.Plan) []namedKey {
	var all []namedKey
	for _, v := range p.Vendors {
		if !v.ByRelay {
			all = append(all, namedKey{v.Name + " key", v.Section.Secret()})
		}
	}
	if p.Relay != nil && p.Relay.Key.Given() {
		all = append(all, namedKey{"relay key", p.Relay.Key})
	}
	if s := p.Alert; s != nil && s.Key.Given() {
		all = append(all, namedKey{"alert key", s.Key})
	}
	for _, route := range configuredRoutes(p) {
		if route.ProxyKey.Given() {
			all = append(all, namedKey{route.vendor + " proxy_key", route.ProxyKey})
		}
	}
	return all
}

// KeyPlaces returns where the configuration has its secrets.
func KeyPlaces(p *plan.Plan) (all []api.KeyFrom) {
	for _, k := range configuredKeys(p) {
		if k.from.Given() {
			all = append(all, k.from)
		}
	}
	if from := api.KeyFrom(p.Web.Token); from.Given() {
		all = append(all, from)
	}
	return all
}

// KeysOf returns the keys of a configuration that this process can read, and the secret
// addresses in it: what must be in nothing that leaves the station.
func KeysOf(p *plan.Plan) (keys []api.Key) {
	places := []api.KeyFrom{api.KeyFrom(p.Web.Token)}
	for _, k := range configuredKeys(p) {
		places = append(places, k.from)
	}
	for _, from := range places {
		if found, ok := findCredential(from.Credential); from.Credential != "" && ok {
			from = found
		}
		if key, err := from.Read(); err == nil {
			keys = append(keys, key)
		}
	}
	hooks := make([]api.Hook, 0, 2)
	if p.Alert != nil {
		hooks = append(hooks, p.Alert.Hook)
	}
	for _, v := range p.Vendors {
		if s, is := v.Section.(*webhook.Section); is {
			hooks = append(hooks, s.Hook)
		}
	}
	for _, h := range hooks {
		h.Key = api.KeyFrom{} // it is among those above, or cannot be read
		if _, secrets, err := h.Sign(); err == nil {
			keys = append(keys, secrets...)
		}
	}
	return keys
}

// findKey checks a key without showing it. It returns where this process can read it, nil
// where it cannot.
func (d *doctor) findKey(name string, from api.KeyFrom) (Finding, *api.KeyFrom) {
	// The running service may have read another key than the one that lies there now.
	if fault := d.snapshot.Health.Devices[strings.TrimSuffix(name, " file")]; d.running && fault != "" {
		return failed(name, "fix the key, then systemctl reload stationd (restart if it is a credential)", "the running station says: %s", fault), nil
	}
	if from.Credential != "" {
		found, ok := findCredential(from.Credential)
		switch {
		case !ok && d.running && os.Geteuid() != 0:
			return skipped(name, "the running station has the credential %s; only root can check it from here", from.Credential), nil
		case !ok && os.Geteuid() == 0:
			return failed(name, "write the key into "+filepath.Join(keysFolder, from.Credential)+" and restart: systemctl restart stationd", "the credential %s exists neither in the service nor in %s", from.Credential, keysFolder), nil
		case !ok:
			return skipped(name, "only the service gets the credential %s: run doctor as root while the service runs", from.Credential), nil
		}
		from = found
	}
	if _, err := from.Read(); err != nil {
		do := "write the key into the file, on one line: install -m 640 -o root -g stationd /dev/stdin " + from.File
		if errors.Is(err, api.ErrKeyExposed) {
			do = "chgrp stationd " + from.File + "; chmod 640 " + from.File
		}
		if isCredential(from.File) {
			do = "write the key into its file under " + keysFolder + " and restart: systemctl restart stationd"
		}
		if errors.Is(err, fs.ErrPermission) {
			do = "run doctor as root, or let the group stationd read it"
		}
		return failed(name, do, "%v", err), nil
	}
	return checkKeyMode(d.plan, name, from), &from
}

// findCredential returns where a process that is not the service can read a credential:
// what systemd has handed to the service, or what it hands over at the next start.
func findCredential(name string) (api.KeyFrom, bool) {
	for _, folder := range []string{os.Getenv("CREDENTIALS_DIRECTORY"), credentialsFolder + unit, keysFolder} {
		path := filepath.Join(folder, name)
		if folder == "" || unix.Access(path, unix.R_OK) != nil {
			continue
		}
		return api.KeyFrom{File: path}, true
	}
	return api.KeyFrom{}, false
}

// isCredential reports whether a file is one that systemd hands to the service.
func isCredential(file string) bool {
	return strings.HasPrefix(file, keysFolder) || strings.HasPrefix(file, credentialsFolder)
}

// checkKeyFile checks that a start would find a key and can read it.
func checkKeyFile(p *plan.Plan, name string, from api.KeyFrom) Finding {
	consequence := consequenceFor(name)
	if from.Credential != "" {
		found, ok := findCredential(from.Credential)
		switch {
		case !ok && os.Geteuid() != 0:
			return skipped(name, "only the service gets the credential %s: run as root", from.Credential)
		case !ok:
			return warned(name, "write the key into "+filepath.Join(keysFolder, from.Credential)+consequence, "there is no credential %s in %s", from.Credential, keysFolder)
		}
		from = found
	}
	if _, err := from.Read(); errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		return skipped(name, "%v: run as root, or as a member of the group stationd", err)
	} else if errors.Is(err, api.ErrKeyExposed) {
		return warned(name, "chgrp stationd "+from.File+"; chmod 640 "+from.File+consequence, "%v", err)
	} else if err != nil {
		return warned(name, "write the key into the file, on one line"+consequence, "%v", err)
	}
	return checkKeyMode(p, name, from)
}

// checkKeyMode checks who may read the file of a key.
func checkKeyMode(p *plan.Plan, name string, from api.KeyFrom) Finding {
	info, err := os.Stat(from.File)
	if err != nil {
		return passed(name, "readable")
	}
	if isCredential(from.File) {
		return checkCredentialMode(name, from.File)
	}
	if u, ok := serviceAccount(); ok && p.Station.Data == plan.PackagedData && !canAccess(info, u, 0o400) {
		return failed(name, "chgrp stationd "+from.File+"; chmod 640 "+from.File, "the service's account %s may not read %s", u.Username, from.File)
	}
	if mode := info.Mode().Perm(); mode&0o037 != 0 {
		return warned(name, "chmod 640 "+from.File, "%s has mode %04o: more than its owner and group can read it", from.File, mode)
	}
	return passed(name, "%s is readable", from.File)
}

// checkCredentialMode checks who may read a credential where it lies between two starts.
// As it is installed, only root may open the folder.
func checkCredentialMode(name, file string) Finding {
	folder, err := os.Stat(keysFolder)
	if err != nil || folder.Mode().Perm()&0o011 == 0 {
		return passed(name, "%s is readable", file)
	}
	source := filepath.Join(keysFolder, filepath.Base(file))
	info, err := os.Stat(source)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return passed(name, "%s is readable", file)
	}
	return warned(name, "chmod 700 "+keysFolder+"; chmod 600 "+source, "%s has mode %04o in a folder that is open to others: only root should read it", source, info.Mode().Perm())
}

// consequenceFor returns what a missing file means for the table of the configuration that
// name begins with: "l2l key".
func consequenceFor(name string) string {
	switch table, _, _ := strings.Cut(name, " "); table {
	case plan.PartAlert:
		return "; until then no alert is sent"
	case "relay":
		return "; until then what goes by the relay waits"
	default:
		return "; until then deliveries to " + table + " wait"
	}
}

// checkCertificates checks that the certificates that the configuration names are readable:
// those of the plant's authorities, and the printers' own.
func checkCertificates(p *plan.Plan) (found []Finding) {
	check := func(name, file, do string, open func() error) {
		err := open()
		switch {
		case err == nil:
			found = append(found, checkCertificateMode(p, name, file))
		case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
			found = append(found, skipped(name, "%v: run as root, or as a member of the group stationd", err))
		default:
			found = append(found, warned(name, do, "%v", err))
		}
	}
	for _, route := range configuredRoutes(p) {
		if route.CA != "" {
			check(route.vendor+" ca", route.CA, "install the authority's certificate there, as PEM"+consequenceFor(route.vendor), func() error {
				_, err := api.Trust(route.CA)
				return err
			})
		}
	}
	for _, printer := range p.Printers {
		if printer.Certificate != "" {
			check("printer "+printer.Name, printer.Certificate, "install the printer's own certificate there, as PEM; until then nothing is printed on it", printer.CheckCertificate)
		}
	}
	return found
}

// checkCertificateMode checks that the service may read a certificate that this user can.
func checkCertificateMode(p *plan.Plan, name, file string) Finding {
	info, err := os.Stat(file)
	if err != nil {
		return undetermined(name, "%v", err)
	}
	if u, ok := serviceAccount(); ok && p.Station.Data == plan.PackagedData && !canAccess(info, u, 0o400) {
		return failed(name, "chmod 644 "+file, "the service's account %s may not read %s", u.Username, file)
	}
	return passed(name, "%s is readable", file)
}

// serviceAccount returns the service's account; ok only for root, who may read files that
// the service may not.
func serviceAccount() (*user.User, bool) {
	if os.Geteuid() != 0 {
		return nil, false
	}
	u, err := user.Lookup(account)
	return u, err == nil
}

// canAccess reports whether a user has the permissions want for a file, given as the
// owner's bits: 0o400 to read it, 0o300 to write into a folder.
func canAccess(info fs.FileInfo, u *user.User, want fs.FileMode) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true // unknown: say nothing
	}
	groups, err := u.GroupIds()
	if err != nil {
		groups = []string{u.Gid}
	}
	switch {
	case strconv.Itoa(int(owner.Uid)) == u.Uid:
	case slices.Contains(groups, strconv.Itoa(int(owner.Gid))):
		want >>= 3
	default:
		want >>= 6
	}
	return info.Mode().Perm()&want == want
}
