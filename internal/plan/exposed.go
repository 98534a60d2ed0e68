package plan

import (
	"io/fs"
	"os"
)

// An Exposure is a file or folder of the station's that every account of the machine
// may change.
type Exposure struct {
	What string // "configuration file", "data folder"
	Path string
	Mode fs.FileMode // its permissions
}

// Exposed lists which of the configuration's files and the data folder every account may change, and with
// it what the station does. What is not there, or cannot be looked at, is not listed.
func (p *Plan) Exposed() (all []Exposure) {
	looked := []Exposure{{What: "configuration file", Path: p.Path}, {What: "data folder", Path: p.Station.Data}}
	for _, file := range p.Files {
		if file != p.Path && p.LastGood == nil {
			looked = append(looked, Exposure{What: "included configuration file", Path: file})
		}
	}
	for _, e := range looked {
		info, err := os.Stat(e.Path)
		if err != nil || info.Mode().Perm()&0o002 == 0 {
			continue
		}
		e.Mode = info.Mode().Perm()
		all = append(all, e)
	}
	return all
}
