package deploy_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stationd/internal/queue"
	"stationd/internal/station"
)

// A board is this very machine with everything that is written to it kept apart: dpkg
// installs, removes and purges a package there, with the package's own scripts. There
// is no systemd in it.
type board struct {
	t    *testing.T
	root string // what the board calls /
	deb  string // the package, as the board calls it
}

const outboxFile = "/var/lib/stationd/outbox.db"

// TestRemovalAndPurge has each of its tests on a board of its own, and one program for
// all of them.
func TestRemovalAndPurge(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "stationd")
	must(t, command(t, "go", "build", "-o", program, "../cmd/stationd"))
	for what, test := range map[string]func(*testing.T, *board){
		"Removal says how much waits and purge keeps it":            removalSaysHowMuchWaitsAndPurgeKeepsIt,
		"A purge in one go keeps what waits":                        aPurgeInOneGoKeepsWhatWaits,
		"A purge deletes an outbox in which nothing waits":          aPurgeDeletesAnOutboxInWhichNothingWaits,
		"A purge keeps what it does not know":                       aPurgeKeepsWhatItDoesNotKnow,
		"Removal and purge of an outbox that a newer version wrote": removalAndPurgeOfAnOutboxThatANewerVersionWrote,
		"A purge that cannot move the outbox leaves it":             aPurgeThatCannotMoveTheOutboxLeavesIt,
		"A purge moves the outbox out of a partition":               aPurgeMovesTheOutboxOutOfAPartition,
		"An installation forgets what the removal listed":           anInstallationForgetsWhatTheRemovalListed,
		"A purge leaves no unit enabled":                            aPurgeLeavesNoUnitEnabled,
		"The relay's package leaves nothing of it":                  theRelaysPackageLeavesNothingOfIt,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			test(t, newBoard(t, program))
		})
	}
}

// newBoard is a board with the package installed.
func newBoard(t *testing.T, program string) *board {
	t.Helper()
	for _, program := range []string{"dpkg", "dpkg-deb", "mount", "chroot", "deb-systemd-helper", "systemd-sysusers"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: that removal and purge lose nothing that waits was NOT proved", program)
		}
	}
	dir := t.TempDir()
	b := &board{t: t, root: filepath.Join(dir, "root"), deb: "/stationd.deb"}
	if err := os.Mkdir(b.root, 0o755); err != nil { //nolint:gosec // the board's /
		t.Fatal(err)
	}
	if said, err := command(t, "mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("that removal and purge lose nothing that waits was NOT proved, for it takes the right to mount, as root has: %v\n%s", err, said)
	}
	t.Cleanup(func() {
		// The test's own context has ended.
		for _, at := range []string{b.root, dir} {
			if said, err := exec.CommandContext(context.WithoutCancel(t.Context()), "umount", "-R", at).CombinedOutput(); err != nil {
				t.Errorf("umount %s: %v\n%s", at, err, said)
			}
		}
	})
	for _, name := range []string{"root", "upper", "work"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil { //nolint:gosec // the board's /
			t.Fatal(err)
		}
	}
	options := fmt.Sprintf("lowerdir=/,upperdir=%s,workdir=%s", filepath.Join(dir, "upper"), filepath.Join(dir, "work"))
	must(t, command(t, "mount", "-t", "overlay", "-o", options, "overlay", b.root))
	must(t, command(t, "mount", "-t", "tmpfs", "tmpfs", filepath.Join(b.root, "run")))
	b.build(program)
	b.dpkg("--install", b.deb)
	return b
}

func command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), name, args...)
}

// must runs the command and returns what it said.
func must(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	said, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", c.Args, err, said)
	}
	return string(said)
}

// build packs the program and the package's scripts, and nothing that takes its time.
func (b *board) build(program string) {
	b.t.Helper()
	b.pack("stationd", b.deb, program, map[string]string{
		"scripts/postinst": "DEBIAN/postinst", "scripts/prerm": "DEBIAN/prerm", "scripts/postrm": "DEBIAN/postrm",
		"sysusers.conf":    "usr/lib/sysusers.d/stationd.conf",
		"stationd.service": "usr/lib/systemd/system/stationd.service", "stationd-lamps.service": "usr/lib/systemd/system/stationd-lamps.service",
		"stationd-enrol.service": "usr/lib/systemd/system/stationd-enrol.service", "screen/stationd-screen.service": "usr/lib/systemd/system/stationd-screen.service",
	})
}

// pack packs files of this folder, and the program where there is one, as a package of that name.
func (b *board) pack(name, deb, program string, files map[string]string) {
	b.t.Helper()
	tree := filepath.Join(b.root, name)
	for _, dir := range []string{"DEBIAN", "usr/bin", "etc/stationd/keys", "usr/lib/sysusers.d", "usr/lib/systemd/system"} {
		if err := os.MkdirAll(filepath.Join(tree, dir), 0o755); err != nil { //nolint:gosec // a package's folders
			b.t.Fatal(err)
		}
	}
	control := "Package: " + name + "\nVersion: 1.0\nArchitecture: all\nMaintainer: none <none@localhost>\nDescription: under test\n"
	if err := os.WriteFile(filepath.Join(tree, "DEBIAN", "control"), []byte(control), 0o644); err != nil { //nolint:gosec // a package's file
		b.t.Fatal(err)
	}
	for name, place := range files {
		// Read here and not by a child, so that go test knows when they have changed.
		text, err := os.ReadFile(name)
		if err != nil {
			b.t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(place, "DEBIAN/") {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(tree, place), text, mode); err != nil { //nolint:gosec // a package's file
			b.t.Fatal(err)
		}
	}
	if program != "" {
		must(b.t, command(b.t, "install", "-m", "755", program, filepath.Join(tree, "usr/bin/stationd")))
	}
	must(b.t, command(b.t, "dpkg-deb", "-Znone", "--root-owner-group", "--build", tree, b.path(deb)))
}

// path is where the board's file is on this machine.
func (b *board) path(name string) string { return filepath.Join(b.root, name) }

// run runs a command on the board.
func (b *board) run(args ...string) string {
	b.t.Helper()
	return must(b.t, command(b.t, "chroot", append([]string{b.root}, args...)...))
}

func (b *board) dpkg(args ...string) string {
	b.t.Helper()
	return b.run(append([]string{"dpkg"}, args...)...)
}

func (b *board) there(name string) bool {
	_, err := os.Lstat(b.path(name))
	return err == nil
}

// backup is the folder that a purge has made, and what is in it; "" where it made none.
func (b *board) backup() (folder string, files []string) {
	b.t.Helper()
	found, err := filepath.Glob(b.path("/var/backups/stationd-*"))
	if err != nil || len(found) > 1 {
		b.t.Fatal(found, err)
	}
	if len(found) == 0 {
		return "", nil
	}
	info, err := os.Stat(found[0])
	if err != nil || info.Mode().Perm() != 0o700 {
		b.t.Errorf("the backup: %v %v, and nobody but root may look into it", info.Mode(), err)
	}
	list, err := os.ReadDir(found[0])
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range list {
		info, err := f.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			b.t.Errorf("%s: %v %v, and nobody but root may read it", f.Name(), info.Mode(), err)
		}
		files = append(files, f.Name())
	}
	return found[0], files
}

// fill records presses in the board's outbox, as a station whose network is down.
func (b *board) fill(presses int) {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Dir(b.path(outboxFile)), 0o700); err != nil {
		b.t.Fatal(err)
	}
	opens := station.Verb{Name: "dispatch.open", Fields: []station.Field{{Name: "machine"}}, Lane: []string{"machine"}}
	program := station.Program{
		Station: "pack4-1",
		Vendors: map[string]station.Vendor{"l2l": {Verbs: []station.Verb{opens}, To: "https://acme.example/ site 12"}},
		Bindings: []station.Binding{{Event: "red.press", Do: []station.Do{
			{Backend: "l2l", Verb: opens, With: map[string]station.Template{"machine": plain(b.t, "SEAL-1")}},
		}}},
	}
	box, err := queue.Open(b.path(outboxFile), queue.Setting{
		Size:    4 << 20,
		Stamp:   func(at time.Time) station.Stamp { return station.Stamp{Wall: at, Boot: "b", Trusted: true} },
		Program: func() station.Program { return program },
	})
	if err != nil {
		b.t.Fatal(err)
	}
	for range presses {
		if _, err := box.Record(station.Event{ID: station.NewID(), Source: "red", Kind: "press"}); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := box.Close(); err != nil {
		b.t.Fatal(err)
	}
}

func plain(t *testing.T, text string) station.Template {
	t.Helper()
	made, err := station.ParseTemplate(text)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// says fails unless the text has every word.
func says(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("it does not say %q:\n%s", w, text)
		}
	}
}

func removalSaysHowMuchWaitsAndPurgeKeepsIt(t *testing.T, b *board) {
	t.Helper()
	b.fill(12)
	said := b.dpkg("--remove", "stationd")
	says(t, said, "12 entries wait", "/var/lib/stationd")
	if !b.there(outboxFile) || b.there("/usr/bin/stationd") {
		t.Error("removal takes the program, and leaves the outbox")
	}
	said = b.dpkg("--purge", "stationd") // days later: there is no program any more
	says(t, said, "12 entries wait", "purge moved the outbox to /var/backups/stationd-")
	folder, files := b.backup()
	if fmt.Sprint(files) != "[entries.jsonl outbox.db]" {
		t.Fatalf("the backup has %q", files)
	}
	list, err := os.ReadFile(filepath.Join(folder, "entries.jsonl"))
	if err != nil || strings.Count(string(list), `"machine":"SEAL-1"`) != 12 {
		t.Errorf("it lists:\n%s%v", list, err)
	}
	if err := queue.VerifyFile(filepath.Join(folder, "outbox.db")); err != nil {
		t.Error(err)
	}
	for _, gone := range []string{"/var/lib/stationd", "/var/cache/stationd", "/etc/stationd"} {
		if b.there(gone) {
			t.Errorf("%s is there after a purge", gone)
		}
	}
}

func aPurgeInOneGoKeepsWhatWaits(t *testing.T, b *board) {
	t.Helper()
	b.fill(1)
	says(t, b.dpkg("--purge", "stationd"), "1 entry waits", "purge moved the outbox to")
	if _, files := b.backup(); fmt.Sprint(files) != "[entries.jsonl outbox.db]" {
		t.Errorf("the backup has %q", files)
	}
}

func aPurgeDeletesAnOutboxInWhichNothingWaits(t *testing.T, b *board) {
	t.Helper()
	b.fill(0)
	says(t, b.dpkg("--remove", "stationd"), "nothing waits")
	says(t, b.dpkg("--purge", "stationd"), "purge removes /var/lib/stationd and everything in it")
	if folder, files := b.backup(); folder != "" || b.there("/var/lib/stationd") {
		t.Errorf("it is kept in %s: %q", folder, files)
	}
}

// What was read at the removal says nothing of what came after it.
func aPurgeKeepsWhatItDoesNotKnow(t *testing.T, b *board) {
	t.Helper()
	for _, c := range []struct {
		so     string
		before func() // the removal
		after  func() // it, and before the purge
		kept   string
	}{
		{"a station was run by hand after the removal", nil, func() { b.fill(1) }, "[outbox.db]"},
		{"the list of the removal is gone", nil, func() { b.run("rm", "-r", "/var/cache/stationd") }, "[outbox.db]"},
		{"a failed commit left its spare file", func() { b.run("sh", "-c", "echo spare >/var/lib/stationd/outbox.spare") }, nil, "[entries.jsonl outbox.db outbox.spare]"},
		{"a damaged outbox", func() { b.run("sh", "-c", "rm "+outboxFile+"; truncate -s 20000 "+outboxFile) }, nil, "[outbox.db]"},
		{"an empty file in its place", func() { b.run("truncate", "-s", "0", outboxFile) }, nil, "[outbox.db]"},
		{"the program does not run", func() { b.run("sh", "-c", "echo '#!/bin/false' >/usr/bin/stationd") }, nil, "[outbox.db]"},
		{"the program hangs", func() {
			b.run("sh", "-c", "printf '#!/bin/sh\nexec sleep 600\n' >/usr/bin/stationd; sed -i 's/timeout -k 5 120/timeout -k 1 1/' /var/lib/dpkg/info/stationd.prerm")
		}, nil, "[outbox.db]"},
	} {
		b.fill(0)
		if c.before != nil {
			c.before()
		}
		removed := b.dpkg("--remove", "stationd")
		if c.after != nil {
			c.after()
		}
		purged := b.dpkg("--purge", "stationd")
		folder, files := b.backup()
		if got := fmt.Sprint(files); got != c.kept {
			t.Errorf("%s: %s is kept, not %s\n%s\n%s", c.so, got, c.kept, removed, purged)
		}
		if folder != "" {
			if err := os.RemoveAll(folder); err != nil {
				t.Fatal(err)
			}
		}
		b.dpkg("--install", b.deb)
	}
}

func removalAndPurgeOfAnOutboxThatANewerVersionWrote(t *testing.T, b *board) {
	t.Helper()
	b.fill(3)
	file, err := os.ReadFile(b.path(outboxFile))
	if err != nil {
		t.Fatal(err)
	}
	file = bytes.ReplaceAll(file, []byte("SDQ\x04"), []byte("SDQ\x08"))
	file = bytes.ReplaceAll(file, []byte("version\x04"), []byte("version\x08"))
	if err := os.WriteFile(b.path(outboxFile), file, 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, b.dpkg("--remove", "stationd"), "what waits cannot be told", "a newer version of stationd wrote it", "/var/lib/stationd")
	says(t, b.dpkg("--purge", "stationd"), "it is not known what waits", "purge moved the outbox to")
	folder, files := b.backup()
	if fmt.Sprint(files) != "[outbox.db]" {
		t.Fatalf("the backup has %q", files)
	}
	if moved, err := os.ReadFile(filepath.Join(folder, "outbox.db")); err != nil || !bytes.Equal(moved, file) {
		t.Errorf("it is not the file that was there: %v", err)
	}
}

// The folder is a partition of its own, and there is no room for its outbox elsewhere.
func aPurgeThatCannotMoveTheOutboxLeavesIt(t *testing.T, b *board) {
	t.Helper()
	must(t, command(t, "mkdir", "-p", b.path("/var/lib/stationd")))
	must(t, command(t, "mount", "-t", "tmpfs", "tmpfs", b.path("/var/lib/stationd")))
	must(t, command(t, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", b.path("/var/backups")))
	b.fill(3)
	said := b.dpkg("--purge", "stationd")
	says(t, said, "3 entries wait", "could not be moved", "stays there")
	if !b.there(outboxFile) {
		t.Error("the outbox is gone")
	}
	if err := queue.VerifyFile(b.path(outboxFile)); err != nil {
		t.Error(err)
	}
}

func aPurgeMovesTheOutboxOutOfAPartition(t *testing.T, b *board) {
	t.Helper()
	must(t, command(t, "mkdir", "-p", b.path("/var/lib/stationd")))
	must(t, command(t, "mount", "-t", "tmpfs", "tmpfs", b.path("/var/lib/stationd")))
	b.fill(3)
	says(t, b.dpkg("--purge", "stationd"), "3 entries wait", "purge moved the outbox to")
	if left, err := os.ReadDir(b.path("/var/lib/stationd")); err != nil || len(left) > 0 {
		t.Errorf("left in the partition: %v %v", left, err)
	}
	if _, files := b.backup(); fmt.Sprint(files) != "[entries.jsonl outbox.db]" {
		t.Errorf("the backup has %q", files)
	}
}

func anInstallationForgetsWhatTheRemovalListed(t *testing.T, b *board) {
	t.Helper()
	b.fill(2)
	b.dpkg("--remove", "stationd")
	if !b.there("/var/cache/stationd/entries.jsonl") {
		t.Fatal("the removal has listed nothing")
	}
	b.dpkg("--install", b.deb)
	if b.there("/var/cache/stationd") || !b.there(outboxFile) {
		t.Error("the list is there still, or the outbox is not")
	}
}

// The screen's unit is enabled by whoever puts a screen up, and the others by the package.
func aPurgeLeavesNoUnitEnabled(t *testing.T, b *board) {
	if links := b.run("find", "/etc/systemd", "-name", "stationd-screen*"); links != "" {
		t.Errorf("the installation put a screen up: %s", links)
	}
	b.run("systemctl", "enable", "stationd-screen.service")
	for _, unit := range []string{"stationd.service", "stationd-enrol.service", "stationd-screen.service"} {
		if is := strings.TrimSpace(b.run("systemctl", "is-enabled", unit)); is != "enabled" {
			t.Errorf("after the installation %s is %s", unit, is)
		}
	}
	b.dpkg("--remove", "stationd")
	b.dpkg("--install", b.deb)
	if is := strings.TrimSpace(b.run("systemctl", "is-enabled", "stationd-screen.service")); is != "enabled" {
		t.Errorf("after a removal and an installation the screen is %s", is)
	}
	b.dpkg("--remove", "stationd")
	b.dpkg("--purge", "stationd")
	if left := b.run("find", "/etc/systemd", "/var/lib/systemd", "-name", "*stationd*"); left != "" {
		t.Errorf("the purge left\n%s", left)
	}
}

const relayDeb = "/stationd-relay.deb"

// installRelay puts the relay's package onto the board, with a configuration and its keys, and has
// it start with the host.
func (b *board) installRelay() {
	b.t.Helper()
	b.pack("stationd-relay", relayDeb, "", map[string]string{
		"scripts/relay-postinst": "DEBIAN/postinst", "scripts/relay-prerm": "DEBIAN/prerm", "scripts/relay-postrm": "DEBIAN/postrm",
		"stationd-relay.service": "usr/lib/systemd/system/stationd-relay.service", "relay.example.toml": "etc/stationd/relay.example.toml",
	})
	says(b.t, b.dpkg("--install", relayDeb), "write /etc/stationd/relay.toml")
	if is := b.relayEnabled(); is != "disabled" {
		b.t.Errorf("before it is configured the relay is %s", is)
	}
	b.run("sh", "-c", "cp /etc/stationd/relay.example.toml /etc/stationd/relay.toml; for key in relay.nkey l2l.key lagerkoll.key page.token own.key; do echo secret >/etc/stationd/keys/$key; done")
	b.run("systemctl", "enable", "stationd-relay.service")
	b.dpkg("--install", relayDeb) // an upgrade
	if is := b.relayEnabled(); is != "enabled" || !b.there("/etc/stationd/relay.toml") {
		b.t.Errorf("after an upgrade the relay is %s", is)
	}
	b.dpkg("--remove", "stationd-relay")
	if !b.there("/etc/stationd/relay.toml") || !b.there("/etc/stationd/keys/l2l.key") {
		b.t.Error("a removal takes the configuration or a key")
	}
	b.dpkg("--install", relayDeb)
	if is := b.relayEnabled(); is != "enabled" {
		b.t.Errorf("after a removal and an installation the relay is %s", is)
	}
}

// relayEnabled is whether the relay starts with the host.
func (b *board) relayEnabled() string {
	b.t.Helper()
	said, _ := command(b.t, "chroot", b.root, "systemctl", "is-enabled", "stationd-relay.service").CombinedOutput() // it fails where it says no
	return strings.TrimSpace(string(said))
}

func theRelaysPackageLeavesNothingOfIt(t *testing.T, b *board) {
	t.Helper()
	b.installRelay()
	b.run("touch", "/etc/stationd/stationd.toml") // a station is on this host too
	says(t, b.dpkg("--purge", "stationd-relay"), "the keys in /etc/stationd/keys stay")
	if b.there("/etc/stationd/relay.toml") || !b.there("/etc/stationd/keys/l2l.key") {
		t.Error("the purge leaves the relay's configuration, or takes a station's key")
	}
	b.run("rm", "/etc/stationd/stationd.toml")
	b.dpkg("--install", relayDeb)
	says(t, b.dpkg("--purge", "stationd-relay"), "purge removed the relay's configuration and its keys")
	for _, gone := range []string{"relay.toml", "relay.example.toml", "keys/relay.nkey", "keys/l2l.key", "keys/lagerkoll.key", "keys/page.token"} {
		if b.there("/etc/stationd/" + gone) {
			t.Errorf("the purge leaves %s", gone)
		}
	}
	if !b.there("/etc/stationd/keys/own.key") || !b.there("/usr/bin/stationd") {
		t.Error("the purge takes what is not the relay's")
	}
	if left := b.run("find", "/etc/systemd", "/var/lib/systemd", "-name", "*stationd-relay*"); left != "" {
		t.Errorf("the purge left\n%s", left)
	}
}
