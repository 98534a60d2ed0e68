package doctor

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"stationd/internal/control"
	"stationd/internal/plan"
	"stationd/internal/station"
	"stationd/internal/terminal"
	"stationd/internal/version"
)

// unit is the systemd unit of the packaged service.
const unit = "stationd.service"

// serviceChecks returns the checks of the running station and of its systemd unit.
func (d *doctor) serviceChecks() []check {
	return []check{single("station", d.checkStation), {"parts", d.checkParts}, single("service", d.checkUnit), single("restarts", checkRestarts)}
}

// checkStation checks that the station runs, in this version, and delivers.
func (d *doctor) checkStation(context.Context) Finding {
	const name = "station"
	socket := plan.ControlPath(d.plan)
	switch {
	case d.noAnswer != nil:
		return failed(name, "run doctor as root, or join the group stationd: adduser NAME stationd", "%v", d.noAnswer)
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

// contacts lists the state of each backend that was contacted: "; l2l: connected".
func contacts(backends map[string]station.Contact) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(backends)) {
		if kind := backends[name].Kind; kind != station.Untried {
			fmt.Fprintf(&text, "; %s: %s", name, kind)
		}
	}
	return text.String()
}

// checkParts reports the faults of the running station's parts, except of the devices, which
// have checks of their own.
func (d *doctor) checkParts(context.Context) []Finding {
	if !d.running {
		return nil
	}
	withOwnCheck := map[string]bool{station.PageElsewhere: true}
	for _, name := range deviceNames(d.plan) {
		withOwnCheck[name] = true
	}
	return partFaults(d.snapshot, withOwnCheck)
}

// partFaults returns the faults that a running station reports, but for those of the parts
// in except.
func partFaults(s station.Snapshot, except map[string]bool) []Finding {
	var found []Finding
	for _, name := range slices.Sorted(maps.Keys(s.Health.Devices)) {
		if fault := s.Health.Devices[name]; fault != "" && !except[name] {
			found = append(found, failed(name, "", "the running station says: %s", fault))
		}
	}
	return found
}

// runningFaults returns what the running station reports while the configuration at path has
// faults.
func runningFaults(ctx context.Context, path string) []Finding {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	s, err := control.Dial(plan.ControlPathOf(path)).Snapshot(ctx)
	if err != nil {
		return []Finding{failed("station", "fix the configuration, then: systemctl restart stationd", "not running: %v", err)}
	}
	return partFaults(s, nil)
}

// systemdRuns reports whether this machine was booted with systemd, see sd_booted(3).
func systemdRuns() bool {
	_, err := os.Stat("/run/systemd/system")
	return err == nil
}

// checkUnit checks that systemd starts the station at boot.
//
//	systemctl is-enabled stationd.service
//	enabled
func (d *doctor) checkUnit(ctx context.Context) Finding {
	const name = "service"
	if !systemdRuns() {
		return skipped(name, "this machine is not run by systemd: check yourself that the station starts at boot")
	}
	out, err := exec.CommandContext(ctx, "systemctl", "is-enabled", unit).Output()
	state := strings.TrimSpace(string(out))
	switch {
	case state == "enabled":
		return passed(name, "%s is enabled: the station starts at boot", unit)
	case state != "" && state != "not-found":
		return failed(name, "systemctl enable --now stationd", "%s is %s: the station does not start at boot", unit, state)
	}
	return failed(name, "install the package: deploy/README.md", "%s is not installed: %v", unit, err)
}

// checkRestarts reports how often systemd has restarted the station.
//
//	systemctl show --property=NRestarts,Result stationd.service
//	NRestarts=3
//	Result=watchdog
func checkRestarts(ctx context.Context) Finding {
	const name = "restarts"
	if !systemdRuns() {
		return skipped(name, "this machine is not run by systemd")
	}
	out, err := exec.CommandContext(ctx, "systemctl", "show", "--property=NRestarts,Result", unit).Output()
	if err != nil {
		return skipped(name, "systemctl show: %v", err)
	}
	return judgeRestarts(string(out))
}

// judgeRestarts is the finding of an output of systemctl show.
func judgeRestarts(output string) Finding {
	const name = "restarts"
	values := make(map[string]string)
	for line := range strings.Lines(output) {
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
