package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/clock"
	"stationd/internal/contents"
	"stationd/internal/control"
	"stationd/internal/crash"
	"stationd/internal/plan"
	"stationd/internal/queue"
	"stationd/internal/station"
	"stationd/internal/verify"
)

// newOutboxSize is the size with which internal/queue creates an outbox, in bytes.
const newOutboxSize = 64 << 20

// machineChecks returns the checks of this machine itself: data folder, page, control
// socket, outbox, clock and crashes.
func (d *doctor) machineChecks() []check {
	return []check{
		{"data folder", d.checkDataFolder},
		{"data files", func(context.Context) []Finding { return checkDataFiles(d.plan) }},
		single("page", func(context.Context) Finding { return checkPage(d.plan, d.running) }),
		{"metrics", func(context.Context) []Finding { return checkMetrics(d.plan, d.running) }},
		{"page elsewhere", func(context.Context) []Finding { return checkElsewhere(d.plan, time.Now()) }},
		{"access", func(context.Context) []Finding { return checkAccess(d.plan) }},
		single("control", func(context.Context) Finding { return checkControlSocket(d.plan) }),
		single("outbox", d.checkOutbox),
		single("held", d.checkHeld),
		single("clock", d.checkClock),
		single("last crash", func(context.Context) Finding { return d.checkCrash(d.plan.Station.Data) }),
	}
}

// checkDataFolder checks the folder of the outbox.
func (d *doctor) checkDataFolder(context.Context) []Finding {
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
	return []Finding{checkWritable(path, info, disk), checkFilesystem(path, disk), d.checkSpace(path, disk)}
}

// checkWritable checks that the service may write into the data folder.
func checkWritable(path string, info fs.FileInfo, disk unix.Statfs_t) Finding {
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

// checkFilesystem checks that the file system of the data folder keeps what is written.
func checkFilesystem(path string, disk unix.Statfs_t) Finding {
	const name = "data file system"
	const keep = "mount an ext4 partition there: entries that wait in the outbox exist nowhere else"
	kinds := map[uint32]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.BTRFS_SUPER_MAGIC: "btrfs", unix.F2FS_SUPER_MAGIC: "f2fs", unix.XFS_SUPER_MAGIC: "xfs",
		unix.TMPFS_MAGIC: "tmpfs", unix.RAMFS_MAGIC: "ramfs", unix.OVERLAYFS_SUPER_MAGIC: "overlay",
		unix.NFS_SUPER_MAGIC: "nfs", unix.SMB_SUPER_MAGIC: "smb", unix.SMB2_SUPER_MAGIC: "smb", unix.CIFS_SUPER_MAGIC: "cifs",
		unix.MSDOS_SUPER_MAGIC: "vfat", unix.FUSE_SUPER_MAGIC: "fuse",
	}
	kind, known := kinds[uint32(disk.Type)] // its type differs between architectures
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

// checkSpace checks that there is space for the outbox, or for the recovery of one.
func (d *doctor) checkSpace(path string, disk unix.Statfs_t) Finding {
	const name = "data space"
	free := int64(disk.Bavail) * int64(disk.Bsize) //nolint:unconvert // its type differs on 32-bit boards
	info, err := os.Stat(d.plan.Outbox())
	switch {
	case err != nil && free < newOutboxSize:
		return failed(name, "free some space: a new outbox takes all of its size at once", "%s has %s free, and a new outbox takes %s", path, megabytes(free), megabytes(newOutboxSize))
	case err != nil:
		return passed(name, "%s free; a new outbox takes %s of it", megabytes(free), megabytes(newOutboxSize))
	case free < info.Size():
		return warned(name, "free some space: a damaged outbox is recovered into a second file, and the history grows", "%s has %s free, less than the size of the outbox (%s)", path, megabytes(free), megabytes(info.Size()))
	}
	return passed(name, "%s free; the outbox already has its %s", megabytes(free), megabytes(info.Size()))
}

func megabytes(n int64) string { return fmt.Sprintf("%d MB", n>>20) }

// checkDataFiles looks for files in the data folder that the station could not open, such
// as those that a command created as root.
func checkDataFiles(p *plan.Plan) []Finding {
	folder, err := os.Stat(p.Station.Data)
	if err != nil || !folder.IsDir() {
		return nil // checkDataFolder reports it, and the first start creates it
	}
	account, ok := ownerOf(folder)
	if !ok || account.Uid == "0" {
		return nil // root may open everything
	}
	var found []Finding
	err = filepath.WalkDir(p.Station.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir // this user may not read it
		}
		info, err := d.Info()
		if err != nil || info.Mode().Type() != 0 && !info.IsDir() {
			return nil //nolint:nilerr // it is gone, or a socket
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

// ownerOf returns the account that owns a file; one without a name goes by its number.
func ownerOf(info fs.FileInfo) (*user.User, bool) {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, false
	}
	uid := strconv.Itoa(int(owner.Uid))
	if u, err := user.LookupId(uid); err == nil {
		return u, true
	}
	return &user.User{Uid: uid, Gid: strconv.Itoa(int(owner.Gid)), Username: uid}, true
}

// checkOutbox verifies the outbox: by the running station, or in a process of its own, for
// a damaged file can crash the one that reads it.
func (d *doctor) checkOutbox(ctx context.Context) Finding {
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
	if d.noAnswer != nil {
		return skipped(name, "the station has it open and does not answer: %v", d.noAnswer)
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

// checkHeld counts the entries that are held for a person to decide.
func (d *doctor) checkHeld(ctx context.Context) Finding {
	const name = "held entries"
	if d.noAnswer != nil {
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

// checkClock checks that the clock is synchronised, as the running station sees it: its
// unit may hide from it what this process can see.
func (d *doctor) checkClock(context.Context) Finding {
	const name = "clock"
	const server = "set up a time server: timedatectl set-ntp true; timedatectl timesync-status"
	c, err := clock.New()
	if err != nil {
		return skipped(name, "%v", err)
	}
	now := time.Now().In(d.plan.Zone).Format("2006-01-02 15:04:05 MST")
	synchronised, fault := c.Synchronised()
	switch {
	case d.running && d.snapshot.Health.Clock:
		return passed(name, "%s, synchronised according to the running station", now)
	case d.running && synchronised:
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

// checkCrash reports the last crash, until its file is deleted.
func (d *doctor) checkCrash(folder string) Finding {
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
