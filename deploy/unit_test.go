// Package deploy_test reads what is installed on a board and holds it to the
// promises that depend on it.
package deploy_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A unit is its directives, each "Section.Name", with every value it was given.
type unit map[string][]string

func lines(t *testing.T, name string) []string {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var found []string
	for s := bufio.NewScanner(file); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if line != "" && !strings.HasPrefix(line, "#") {
			found = append(found, line)
		}
	}
	return found
}

func readUnit(t *testing.T) unit {
	t.Helper()
	return readUnitFile(t, "stationd.service")
}

func readUnitFile(t *testing.T, name string) unit {
	t.Helper()
	u, section, begun := unit{}, "", ""
	for _, line := range lines(t, name) {
		if before, goesOn := strings.CutSuffix(line, "\\"); goesOn {
			begun += before
			continue
		}
		line, begun = begun+line, ""
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		name, value, found := strings.Cut(line, "=")
		if !found {
			t.Fatalf("%s: %q is no directive", name, line)
		}
		u[section+"."+name] = append(u[section+"."+name], value)
	}
	return u
}

func TestUnit(t *testing.T) {
	t.Parallel()
	u := readUnit(t)
	for _, c := range []struct {
		because   string
		directive string
		want      []string // nil: the directive must not be there
	}{
		{"the unit is up when stationd takes presses, not when it was started", "Service.Type", []string{"notify"}},
		{"a station that lives but makes no progress is ended", "Service.WatchdogSec", []string{"30s"}},
		{"what the watchdog ends has time to write where it stood, and is killed where it cannot", "Service.TimeoutAbortSec", []string{"10s"}},
		{"a station that ended for whatever reason comes back", "Service.Restart", []string{"always"}},
		{"a station that keeps failing is tried again for ever", "Unit.StartLimitIntervalSec", []string{"0"}},
		{"a configuration with faults is not tried again, and everything else is", "Service.RestartPreventExitStatus", []string{"78"}},
		{"a reload swaps the bindings without missing a press, and fails where it is rejected", "Service.ExecReload", []string{"/usr/bin/stationd reload --config /etc/stationd/stationd.toml"}},
		{"no outbox is made beneath a partition that is not mounted yet", "Unit.RequiresMountsFor", []string{"/var/lib/stationd"}},
		{"a station that has given up is seen by its lamps", "Unit.OnFailure", []string{"stationd-lamps.service"}},
		{"the pause before another start is the time for which the lamps say that there was an end", "Service.RestartSec", []string{"100ms"}},
		{"no lamp stays lit when the station was killed, and that alone fails no unit", "Service.ExecStopPost", []string{"-/usr/bin/stationd lamps off --config /etc/stationd/stationd.toml"}},
		{"a press is taken while the network is out and before the clock is set", "Unit.After", []string{"systemd-modules-load.service"}},
		{"no start waits for the network", "Unit.Wants", nil},
		{"no start is refused for want of the network", "Unit.Requires", nil},
		{"a fresh installation waits for its configuration", "Unit.ConditionPathExists", []string{"/etc/stationd/stationd.toml"}},
		{"the station starts with the board, or with its partition where that comes late", "Install.WantedBy", []string{"multi-user.target var-lib-stationd.mount"}},

		{"the outbox is in /var/lib/stationd, where removal leaves it", "Service.StateDirectory", []string{"stationd"}},
		{"nobody else reads the outbox", "Service.StateDirectoryMode", []string{"0700"}},
		{"the control socket has its folder", "Service.RuntimeDirectory", []string{"stationd"}},
		{"members of the group reach the control socket, and others do not", "Service.RuntimeDirectoryMode", []string{"0750"}},
		{"the account is not root", "Service.User", []string{"stationd"}},
		{"the control socket and the keys that rotate live belong to the group stationd", "Service.Group", []string{"stationd"}},
		{"a dynamic account cannot share a name with a group that is not", "Service.DynamicUser", nil},

		{"the keys are handed over and cannot be opened", "Service.LoadCredential", []string{
			"l2l.key:/etc/stationd/keys/l2l.key", "lagerkoll.key:/etc/stationd/keys/lagerkoll.key",
			"webhook.key:/etc/stationd/keys/webhook.key", "alert.key:/etc/stationd/keys/alert.key", "proxy.key:/etc/stationd/keys/proxy.key"}},
		{"a missing key file does not stop the unit: it is an empty key, and stationd says so", "Service.SetCredential", []string{
			`l2l.key:\n`, `lagerkoll.key:\n`, `webhook.key:\n`, `alert.key:\n`, `proxy.key:\n`}},
		{"no core dump carries a key to the card", "Service.LimitCORE", []string{"0"}},

		{"a start needs no free byte of the card", "Service.PrivateTmp", nil},
		{"what other programs leave in their temporary folders is not seen", "Service.TemporaryFileSystem", []string{"/tmp:ro /var/tmp:ro"}},

		{"a device that is not named cannot be opened", "Service.DevicePolicy", []string{"closed"}},
		{"the chip, both kinds of serial reader, the header's port and HID readers can", "Service.DeviceAllow", []string{
			"char-gpiochip rw", "char-ttyACM rw", "char-ttyUSB rw", "char-ttyAMA rw", "/dev/ttyS0 rw", "char-input r", "char-hidraw r"}},
		{"the devices themselves are not hidden", "Service.PrivateDevices", nil},
		{"the devices' groups are the account's", "Service.SupplementaryGroups", []string{"gpio dialout input"}},
		{"the boot id in /proc/sys/kernel/random can be read, for every stamp carries it", "Service.ProcSubset", nil},

		{"only /var/lib/stationd and /run/stationd are written", "Service.ProtectSystem", []string{"strict"}},
		{"a fault gains nothing by a program with set-uid", "Service.NoNewPrivileges", []string{"yes"}},
		{"nothing of root is kept", "Service.CapabilityBoundingSet", []string{""}},
		{"the network and the journal are all that is spoken to", "Service.RestrictAddressFamilies", []string{"AF_INET AF_INET6 AF_UNIX"}},
		{"the calls of an ordinary service are enough", "Service.SystemCallFilter", []string{"@system-service", "~@privileged @resources", "adjtimex"}},
		{"who keeps the clock can be asked: ProtectClock=yes forbids adjtimex, and the time of a press is then an estimate for ever", "Service.ProtectClock", nil},
		{"a call that is not allowed is an error and not the end", "Service.SystemCallErrorNumber", []string{"EPERM"}},
		{"what runs away is slowed down before it is ended", "Service.MemoryHigh", []string{"224M"}},
		{"what runs away leaves the board usable", "Service.MemoryMax", []string{"256M"}},
		{"a kiosk's browser goes before the outbox", "Service.OOMScoreAdjust", []string{"-500"}},
	} {
		t.Run(c.because, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, u[c.directive]); diff != "" {
				t.Errorf("%s= (-want +got):\n%s", c.directive, diff)
			}
		})
	}
	t.Run("a stop waits longer than the longest attempt at a delivery, which takes 60 s", func(t *testing.T) {
		t.Parallel()
		if got := span(t, u, "Service.TimeoutStopSec"); got <= time.Minute {
			t.Errorf("TimeoutStopSec=%v", got)
		}
	})
	t.Run("a start may take longer than the verification of a full outbox on a slow card", func(t *testing.T) {
		t.Parallel()
		if got := span(t, u, "Service.TimeoutStartSec"); got < 2*time.Minute {
			t.Errorf("TimeoutStartSec=%v", got)
		}
	})
}

func span(t *testing.T, u unit, directive string) time.Duration {
	t.Helper()
	values := u[directive]
	if len(values) != 1 {
		t.Fatalf("%s= is there %d times", directive, len(values))
	}
	d, err := time.ParseDuration(values[0])
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The exit status of a Go program that panics is 2, and so is that of one that
// systemd's watchdog ends by SIGABRT: the goroutines are printed, then it exits.
func TestTheUnitStartsAgainWhatAPanicOrTheWatchdogEnded(t *testing.T) {
	t.Parallel()
	if end := os.Getenv("STATIOND_TEST_END"); end != "" {
		if end == "panic" {
			panic("the end that the parent test asked for")
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGABRT); err != nil {
			t.Fatal(err)
		}
		select {}
	}
	prevented := strings.Fields(strings.Join(readUnit(t)["Service.RestartPreventExitStatus"], " "))
	for _, end := range []string{"panic", "watchdog"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()[:strings.IndexByte(t.Name(), '/')]+"$")
			child.Env = append(os.Environ(), "STATIOND_TEST_END="+end, "GOTRACEBACK=")
			said, err := child.CombinedOutput()
			if child.ProcessState == nil {
				t.Fatal(err)
			}
			status := child.ProcessState.ExitCode()
			if status != 2 {
				t.Errorf("ended with status %d, not Go's 2: %v\n%s", status, err, said)
			}
			if slices.Contains(prevented, "2") {
				t.Errorf("RestartPreventExitStatus=%s keeps it down", strings.Join(prevented, " "))
			}
		})
	}
}

func TestReadersAreOpenedWhoeverPlugsThemInFirst(t *testing.T) {
	t.Parallel()
	modules := lines(t, "modules-load.conf")
	allowed := readUnit(t)["Service.DeviceAllow"]
	for device, drivers := range map[string][]string{
		"char-ttyACM rw": {"cdc_acm"},
		"char-ttyUSB rw": {"usbserial", "ftdi_sio", "cp210x", "pl2303", "ch341"},
		"char-hidraw r":  {"usbhid"},
	} {
		if !slices.Contains(allowed, device) {
			t.Errorf("the unit does not allow %s", device)
		}
		for _, driver := range drivers {
			if !slices.Contains(modules, driver) {
				t.Errorf("%s is not loaded before the unit: its %s would be refused until a restart", driver, device)
			}
		}
	}
}

func TestDevicesBelongToTheAccountsGroups(t *testing.T) {
	t.Parallel()
	groups := strings.Fields(readUnit(t)["Service.SupplementaryGroups"][0])
	rules := lines(t, "60-stationd.rules")
	accounts := strings.Join(lines(t, "sysusers.conf"), "\n")
	for _, c := range []struct{ what, match, group string }{
		{"USB-CDC readers", `SUBSYSTEM=="tty", KERNEL=="ttyACM*"`, "dialout"},
		{"RS-232 adapters", `SUBSYSTEM=="tty", KERNEL=="ttyUSB*"`, "dialout"},
		{"HID readers", `SUBSYSTEM=="input", KERNEL=="event*"`, "input"},
		{"HID-POS readers", `SUBSYSTEM=="hidraw", KERNEL=="hidraw*"`, "input"},
		{"GPIO chips", `SUBSYSTEM=="gpio", KERNEL=="gpiochip*"`, "gpio"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			at := slices.IndexFunc(rules, func(rule string) bool { return strings.HasPrefix(rule, c.match) })
			if at < 0 {
				t.Fatalf("no rule for %s", c.match)
			}
			if !strings.Contains(rules[at], `GROUP="`+c.group+`", MODE="0660"`) {
				t.Errorf("%s: not the group %s's", rules[at], c.group)
			}
			if c.group == "dialout" && !strings.Contains(rules[at], `ENV{ID_MM_DEVICE_IGNORE}="1", ENV{ID_MM_PORT_IGNORE}="1"`) {
				t.Errorf("%s: ModemManager would talk to the reader", rules[at])
			}
			if !slices.Contains(groups, c.group) {
				t.Errorf("the unit's account is not in the group %s", c.group)
			}
			if !strings.Contains(accounts, "g "+c.group) {
				t.Errorf("sysusers.conf does not make the group %s", c.group)
			}
		})
	}
}

func TestThePackageHoldsEveryFileOfTheBoard(t *testing.T) {
	t.Parallel()
	packed := strings.Join(lines(t, "nfpm.yaml"), "\n")
	for _, path := range []string{
		"/usr/bin/stationd",
		"/usr/lib/systemd/system/stationd.service",
		"/usr/lib/systemd/system/stationd-lamps.service",
		"/usr/lib/systemd/system/stationd-enrol.service",
		"/usr/lib/systemd/system-generators/stationd-generator",
		"/usr/lib/udev/rules.d/60-stationd.rules",
		"/usr/lib/modules-load.d/stationd.conf",
		"/usr/lib/sysusers.d/stationd.conf",
		"/etc/stationd/stationd.example.toml\ntype: config",
		"/etc/stationd/keys\ntype: dir\nfile_info: {mode: 0700}",
		"/usr/share/man/man1/stationd.1.gz",
		"/usr/share/doc/stationd/copyright",
		"/usr/share/doc/stationd/licenses.gz",
		"/usr/share/doc/stationd/sbom.cdx.json",
	} {
		if !strings.Contains(packed, "dst: "+path+"\n") {
			t.Errorf("nfpm.yaml does not say %q", path)
		}
	}
}

func TestSystemdTakesTheUnit(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed: that systemd itself understands every line of the unit was not proved")
	}
	dir := t.TempDir()
	units := map[string]string{
		"stationd.service": "stationd.service", "stationd-lamps.service": "stationd-lamps.service",
		"stationd-enrol.service":  "stationd-enrol.service",
		"stationd-screen.service": "screen/stationd-screen.service",
	}
	for unit, file := range units {
		// The program need not be installed where the unit is read.
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.NewReplacer("/usr/bin/stationd", "/bin/true", "ExecStart=/usr/bin/cage", "ExecStart=/bin/true").Replace(string(text)))
		if err := os.WriteFile(filepath.Join(dir, unit), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for unit := range units {
		said, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", filepath.Join(dir, unit)).CombinedOutput()
		if err != nil || strings.Contains(string(said), unit) {
			t.Errorf("%v\n%s", err, said)
		}
	}
}

func TestABoardIsEnrolledBeforeItsStationStarts(t *testing.T) {
	t.Parallel()
	u := readUnitFile(t, "stationd-enrol.service")
	for _, c := range []struct {
		because   string
		directive string
		want      []string
	}{
		{"the station waits for its configuration, and starts with it at the same boot", "Unit.Before", []string{"stationd.service"}},
		{"nothing is done without a folder, and a wiping that was cut off goes on", "Unit.ConditionPathExists", []string{"|/boot/firmware/stationd-enrol", "|/boot/firmware/stationd-enrol.wipe"}},
		{"the boot partition is there, and an outbox on a partition of its own is not overlooked", "Unit.RequiresMountsFor", []string{"/boot/firmware /var/lib/stationd"}},
		{"it ends before the station starts", "Service.Type", []string{"oneshot"}},
		{"it writes the configuration and wipes the folder, and nothing else", "Service.ReadWritePaths", []string{"/etc/stationd -/boot/firmware"}},
		{"a key that is a file belongs to the station's group, and the station's own folder is closed to others", "Service.CapabilityBoundingSet", []string{"CAP_CHOWN CAP_DAC_READ_SEARCH"}},
		{"the file is the station's to read, and keys are not", "Service.UMask", []string{"0077"}},
	} {
		if diff := cmp.Diff(c.want, u[c.directive]); diff != "" {
			t.Errorf("%s: %s= (-want +got):\n%s", c.because, c.directive, diff)
		}
	}
}

// What the unit leaves open is in deploy/README.md, with why.
func TestTheUnitIsNoMoreExposedThanTheReadmeSays(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed: that the unit's exposure is what deploy/README.md says was not proved")
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for unit, threshold := range map[string]string{"stationd.service": "21", "stationd-lamps.service": "7"} {
		written := "`" + unit + "` " + threshold[:len(threshold)-1] + "." + threshold[len(threshold)-1:]
		if len(threshold) == 1 {
			written = "`" + unit + "` 0." + threshold
		}
		if !strings.Contains(string(readme), written) {
			t.Errorf("README.md does not say %q", written)
		}
		said, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=yes", "--no-pager", "--threshold="+threshold, unit).CombinedOutput()
		if strings.Contains(string(said), "unrecognized option") {
			t.Skipf("this systemd-analyze cannot read a unit that is not installed: that the unit's exposure is what deploy/README.md says was not proved")
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", unit, err, said)
		}
	}
}
