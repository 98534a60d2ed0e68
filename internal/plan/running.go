package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"stationd/internal/control"
	"stationd/internal/station"
)

// StopFirst is what to do about a station that has what a command needs.
const StopFirst = "stop it first, and start it again afterwards: systemctl stop stationd"

// Running reports whether the station of a plan is running.
func (p *Plan) Running(ctx context.Context) bool {
	if p.Station.Data == "" {
		return false
	}
	_, err := control.Dial(ControlPath(p)).Snapshot(ctx)
	return err == nil
}

// ReadIfThere reads the configuration for a command that can do without one: where there
// is none, or it has faults, the plan is empty. why says so in a few words.
func ReadIfThere(path string) (p *Plan, why string) {
	p, faults, err := Read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Plan{Path: path}, fmt.Sprintf("there is no configuration %s; write one with stationd setup", path)
	case err != nil:
		return &Plan{Path: path}, err.Error()
	case len(faults) > 0:
		return &Plan{Path: path}, fmt.Sprintf("%s has faults; stationd check %s lists them", path, path)
	}
	return p, ""
}

// Local is a stamp's time as the site's clocks show it. A clock that had not been
// set is said to be so.
func (p *Plan) Local(s station.Stamp) string {
	text := s.Wall.In(p.Zone).Format(time.DateTime)
	if !s.Trusted {
		text += " (clock not set)"
	}
	return text
}
