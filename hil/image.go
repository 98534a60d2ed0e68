package hil

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Missing lists the Debian packages that the rig needs and this machine lacks.
// It is empty where boards can boot.
func Missing() []string {
	var missing []string
	for _, need := range []struct{ tool, pkg string }{
		{"qemu-system-aarch64", "qemu-system-arm"},
		{"qemu-system-arm", "qemu-system-arm"},
		{"depmod", "kmod"},
		{"modprobe", "kmod"},
		{"mkfs.ext4", "e2fsprogs"},
		{"dtc", "device-tree-compiler"},
		{"apt-get", "apt"},
		{"dpkg", "dpkg"},
	} {
		if _, err := tool(need.tool); err != nil && !slices.Contains(missing, need.pkg) {
			missing = append(missing, need.pkg)
		}
	}
	return missing
}

// tool finds a program, also where an ordinary user's PATH does not look.
func tool(name string) (string, error) {
	if found, err := exec.LookPath(name); err == nil {
		return found, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", name)
}

// Cache is where kernels and what is made of them are kept: the directory in
// $STATIOND_HIL_CACHE, else stationd-hil in the user's cache directory. It may
// be deleted at any time no board boots.
func Cache() (string, error) {
	if dir := os.Getenv("STATIOND_HIL_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cache: set STATIOND_HIL_CACHE: %w", err)
	}
	return filepath.Join(dir, "stationd-hil"), nil
}

// modules are the drivers that the guest loads; what they need comes with them,
// and what is built into the kernel is left out. crc32c is named because ext4
// asks for it at run time.
func modules() []string {
	return []string{
		"virtio_pci", "virtio_console", "virtio_net", "virtio_blk",
		"crc32c_generic", "ext4", "xhci-pci", "ftdi_sio", "usbhid", "hid-generic", "evdev", "uinput",
	}
}

// An image is what a kind of board boots from.
type image struct {
	kernel string // path of the kernel
	base   string // path of the initramfs with the drivers and the shell
	tree   string // path of the device tree with named lines
}

// errUnavailable is wrapped by the errors of fetching: they say that this
// machine cannot get the parts now, not that the rig is broken.
var errUnavailable = errors.New("the guest's parts cannot be fetched")

// prepare returns the model's image, from the cache where it is there. Two
// processes at once wait for each other.
func (m model) prepare() (image, error) {
	cache, err := Cache()
	if err != nil {
		return image{}, err
	}
	dir := filepath.Join(cache, m.debian)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return image{}, fmt.Errorf("cache: %w", err)
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return image{}, fmt.Errorf("cache: %w", err)
	}
	defer unlock()

	made := filepath.Join(dir, "image-"+fingerprint(modules()...))
	if _, err := os.Stat(made); errors.Is(err, os.ErrNotExist) {
		if err := m.makeImage(dir, made); err != nil {
			return image{}, fmt.Errorf("image for %s: %w", m.debian, err)
		}
	}
	tree, err := m.deviceTree(dir)
	if err != nil {
		return image{}, fmt.Errorf("device tree for %s: %w", m.debian, err)
	}
	return image{filepath.Join(made, "vmlinuz"), filepath.Join(made, "base.cpio"), tree}, nil
}

// lock holds an exclusive lock on the file until unlock.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

// fingerprint is a short name for a list of strings.
func fingerprint(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:4])
}

// makeImage fetches the packages, unpacks them, and makes of them the directory
// made, whole or not at all.
func (m model) makeImage(dir, made string) error {
	debs, err := m.packages(dir)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(dir, ".image-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	root := filepath.Join(tmp, "root")
	for _, deb := range debs {
		if _, err := output("", "dpkg", "-x", deb, root); err != nil {
			return err
		}
	}
	release, err := kernelRelease(root)
	if err != nil {
		return err
	}
	a, err := baseArchive(root, release)
	if err != nil {
		return err
	}
	out := filepath.Join(tmp, "image")
	if err := os.Mkdir(out, 0o755); err != nil {
		return err
	}
	if err := a.writeFile(filepath.Join(out, "base.cpio")); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(root, "boot", "vmlinuz-"+release), filepath.Join(out, "vmlinuz")); err != nil {
		return err
	}
	return os.Rename(out, made)
}

// packages returns the paths of the kernel's and the shell's package, fetched
// into dir by apt with lists of its own: the machine's package state is neither
// read nor changed.
func (m model) packages(dir string) ([]string, error) {
	debs := filepath.Join(dir, "debs")
	if have := fetched(debs); have != nil {
		return have, nil
	}
	for _, sub := range []string{"lists/partial", "apt/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	// What an interrupted download leaves must never be taken for a package.
	tmp, err := os.MkdirTemp(dir, ".debs-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	options := []string{
		"-oAPT::Architecture=" + m.debian,
		"-oAPT::Architectures=" + m.debian,
		"-oDir::State::Lists=" + filepath.Join(dir, "lists"),
		"-oDir::Cache=" + filepath.Join(dir, "apt"),
		"-oAPT::Sandbox::User=root",
		"-oAcquire::Languages=none",
	}
	apt := func(in, program string, args ...string) (string, error) {
		return output(in, program, append(slices.Clone(options), args...)...)
	}
	// One of several sources may be out of reach and the others enough, so what
	// counts is whether a kernel is known afterwards.
	_, updateErr := apt("", "apt-get", "update")
	found, err := apt("", "apt-cache", "search", "--names-only", `^linux-image-[0-9].*-`+m.kernel+`$`)
	if err != nil {
		return nil, err
	}
	kernels := newestFirst(found, m.kernel)
	if len(kernels) == 0 {
		return nil, fmt.Errorf("%w: apt knows no linux-image-*-%s: %w", errUnavailable, m.kernel, updateErr)
	}
	if _, err := apt(tmp, "apt-get", "download", "busybox-static:"+m.debian); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	var failures []error
	for _, kernel := range kernels {
		if _, err := apt(tmp, "apt-get", "download", kernel+":"+m.debian); err != nil {
			failures = append(failures, err)
			continue
		}
		if err := os.Rename(tmp, debs); err != nil {
			return nil, err
		}
		return fetched(debs), nil
	}
	return nil, fmt.Errorf("%w: %w", errUnavailable, errors.Join(failures...))
}

// fetched returns the packages in dir, or nil when one is not there.
func fetched(dir string) []string {
	kernel, _ := filepath.Glob(filepath.Join(dir, "linux-image-*.deb"))
	shell, _ := filepath.Glob(filepath.Join(dir, "busybox-static_*.deb"))
	if len(kernel) == 0 || len(shell) == 0 {
		return nil
	}
	return []string{kernel[0], shell[0]}
}

// newestFirst picks the plain kernels of a flavour out of apt-cache's answer and
// sorts them, the newest first:
//
//	linux-image-6.1.0-9-arm64-unsigned - Linux 6.1 for 64-bit ARMv8 machines
//	linux-image-6.1.0-10-arm64-unsigned - Linux 6.1 for 64-bit ARMv8 machines
//	linux-image-6.1.0-10-rt-arm64-unsigned - Linux 6.1 for 64-bit ARMv8 machines, PREEMPT_RT
func newestFirst(found, flavour string) []string {
	plain := regexp.MustCompile(`^linux-image-[0-9][0-9.+~]*(-[0-9]+)?([+~][a-z0-9.]+)?-` + regexp.QuoteMeta(flavour) + `$`)
	var kernels []string
	for line := range strings.Lines(found) {
		name, _, _ := strings.Cut(line, " ")
		if plain.MatchString(name) {
			kernels = append(kernels, name)
		}
	}
	slices.SortFunc(kernels, func(a, b string) int { return slices.Compare(numbers(b), numbers(a)) })
	return kernels
}

// numbers are the numbers in a version, in their order.
func numbers(s string) []int {
	var all []int
	for _, digits := range regexp.MustCompile(`[0-9]+`).FindAllString(s, -1) {
		n, err := strconv.Atoi(digits)
		if err != nil {
			n = 0 // too large for a version
		}
		all = append(all, n)
	}
	return all
}

// kernelRelease is the version under lib/modules of an unpacked kernel package.
func kernelRelease(root string) (string, error) {
	dirs, err := filepath.Glob(filepath.Join(root, "lib/modules/*"))
	if err != nil || len(dirs) != 1 {
		return "", fmt.Errorf("one kernel expected in %s, found %d", root, len(dirs))
	}
	return filepath.Base(dirs[0]), nil
}

// baseArchive takes the shell and the drivers out of the unpacked packages.
// /etc/modules.load lists the drivers' files in the order they must be loaded.
func baseArchive(root, release string) (archive, error) {
	a := archive{}
	if err := a.addFile("/bin/busybox", 0o755, filepath.Join(root, "bin/busybox")); err != nil {
		return nil, err
	}
	// Debian's kernel packages leave the list of dependencies to installation.
	if _, err := output("", "depmod", "-b", root, release); err != nil {
		return nil, err
	}
	var order []string
	for _, name := range modules() {
		text, err := output("", "modprobe", "-d", root, "-S", release, "--show-depends", name)
		if err != nil {
			return nil, err
		}
		for _, file := range insmods(text) {
			inGuest := strings.TrimPrefix(file, root)
			if slices.Contains(order, inGuest) {
				continue
			}
			if err := a.addFile(inGuest, 0o644, file); err != nil {
				return nil, err
			}
			order = append(order, inGuest)
		}
	}
	a.add("/etc/modules.load", 0o644, []byte(strings.Join(order, "\n")+"\n"))
	return a, nil
}

// insmods are the files in modprobe's --show-depends:
//
//	builtin virtio_console
//	insmod /tmp/root/lib/modules/6.1.0-50-armmp/kernel/fs/jbd2/jbd2.ko
func insmods(text string) []string {
	var files []string
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "insmod" {
			files = append(files, f[1])
		}
	}
	return files
}

// edits make a station's board of QEMU's machine, in the source of its device
// tree: each text stands there once, and the second replaces it. The lines of its
// GPIO chip get the names that a Pi's have, and its power button, which armhf's
// kernel would otherwise claim, gives up its line.
func edits() [][2]string {
	return [][2]string{
		{"pl061@9030000 {\n", "pl061@9030000 {\n" + lineNames() + "\n"},
		{"compatible = \"gpio-keys\";\n", "compatible = \"gpio-keys\";\nstatus = \"disabled\";\n"},
	}
}

// seedMark stands in the cached device tree where every power on puts fresh
// random bytes for the kernel's generator. The dump has bytes there that would be
// the same for ever.
const seedMark = "random bytes for this power on ."

var rngSeed = regexp.MustCompile(`rng-seed = <[^>]*>;`)

// seeded writes the device tree with fresh random bytes to the named file.
func (i image) seeded(name string) error {
	tree, err := os.ReadFile(i.tree)
	if err != nil {
		return err
	}
	if bytes.Count(tree, []byte(seedMark)) != 1 {
		return fmt.Errorf("device tree %s has no place for a seed", i.tree)
	}
	seed := make([]byte, len(seedMark))
	rand.Read(seed) // never fails: crypto/rand ends the process instead
	return os.WriteFile(name, bytes.Replace(tree, []byte(seedMark), seed, 1), 0o600)
}

// Hardware is QEMU's command line for a board of that kind without anything on its
// buses, with its lines named. The device tree that goes with it is written to the
// file tree; it is good for one power on.
func Hardware(a Arch, tree string) (args []string, err error) {
	m, err := a.model()
	if err != nil {
		return nil, err
	}
	cache, err := Cache()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, m.debian)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	made, err := m.deviceTree(dir)
	if err != nil {
		return nil, fmt.Errorf("device tree for %s: %w", m.debian, err)
	}
	return append(m.hardware(m.machine), "-dtb", tree), image{tree: made}.seeded(tree)
}

// deviceTree returns the path of the board's device tree.
func (m model) deviceTree(dir string) (string, error) {
	version, err := output("", m.qemu, "--version")
	if err != nil {
		return "", err
	}
	made := filepath.Join(dir, "board-"+fingerprint(version, fmt.Sprint(m.hardware(m.machine)), fmt.Sprint(edits()), seedMark)+".dtb")
	if _, err := os.Stat(made); err == nil {
		return made, nil
	}
	tmp, err := os.MkdirTemp(dir, ".tree-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	dump, edited, blob := filepath.Join(tmp, "dump.dtb"), filepath.Join(tmp, "board.dts"), filepath.Join(tmp, "board.dtb")
	if _, err := output("", m.qemu, m.hardware(m.machine+",dumpdtb="+dump)...); err != nil {
		return "", err
	}
	source, err := output("", "dtc", "-q", "-I", "dtb", "-O", "dts", dump)
	if err != nil {
		return "", err
	}
	for _, e := range edits() {
		if strings.Count(source, e[0]) != 1 {
			return "", fmt.Errorf("the machine of %s has not one %q", m.qemu, e[0])
		}
		source = strings.Replace(source, e[0], e[1], 1)
	}
	source = rngSeed.ReplaceAllString(source, fmt.Sprintf("rng-seed = [%x];", seedMark))
	if err := os.WriteFile(edited, []byte(source), 0o644); err != nil {
		return "", err
	}
	if _, err := output("", "dtc", "-q", "-I", "dts", "-O", "dtb", "-o", blob, edited); err != nil {
		return "", err
	}
	return made, os.Rename(blob, made)
}

// output runs a program in a directory and returns its standard output; an error
// carries what it said on the other.
func output(dir, name string, args ...string) (string, error) {
	path, err := tool(name)
	if err != nil {
		return "", err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out.String(), nil
}
