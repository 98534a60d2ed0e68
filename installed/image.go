package installed

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Debian is a release on a kind of board.
type Debian struct {
	Suite string // trixie
	Arch  string // Debian's name of the architecture: amd64, arm64
}

// String returns the name under which the environment and the tests know it.
func (d Debian) String() string { return d.Suite + "-" + d.Arch }

// SelectedDebians are the Debians that $STATIOND_INSTALLED names, separated by commas; the
// stable one on a PC where it is empty.
func SelectedDebians() ([]Debian, error) {
	names := os.Getenv("STATIOND_INSTALLED")
	if names == "" {
		names = "trixie-amd64"
	}
	var all []Debian
	for name := range strings.SplitSeq(names, ",") {
		suite, arch, found := strings.Cut(name, "-")
		if !found {
			return nil, fmt.Errorf("STATIOND_INSTALLED: %q is not a suite and an architecture, as trixie-amd64", name)
		}
		all = append(all, Debian{suite, arch})
	}
	return all, nil
}

func (d Debian) emulator() string {
	if d.Arch == "arm64" {
		return "qemu-system-aarch64"
	}
	return "qemu-system-x86_64"
}

// Missing lists the Debian packages that this Debian needs and this machine lacks.
func (d Debian) Missing() []string {
	needs := [][2]string{
		{"mmdebstrap", "mmdebstrap"}, {"mke2fs", "e2fsprogs"}, {"dpkg-deb", "dpkg"}, {"xz", "xz-utils"},
	}
	if d.Arch == "arm64" {
		needs = append(needs, [][2]string{{d.emulator(), "qemu-system-arm"}, {"dtc", "device-tree-compiler"}, {"qemu-aarch64-static", "qemu-user-static"}, {"arch-test", "arch-test"}}...)
	} else {
		needs = append(needs, [2]string{d.emulator(), "qemu-system-x86"})
	}
	var missing []string
	for _, need := range needs {
		if _, err := tool(need[0]); err != nil && !slices.Contains(missing, need[1]) {
			missing = append(missing, need[1])
		}
	}
	if _, err := os.Stat("/usr/share/keyrings/debian-archive-keyring.gpg"); err != nil {
		missing = append(missing, "debian-archive-keyring")
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

// accelerated reports whether a guest of that Debian comes to life on this machine's
// own processor: there are virtual machines whose /dev/kvm can be opened and runs
// no ordinary kernel.
func (d Debian) accelerated(image string) bool {
	if d.Arch != "amd64" {
		return false
	}
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	f.Close()
	const word = "Linux version"
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.emulator(), append(processor(true), "-M", "q35", "-m", "256", "-display", "none", "-nodefaults",
		"-serial", "stdio", "-no-reboot", "-kernel", filepath.Join(image, "vmlinuz"), "-append", "console=ttyS0 panic=-1")...)
	said, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		return false
	}
	alive := false
	for lines := bufio.NewScanner(said); !alive && lines.Scan(); {
		alive = strings.Contains(lines.Text(), word)
	}
	cancel()
	_ = cmd.Wait() // it was killed
	return alive
}

// processor is QEMU's command line for a PC's, as plain as Debian's kernel takes it:
// a virtual machine that is a host may not give away all of its own.
func processor(accelerated bool) []string {
	if accelerated {
		return []string{"-accel", "kvm", "-cpu", "kvm64"}
	}
	return []string{"-accel", "tcg,thread=multi", "-cpu", "qemu64"}
}

//go:embed image.sh
var recipe []byte

// moduleRoot is the project's directory as seen from this package's tests.
const moduleRoot = ".."

// image returns the directory with the Debian's card, kernel and initramfs, made by
// the recipe where it was not made before. It may be deleted at any time.
func (d Debian) image(say func(string, ...any)) (string, error) {
	cache, err := filepath.Abs(filepath.Join(moduleRoot, "build", "installed"))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(cache, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", fmt.Errorf("%s: %w", lock.Name(), err)
	}
	agent := filepath.Join(cache, "guest-"+d.Arch)
	if err := compile(d.Arch, "stationd/hil/guest", agent); err != nil {
		return "", err
	}
	program, err := os.ReadFile(agent)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(slices.Concat(recipe, program))
	made := filepath.Join(cache, d.String()+"-"+hex.EncodeToString(sum[:4]))
	if _, err := os.Stat(made); !errors.Is(err, os.ErrNotExist) {
		return made, err
	}
	begin := time.Now()
	say("making the card of %s with mmdebstrap", d)
	tmp, err := os.MkdirTemp(cache, ".card-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	script := filepath.Join(tmp, "image.sh")
	if err := os.WriteFile(script, recipe, 0o755); err != nil {
		return "", err
	}
	// mmdebstrap may drop to a user of its own.
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", err
	}
	cmd := exec.Command("bash", script, d.Suite, d.Arch, tmp)
	cmd.Env = append(os.Environ(), "GUEST="+agent)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("card of %s: %w: %s", d, err, lastLines(text, 30))
	}
	say("made the card of %s in %.0f s", d, time.Since(begin).Seconds())
	return made, os.Rename(tmp, made)
}

func lastLines(text []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func compile(arch, pkg, out string) error {
	cmd := exec.Command("go", "build", "-tags=nethttpomithttp2", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", out, pkg)
	cmd.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0", "GOFLAGS=", "GOARCH="+arch)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w: %s", pkg, err, bytes.TrimSpace(text))
	}
	return nil
}
