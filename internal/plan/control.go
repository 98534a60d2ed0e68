package plan

import (
	"os"
	"path/filepath"

	"stationd/internal/config"
)

// ControlPathOf is where the station of a configuration is reached, also where the
// file is faulty.
func ControlPathOf(path string) string {
	data, _ := config.Outline(path)
	if data == "" {
		data = PackagedData
	}
	p := &Plan{Path: path}
	p.Station.Data = data
	return ControlPath(p)
}

// Where a station keeps what it needs while it runs.
const (
	ControlName  = "control.sock"
	PackagedData = "/var/lib/stationd" // the unit's StateDirectory, and the default of [station] data
	packagedRun  = "/run/stationd"     // the unit's RuntimeDirectory
)

// ControlPath is where the operator's commands find the station: in the folder
// that systemd makes for the packaged service, else beside the outbox. Service and
// command must come to the same answer, so nothing of the process's surroundings
// goes into it.
func ControlPath(p *Plan) string {
	if p.Station.Data == PackagedData {
		if info, err := os.Stat(packagedRun); err == nil && info.IsDir() {
			return filepath.Join(packagedRun, ControlName)
		}
	}
	return filepath.Join(p.Station.Data, ControlName)
}
