package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"stationd/internal/demo"
)

// A panel is the station's own screen: what its unit starts, without a panel.
type panel struct {
	t       *testing.T
	folder  string // in the place of the unit's RuntimeDirectory
	environ []string
	account *syscall.SysProcAttr
	cage    *exec.Cmd
	ended   chan error
	said    string // the file of what it says
}

// screenCommand is what a unit starts, and with which variables, with texts of it replaced. It
// reads what our units have of systemd's syntax: no quotes, and variables alone or in a word.
func screenCommand(t *testing.T, file string, replaced ...string) (argv, environ []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	unit := strings.NewReplacer(append([]string{"\\\n", " "}, replaced...)...).Replace(string(text))
	variables := make(map[string]string)
	var start string
	for line := range strings.Lines(unit) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "Environment":
			for one := range strings.FieldsSeq(value) {
				environ = append(environ, one)
				name, value, _ := strings.Cut(one, "=")
				variables[name] = value
			}
		case "ExecStart":
			start = value
		}
	}
	named := regexp.MustCompile(`\$\{(\w+)\}`)
	for word := range strings.FieldsSeq(start) {
		if name, alone := strings.CutPrefix(word, "$"); alone && !strings.HasPrefix(name, "{") {
			argv = append(argv, strings.Fields(variables[name])...)
			continue
		}
		argv = append(argv, named.ReplaceAllStringFunc(word, func(v string) string { return variables[named.FindStringSubmatch(v)[1]] }))
	}
	if len(argv) == 0 {
		t.Fatalf("%s starts nothing", file)
	}
	return argv, environ
}

// openPanel starts what the unit of the screen starts, to show a page.
func openPanel(t *testing.T, page string) *panel {
	t.Helper()
	for _, program := range []string{"cage", "grim", "Xwayland", chromium} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NOT PROVED: that the unit of the station's own screen shows the page, because there is no %s. Install with: apt-get install --no-install-recommends cage xwayland chromium grim", program)
		}
	}
	folder, err := os.MkdirTemp("", "stationd-screen-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	p := &panel{t: t, folder: folder, said: filepath.Join(folder, "said"), account: &syscall.SysProcAttr{Setpgid: true}, ended: make(chan error, 1)}
	if os.Geteuid() == 0 { // cage refuses root, and the unit has an account of its own
		const nobody = 65534
		p.account.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		must(t, os.Chown(folder, nobody, nobody))
	}
	waiting, err := os.ReadFile("../../deploy/screen/screen.html")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(folder, "screen.html"), waiting, 0o644)) //nolint:gosec // as the package has it
	argv, environ := screenCommand(t, "../../deploy/screen/stationd-screen.service",
		"/run/stationd-screen", folder, "/usr/share/stationd/screen.html", filepath.Join(folder, "screen.html"), "PAGE=http://127.0.0.1:8420/", "PAGE="+page)
	p.environ = append(environ, "PATH="+os.Getenv("PATH"), "XDG_RUNTIME_DIR="+folder,
		"WLR_BACKENDS=headless", "WLR_RENDERER=pixman", "WLR_LIBINPUT_NO_DEVICES=1",
		// Two, or cage hands the browser's own picture to a screen that is not there, and grim
		// is shown the one before.
		"WLR_HEADLESS_OUTPUTS=2")
	said, err := os.Create(p.said)
	must(t, err)
	t.Cleanup(func() { said.Close() })
	p.cage = exec.CommandContext(t.Context(), argv[0], argv[1:]...) //nolint:gosec // our unit's
	p.cage.Env, p.cage.SysProcAttr, p.cage.Dir, p.cage.Stdout, p.cage.Stderr = p.environ, p.account, folder, said, said
	must(t, p.cage.Start())
	go func() { p.ended <- p.cage.Wait() }()
	t.Cleanup(func() { _ = syscall.Kill(-p.cage.Process.Pid, syscall.SIGKILL) })
	return p
}

// picture is what the screen shows; nil before there is a screen.
func (p *panel) picture() image.Image {
	sockets, _ := filepath.Glob(filepath.Join(p.folder, "wayland-?"))
	if len(sockets) == 0 {
		return nil
	}
	grim := exec.CommandContext(p.t.Context(), "grim", "-s", "0.25", "-")
	grim.Env, grim.SysProcAttr = append(p.environ, "WAYLAND_DISPLAY="+filepath.Base(sockets[0])), p.account
	out, err := grim.Output()
	if err != nil {
		return nil
	}
	shot, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		return nil
	}
	return shot
}

// shows waits until at least a part of the screen is of a colour, and letters in white stand
// there.
func (p *panel) shows(what string, ground color.RGBA, part float64) {
	p.t.Helper()
	last := "no picture at all"
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(2 * time.Minute); ; {
		if shot := p.picture(); shot != nil {
			grounds, letters := share(shot, ground), share(shot, color.RGBA{255, 255, 255, 255})
			last = fmt.Sprintf("%.2f of the screen are of the ground's colour, %.2f of the letters'", grounds, letters)
			if grounds >= part && letters >= 0.02 {
				return
			}
		}
		select {
		case err := <-p.ended:
			p.t.Fatalf("%s: what the unit starts has ended: %v; %s", what, err, p.log())
		case <-late:
			p.t.Fatalf("%s: %s; %s", what, last, p.log())
		case <-tick.C:
		}
	}
}

// log is what the screen's programs said, without what they always say.
func (p *panel) log() string {
	text, _ := os.ReadFile(p.said)
	if strings.Contains(string(text), "No usable sandbox") {
		p.t.Skip("NOT PROVED: that the unit of the station's own screen shows the page: chromium finds no sandbox here. Install with: apt-get install --no-install-recommends chromium-sandbox")
	}
	return string(text)
}

// share is how much of a picture is of a colour.
func share(shot image.Image, want color.RGBA) float64 {
	n, bounds := 0, shot.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			if color.RGBAModel.Convert(shot.At(x, y)) == want {
				n++
			}
		}
	}
	return float64(n) / float64(bounds.Dx()*bounds.Dy())
}

// What the unit of the station's own screen starts, with the unit's own words, on a screen
// that cage draws in memory: it shows the page, says in full size when the station is not
// there, and comes back by itself.
func TestTheStationsOwnScreenShowsThePage(t *testing.T) {
	t.Parallel()
	// An address that no other test has, for the page comes back at the same one.
	address := fmt.Sprintf("127.%d.%d.%d:8420", 1+os.Getpid()>>16&0x7f, os.Getpid()>>8&0xff, os.Getpid()&0xff)
	b := newStation(t, func(c *demo.Config) { c.Page = address })
	screen := openPanel(t, "http://"+address+"/")

	red, blue := color.RGBA{0xa5, 0x12, 0x1a, 255}, color.RGBA{0x0b, 0x4a, 0x8f, 255}
	screen.shows("the screen says that the station does not respond, before it ever did", red, 0.5)
	must(t, b.Power(t.Context(), true))
	screen.shows("the page is shown: Scan the order", blue, 0.15)
	must(t, b.Power(t.Context(), false))
	screen.shows("the page says that the station does not respond", red, 0.5)
	must(t, b.Power(t.Context(), true))
	screen.shows("the page is shown again", blue, 0.15)

	// The browser alone ends, and with it cage, which systemd starts again.
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", screen.cage.Process.Pid))
	must(t, err)
	for child := range strings.FieldsSeq(string(children)) {
		var pid int
		if _, err := fmt.Sscan(child, &pid); err == nil {
			must(t, syscall.Kill(pid, syscall.SIGKILL))
		}
	}
	select {
	case <-screen.ended:
	case <-time.After(time.Minute):
		t.Error("the browser was killed, and cage shows nothing for ever")
	}
	must(t, errors.Join(b.Power(t.Context(), false)))
}
