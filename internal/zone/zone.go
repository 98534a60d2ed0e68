// Package zone knows the site's time on a board that has no time zone database, as a small
// image without the package tzdata has none.
package zone

import (
	"archive/tar"
	"compress/gzip"
	_ "embed"
	"io"
	"strings"
	"time"
)

// zones are the files of Go's own time zone database, each by its name; one with several names
// is a file under the first and a link to it under the others. A test writes it.
//
//go:embed zones.tar.gz
var zones string

// Load returns the time zone of a name, as "Europe/Stockholm": of this machine's database, and
// where that has none of the name, as the database was when stationd was built. Only then is that
// unpacked. The error is that of [time.LoadLocation].
func Load(name string) (*time.Location, error) {
	place, err := time.LoadLocation(name)
	if err == nil {
		return place, nil
	}
	data, found := find(name)
	if !found {
		return nil, err
	}
	return time.LoadLocationFromTZData(name, data)
}

// find returns the file of a time zone.
func find(name string) (data []byte, found bool) {
	for {
		data, link, err := read(name)
		if err != nil {
			return nil, false
		}
		if link == "" {
			return data, true
		}
		name = link
	}
}

// read reads one file, or the name of the file to which name is a link.
func read(name string) (data []byte, link string, err error) {
	unpacked, err := gzip.NewReader(strings.NewReader(zones))
	if err != nil {
		return nil, "", err
	}
	files := tar.NewReader(unpacked)
	for {
		file, err := files.Next()
		if err != nil {
			return nil, "", err
		}
		if file.Name == name {
			data, err := io.ReadAll(files)
			return data, file.Linkname, err
		}
	}
}
