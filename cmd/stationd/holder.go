package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"stationd/internal/control"
)

// stopFirst is what to do about a station that has what a command needs.
const stopFirst = "stop it first, and start it again afterwards: systemctl stop stationd"

// runs reports whether the station of a plan is running.
func (p *plan) runs(ctx context.Context) bool {
	if p.station.Data == "" {
		return false
	}
	_, err := control.Dial(socketPath(p)).Snapshot(ctx)
	return err == nil
}

// known reads the configuration for a command that can do without one: where there
// is none, or it has faults, the plan is empty. why says so in a few words.
func known(path string) (p *plan, why string) {
	p, faults, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &plan{path: path}, fmt.Sprintf("there is no configuration %s; write one with stationd setup", path)
	case err != nil:
		return &plan{path: path}, err.Error()
	case len(faults) > 0:
		return &plan{path: path}, fmt.Sprintf("%s has faults; stationd check %s lists them", path, path)
	}
	return p, ""
}

// holders says which other processes have a device open, as far as this user may
// see:
//
//	/proc/812/fd/9 -> /dev/ttyACM0
//	/proc/812/comm    stationd
func holders(device string) []string {
	real, err := filepath.EvalSymlinks(device)
	if err != nil {
		return nil
	}
	open, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return nil
	}
	var found []string
	for _, fd := range open {
		process := filepath.Dir(filepath.Dir(fd))
		pid := filepath.Base(process)
		if to, err := os.Readlink(fd); err != nil || to != real || pid == fmt.Sprint(os.Getpid()) {
			continue
		}
		comm, err := os.ReadFile(filepath.Join(process, "comm"))
		if err != nil {
			continue // it has just ended
		}
		if who := fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(comm)), pid); !slices.Contains(found, who) {
			found = append(found, who)
		}
	}
	return found
}
