package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/api"
	"stationd/internal/clock"
	"stationd/internal/contents"
	"stationd/internal/control"
	"stationd/internal/crash"
	"stationd/internal/gpio"
	"stationd/internal/plan"
	"stationd/internal/queue"
	"stationd/internal/scanner"
	"stationd/internal/station"
	"stationd/internal/terminal"
	"stationd/internal/verify"
	"stationd/internal/version"
)

// crash looks at whether the station crashed lately.
func (d *doctor) crash(folder string) Finding {
	const name = "last crash"
	path := filepath.Join(folder, crash.Name)
	text, at, err := crash.Read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return passed(name, "none recorded")
	case err != nil:
		return skipped(name, "%v: run doctor as root", err)
	}
	what, where := crash.Summary(text)
	if where != "" {
		where = " in " + where
	}
	return warned(name, "send "+path+" to your support, then delete it", "%s: %s%s", at.In(d.plan.Zone).Format("2006-01-02 15:04:05"), what, where)
}

const (
	unit       = "stationd.service"
	account    = "stationd" // that the packaged unit runs under
	keysFolder = "/etc/stationd/keys"

	// outboxRoom is the size that a new outbox is made with: internal/queue's own.
	outboxRoom = 64 << 20
)

// A doctor examines one station.
type doctor struct {
	plan *plan.Plan

	running  bool
	snapshot station.Snapshot // while it runs
	silence  error            // why it does not answer, where that is not that it does not run
}

// ask asks the running station how it is.
func (d *doctor) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	s, err := control.Dial(plan.ControlPath(d.plan)).Snapshot(ctx)
	d.running, d.snapshot = err == nil, s
	if err != nil && !errors.Is(err, control.ErrAbsent) {
		d.silence = err
	}
}

// here looks at what this machine alone decides.
func (d *doctor) here() []check {
	return []check{
		{"data folder", d.folder},
		{"data files", func(context.Context) []Finding { return filesBefore(d.plan) }},
		one("page", func(context.Context) Finding { return pageBefore(d.plan, d.running) }),
		one("control", func(context.Context) Finding { return controlBefore(d.plan) }),
		one("outbox", d.outbox),
		one("held", d.held),
		one("clock", d.clock),
		one("last crash", func(context.Context) Finding { return d.crash(d.plan.Station.Data) }),
	}
}

// folder looks at where the outbox lies.
func (d *doctor) folder(context.Context) []Finding {
	const name = "data folder"
	path := d.plan.Station.Data
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && path == plan.PackagedData:
		return []Finding{failed(name, "start the service, which creates it: systemctl start stationd", "%s does not exist", path)}
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{failed(name, "create it for the service's account: install -d -m 700 -o stationd -g stationd "+path, "%s does not exist", path)}
	case err != nil:
		return []Finding{failed(name, "run doctor as root", "%v", err)}
	case !info.IsDir():
		return []Finding{failed(name, "move it away: the outbox needs a folder", "%s is not a folder", path)}
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(path, &disk); err != nil {
		return []Finding{failed(name, "check the card: dmesg", "%s: %v", path, err)}
	}
	return []Finding{writable(path, info, disk), checkFilesystem(path, disk), d.room(path, disk)}
}

// writable looks at who may write into the folder.
func writable(path string, info fs.FileInfo, disk unix.Statfs_t) Finding {
	const name = "data folder"
	if disk.Flags&unix.ST_RDONLY != 0 {
		return failed(name, "see dmesg for the cause; a worn card is often mounted read-only after an error: replace it", "%s is mounted read-only", path)
	}
	if err := unix.Access(path, unix.W_OK|unix.X_OK); err != nil {
		if os.Geteuid() != 0 && errors.Is(err, unix.EACCES) && path == plan.PackagedData {
			return skipped(name, "only root and the account stationd may open %s: run doctor as root", path)
		}
		return failed(name, "give it to the service's account", "%s cannot be written: %v", path, err)
	}
	if u, ok := serviceAccount(); ok && path == plan.PackagedData && !canAccess(info, u, 0o300) {
		return failed(name, "chown -R stationd:stationd "+path, "%s does not belong to the service's account %s", path, u.Username)
	}
	return passed(name, "%s is writable", path)
}

// checkFilesystem looks at what kind of file system the folder is on.
func checkFilesystem(path string, disk unix.Statfs_t) Finding {
	const name = "data file system"
	const keep = "mount an ext4 partition there: entries that wait in the outbox exist nowhere else"
	kinds := map[uint32]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.BTRFS_SUPER_MAGIC: "btrfs", unix.F2FS_SUPER_MAGIC: "f2fs", unix.XFS_SUPER_MAGIC: "xfs",
		unix.TMPFS_MAGIC: "tmpfs", unix.RAMFS_MAGIC: "ramfs", unix.OVERLAYFS_SUPER_MAGIC: "overlay",
		unix.NFS_SUPER_MAGIC: "nfs", unix.SMB_SUPER_MAGIC: "smb", unix.SMB2_SUPER_MAGIC: "smb", unix.CIFS_SUPER_MAGIC: "cifs",
		unix.MSDOS_SUPER_MAGIC: "vfat", unix.FUSE_SUPER_MAGIC: "fuse",
	}
	kind, known := kinds[uint32(disk.Type)] // signed or not, and of another size, on other boards
	switch kind {
	case "tmpfs", "ramfs":
		return failed(name, keep, "%s is in memory (%s): a power cut loses everything", path, kind)
	case "overlay":
		return warned(name, keep, "%s is on an overlay: if its upper layer is in memory, a power cut loses everything", path)
	case "nfs", "smb", "cifs", "vfat", "fuse":
		return warned(name, keep, "%s is on %s, which does not store as reliably as a local disk", path, kind)
	}
	if !known {
		return undetermined(name, "%s is on a file system that doctor does not know (%#x)", path, disk.Type)
	}
	return passed(name, "%s", kind)
}

// room looks at how much space there is.
func (d *doctor) room(path string, disk unix.Statfs_t) Finding {
	const name = "data space"
	free := int64(disk.Bavail) * int64(disk.Bsize) //nolint:unconvert // it has another size on 32-bit boards
	info, err := os.Stat(d.plan.Outbox())
	switch {
	case err != nil && free < outboxRoom:
		return failed(name, "free some space: a new outbox takes all of its size at once", "%s has %s free, and a new outbox takes %s", path, megabytes(free), megabytes(outboxRoom))
	case err != nil:
		return passed(name, "%s free; a new outbox takes %s of it", megabytes(free), megabytes(outboxRoom))
	case free < info.Size():
		return warned(name, "free some space: a damaged outbox is recovered into a second file, and the history grows", "%s has %s free, less than the size of the outbox (%s)", path, megabytes(free), megabytes(info.Size()))
	}
	return passed(name, "%s free; the outbox already has its %s", megabytes(free), megabytes(info.Size()))
}

func megabytes(n int64) string { return fmt.Sprintf("%d MB", n>>20) }

// outbox looks at the outbox's own rules.
func (d *doctor) outbox(ctx context.Context) Finding {
	const name = "outbox"
	path := d.plan.Outbox()
	const damaged = "keep a copy of the file for your support and restart: the start recovers what is readable"
	if d.running {
		if err := control.Dial(plan.ControlPath(d.plan)).Verify(ctx); err != nil {
			return failed(name, damaged, "%v", err)
		}
		if fault := d.snapshot.Health.Storage; fault != "" {
			return failed(name, "see /usr/share/doc/stationd/docs/files.md", "%s", fault)
		}
		return passed(name, "%s: sound according to the running station, %.0f %% full", path, 100*d.snapshot.Health.Fill)
	}
	if d.silence != nil {
		return skipped(name, "the station has it open and does not answer: %v", d.silence)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return passed(name, "%s: does not exist yet; the first start creates it", path)
	} else if err != nil {
		return skipped(name, "%v: run doctor as root", err)
	}
	err := verify.InSubprocess(ctx, path)
	switch {
	case ctx.Err() != nil:
		return skipped(name, "%s: takes too long for a check: run stationd outbox verify", path)
	case errors.Is(err, queue.ErrDamaged):
		return failed(name, damaged, "%v", err)
	case errors.Is(err, queue.ErrNewer):
		return failed(name, "install that version of stationd again, or a newer one", "%s: %v", path, err)
	case err != nil:
		return skipped(name, "%v", err)
	}
	return passed(name, "%s: sound", path)
}

// held counts what waits, and what waits for a person.
func (d *doctor) held(ctx context.Context) Finding {
	const name = "held entries"
	if d.silence != nil {
		return skipped(name, "the station does not answer")
	}
	if _, err := os.Stat(d.plan.Outbox()); !d.running && err != nil {
		return passed(name, "none: there is no outbox yet")
	}
	c, err := contents.Read(ctx, d.plan, station.Limit{}) // only how many
	if err != nil {
		return skipped(name, "%v", err)
	}
	if c.Held > 0 {
		return warned(name, "list them with stationd outbox ls, then retry or discard each", "%d held, %d waiting, %d unknown scans", c.Held, c.Waiting, c.Unknown)
	}
	return passed(name, "none; %d waiting, %d unknown scans", c.Waiting, c.Unknown)
}

// clock looks at whether anybody has set the clock: as the running station sees it,
// which its unit may keep from seeing what this process sees.
func (d *doctor) clock(context.Context) Finding {
	const name = "clock"
	const server = "set up a time server: timedatectl set-ntp true; timedatectl timesync-status"
	c, err := clock.New()
	if err != nil {
		return skipped(name, "%v", err)
	}
	now := time.Now().In(d.plan.Zone).Format("2006-01-02 15:04:05 MST")
	kept, fault := c.Synchronised()
	switch {
	case d.running && d.snapshot.Health.Clock:
		return passed(name, "%s, synchronised according to the running station", now)
	case d.running && kept:
		return warned(name, "check with systemctl cat stationd that no drop-in sets ProtectClock=yes or removes adjtimex from SystemCallFilter=",
			"%s, synchronised, but the running station cannot see that: the times of presses are estimated", now)
	case d.running:
		return warned(name, server, "%s, not synchronised since boot: the times of presses are estimated", now)
	case fault != nil:
		return undetermined(name, "%s; no station runs, and doctor itself cannot see whether it is synchronised: %v", now, fault)
	case !c.Set():
		return warned(name, server, "%s, not synchronised as doctor itself sees it (no station runs): the times of presses will be estimated", now)
	}
	return passed(name, "%s, synchronised as doctor itself sees it (no station runs)", now)
}

// serviceAccount is the account that the packaged unit runs under, for a doctor
// who is root and so may read what it may not.
func serviceAccount() (*user.User, bool) {
	if os.Geteuid() != 0 {
		return nil, false
	}
	u, err := user.Lookup(account)
	return u, err == nil
}

// canAccess reports whether a user may do with a file what the owner's bits of want
// say: 0o400 to read it, 0o300 to write into a folder.
func canAccess(info fs.FileInfo, u *user.User, want fs.FileMode) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true // nobody can tell
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

// key looks at a key without showing it. It returns where it can be read from here,
// nil where it cannot.
func (d *doctor) key(name string, from api.KeyFrom) (Finding, *api.KeyFrom) {
	// What the service was handed may be another key than the one that lies there now.
	if fault := d.snapshot.Health.Devices[strings.TrimSuffix(name, " file")]; d.running && fault != "" {
		return failed(name, "fix the key, then systemctl reload stationd (restart if it is a credential)", "the running station says: %s", fault), nil
	}
	if from.Credential != "" {
		found, ok := credential(from.Credential)
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
		if strings.HasPrefix(from.File, keysFolder) || strings.HasPrefix(from.File, "/run/credentials/") {
			do = "write the key into its file under " + keysFolder + " and restart: systemctl restart stationd"
		}
		if errors.Is(err, fs.ErrPermission) {
			do = "run doctor as root, or let the group stationd read it"
		}
		return failed(name, do, "%v", err), nil
	}
	found := keyMode(d.plan, name, from)
	return found, &from
}

// credential is where the secret behind a credential can be read by who is not the
// service: what systemd handed to it, or what it hands over at the next start.
func credential(name string) (api.KeyFrom, bool) {
	for _, folder := range []string{os.Getenv("CREDENTIALS_DIRECTORY"), "/run/credentials/" + unit, keysFolder} {
		path := filepath.Join(folder, name)
		if folder == "" || unix.Access(path, unix.R_OK) != nil {
			continue
		}
		return api.KeyFrom{File: path}, true
	}
	return api.KeyFrom{}, false
}

// devices looks at what is plugged in and wired.
func (d *doctor) devices() []check {
	var all []check
	if panel := d.plan.Panel(); !panel.Empty() {
		if d.running {
			all = append(all, one("lines", d.lines))
		} else {
			all = append(all, d.chips()...)
		}
	}
	for _, s := range d.plan.Scanners {
		all = append(all, one("reader "+s.Name, func(ctx context.Context) Finding { return d.reader(ctx, s) }))
	}
	for _, p := range d.plan.Printers {
		all = append(all, one("printer "+p.Name, func(ctx context.Context) Finding {
			if err := p.Ready(ctx); err != nil {
				return failed("printer "+p.Name, "see /usr/share/doc/stationd/docs/printing.md", "%v", err)
			}
			return passed("printer "+p.Name, "%s is ready to print PDF", p.URL)
		}))
	}
	return all
}

// lines asks the running station, which has the lines, how they are.
func (d *doctor) lines(context.Context) Finding {
	const name = "lines"
	var names, faults []string
	for _, b := range d.plan.Buttons {
		names = append(names, b.Name)
	}
	for _, l := range d.plan.Lamps {
		names = append(names, l.Name)
	}
	for _, b := range d.plan.Buzzers {
		names = append(names, b.Name)
	}
	for _, n := range names {
		if fault := d.snapshot.Health.Devices[n]; fault != "" {
			faults = append(faults, n+": "+fault)
		}
	}
	if len(faults) > 0 {
		return failed(name, "check its wiring: /usr/share/doc/stationd/docs/wiring.md", "%s", strings.Join(faults, "; "))
	}
	return passed(name, "the running station reports no faults: %s", strings.Join(names, ", "))
}

// A wired is a line that the configuration names.
type wired struct {
	what, chip string
	pin        int
}

// wiring is every line that the configuration names.
func (d *doctor) wiring() []wired {
	var all []wired
	add := func(what, chip string, pin int) {
		if chip == "" {
			chip = d.plan.Chips.Chip
		}
		all = append(all, wired{what, chip, pin})
	}
	for _, b := range d.plan.Buttons {
		add("button "+b.Name, b.Chip, b.Pin)
		if b.PinNC != nil {
			add("button "+b.Name+" (nc)", b.Chip, *b.PinNC)
		}
	}
	for _, l := range d.plan.Lamps {
		add("lamp "+l.Name, l.Chip, l.Pin)
	}
	for _, b := range d.plan.Buzzers {
		add("buzzer "+b.Name, b.Chip, b.Pin)
	}
	return all
}

// chips looks at each chip that is named, taking none of its lines.
func (d *doctor) chips() []check {
	byChip := make(map[string][]wired)
	for _, w := range d.wiring() {
		byChip[w.chip] = append(byChip[w.chip], w)
	}
	var all []check
	for _, chip := range slices.Sorted(maps.Keys(byChip)) {
		name := "chip " + chip
		if chip == "" {
			name = "chip of the header"
		}
		all = append(all, one(name, func(context.Context) Finding { return lookAtChip(name, chip, byChip[chip]) }))
	}
	return all
}

// lookAtInput looks at an input device whose keys are buttons.
func lookAtInput(name, chip string, wiring []wired) Finding {
	var said []string
	var codes []int
	for _, w := range wiring {
		said, codes = append(said, w.what), append(codes, w.pin)
	}
	device, err := gpio.FindInput(chip, codes)
	if err != nil {
		return failed(name, "plug it in, and compare its USB ids and keys with the configuration", "%v", err)
	}
	return passed(name, "%s, has the keys of %s", device, strings.Join(said, ", "))
}

func lookAtChip(name, chip string, wiring []wired) Finding {
	if gpio.IsInput(chip) {
		return lookAtInput(name, chip, wiring)
	}
	wires, err := gpio.Survey(chip)
	if err != nil {
		return failed(name, "set chip in [gpio] to the label of a chip that stationd pins lists", "%v", err)
	}
	var said, faults []string
	for _, w := range wiring {
		i := slices.IndexFunc(wires, func(there gpio.Wire) bool { return there.Pin == w.pin })
		switch {
		case i < 0:
			faults = append(faults, fmt.Sprintf("%s: the chip has no line %d", w.what, w.pin))
		case wires[i].Holder != "":
			faults = append(faults, fmt.Sprintf("%s: line %d is in use by %s", w.what, w.pin, wires[i].Holder))
		default:
			said = append(said, fmt.Sprintf("%s %d", w.what, w.pin))
		}
	}
	if len(faults) > 0 {
		return failed(name, "see stationd pins", "%s", strings.Join(faults, "; "))
	}
	return passed(name, "all configured lines exist and are free: %s", strings.Join(said, ", "))
}

// reader looks at whether a reader is plugged in.
func (d *doctor) reader(ctx context.Context, s scanner.Config) Finding {
	name := "reader " + s.Name
	if fault := d.snapshot.Health.Devices[s.Name]; d.running && fault != "" {
		return failed(name, "plug it in; stationd scans shows what it sends", "%s", fault)
	}
	if strings.HasPrefix(s.Port, "tcp") {
		return d.networkReader(ctx, name, s)
	}
	device, err := scanner.Find(s.Port)
	if err == nil {
		_, err = os.Stat(device)
	}
	switch {
	case errors.Is(err, scanner.ErrNotThere), errors.Is(err, fs.ErrNotExist):
		return failed(name, "plug it in; stationd setup finds its port", "%s does not exist", s.Port)
	case err != nil:
		return failed(name, "stationd setup finds its port", "%s: %v", s.Port, err)
	case d.running:
		return d.read(name, s.Name, place(s.Port, device)+" exists")
	}
	if err := unix.Access(device, unix.R_OK|unix.W_OK); err != nil {
		return failed(name, "join the groups dialout and input, or run doctor as root", "no permission to open %s: %v", place(s.Port, device), err)
	}
	return passed(name, "%s exists", place(s.Port, device))
}

// read is a reader that the running station reads, and what could be better about it.
func (d *doctor) read(name, reader, where string) Finding {
	if advice := d.snapshot.Health.Advice[reader]; advice != "" {
		return warned(name, "set it in its [[scanner]] and restart: systemctl restart stationd", "%s; the running station reads it; %s", where, advice)
	}
	return passed(name, "%s; the running station reads it", where)
}

// networkReader looks at a reader of the network. One that a station reads is left alone:
// many take one connection only.
func (d *doctor) networkReader(ctx context.Context, name string, s scanner.Config) Finding {
	port := s.Port
	if d.running {
		return d.read(name, s.Name, port)
	}
	switch address, err := scanner.Probe(ctx, port); {
	case err != nil:
		return failed(name, "check its cable, its power and its address", "%v", err)
	case address == "":
		return passed(name, "it connects to %s", strings.TrimPrefix(port, "tcp-listen:"))
	default:
		return passed(name, "%s answers", address)
	}
}

// place is a port with the device that it is now.
func place(port, device string) string {
	if strings.HasSuffix(port, device) {
		return port
	}
	return port + ", " + device
}

// service looks at the daemon and at what starts it.
func (d *doctor) service() []check {
	return []check{one("station", d.daemon), {"parts", d.parts}, one("service", d.enabled), one("restarts", restarts)}
}

// parts are what the running station says of its own parts, beside the inputs, lamps
// and printers that have checks of their own.
func (d *doctor) parts(context.Context) []Finding {
	if !d.running {
		return nil
	}
	own := make(map[string]bool)
	for _, w := range named(d.plan) {
		own[w] = true
	}
	return partsOf(d.snapshot, own)
}

// partsOf are the faults of a running station, but for those of what is in own.
func partsOf(s station.Snapshot, own map[string]bool) []Finding {
	var found []Finding
	for _, name := range slices.Sorted(maps.Keys(s.Health.Devices)) {
		if fault := s.Health.Devices[name]; fault != "" && !own[name] {
			found = append(found, failed(name, "", "the running station says: %s", fault))
		}
	}
	return found
}

// named are the names of everything that is wired or plugged in.
func named(p *plan.Plan) []string {
	var all []string
	for _, b := range p.Buttons {
		all = append(all, b.Name)
	}
	for _, l := range p.Lamps {
		all = append(all, l.Name)
	}
	for _, b := range p.Buzzers {
		all = append(all, b.Name)
	}
	for _, s := range p.Scanners {
		all = append(all, s.Name)
	}
	for _, one := range p.Printers {
		all = append(all, one.Name)
	}
	return all
}

// runningBeside are the faults of the station that runs beside a faulty file.
func runningBeside(ctx context.Context, path string) []Finding {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	s, err := control.Dial(plan.ControlPathOf(path)).Snapshot(ctx)
	if err != nil {
		return []Finding{failed("station", "fix the configuration, then: systemctl restart stationd", "not running: %v", err)}
	}
	return partsOf(s, nil)
}

// restarts looks how often the service manager has started the station again.
//
//	systemctl show --property=NRestarts,Result stationd.service
//	NRestarts=3
//	Result=watchdog
func restarts(ctx context.Context) Finding {
	const name = "restarts"
	if _, err := os.Stat("/run/systemd/system"); err != nil { // sd_booted(3)
		return skipped(name, "this machine is not run by systemd")
	}
	out, err := exec.CommandContext(ctx, "systemctl", "show", "--property=NRestarts,Result", unit).Output()
	if err != nil {
		return skipped(name, "systemctl show: %v", err)
	}
	return restartsOf(string(out))
}

// restartsOf judges what systemctl show says.
func restartsOf(said string) Finding {
	const name = "restarts"
	values := make(map[string]string)
	for line := range strings.Lines(said) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[key] = value
	}
	n, err := strconv.Atoi(values["NRestarts"])
	switch {
	case err != nil:
		return undetermined(name, "systemctl shows no NRestarts")
	case n == 0:
		return passed(name, "none since the service was started")
	}
	return warned(name, "see journalctl -u stationd for the cause", "restarted by systemd %s since the service was started, last after: %s", terminal.Count(n, "time"), values["Result"])
}

func (d *doctor) daemon(context.Context) Finding {
	const name = "station"
	socket := plan.ControlPath(d.plan)
	switch {
	case d.silence != nil:
		return failed(name, "run doctor as root, or join the group stationd: adduser NAME stationd", "%v", d.silence)
	case !d.running:
		return failed(name, "systemctl start stationd; journalctl -u stationd -b shows why it stopped", "not running with this configuration: nothing answers at %s; clock, keys and devices are shown as doctor itself sees them", socket)
	case d.snapshot.Version != version.Current():
		return warned(name, "systemctl restart stationd", "the running stationd is version %s, this one is %s", d.snapshot.Version, version.Current())
	}
	for _, backend := range slices.Sorted(maps.Keys(d.snapshot.Health.Backends)) {
		if fault := d.snapshot.Health.Backends[backend].Fault; fault != "" {
			return failed(name, "fix the key, then systemctl reload stationd (restart if it is a credential)", "delivers nothing to %s: %s", backend, fault)
		}
	}
	return passed(name, "version %s is running and answers at %s; %d waiting, %d held%s", d.snapshot.Version, socket, d.snapshot.Waiting, d.snapshot.Held, contacts(d.snapshot.Health.Backends))
}

// contacts says how it stands with each backend that was spoken to: "; l2l: connected".
func contacts(backends map[string]station.Contact) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(backends)) {
		if kind := backends[name].Kind; kind != station.Untried {
			fmt.Fprintf(&text, "; %s: %s", name, kind)
		}
	}
	return text.String()
}

// enabled looks at whether systemd starts the station with the machine.
//
//	systemctl is-enabled stationd.service
//	enabled
func (d *doctor) enabled(ctx context.Context) Finding {
	const name = "service"
	if _, err := os.Stat("/run/systemd/system"); err != nil { // sd_booted(3)
		return skipped(name, "this machine is not run by systemd: check yourself that the station starts at boot")
	}
	out, err := exec.CommandContext(ctx, "systemctl", "is-enabled", unit).Output()
	said := strings.TrimSpace(string(out))
	switch {
	case said == "enabled":
		return passed(name, "%s is enabled: the station starts at boot", unit)
	case said != "" && said != "not-found":
		return failed(name, "systemctl enable --now stationd", "%s is %s: the station does not start at boot", unit, said)
	}
	return failed(name, "install the package: deploy/README.md", "%s is not installed: %v", unit, err)
}
