package enrol

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"stationd/internal/api"
	"stationd/internal/atomicfile"
	"stationd/internal/doctor"
	"stationd/internal/plan"
)

var (
	valueName   = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	placeholder = regexp.MustCompile(`@([a-z][a-z0-9_]*)@`)
)

// A station is what is going to be written.
type station struct {
	name  string
	text  []byte // of the configuration
	files []placedFile
}

// A placedFile is a file beside the configuration.
type placedFile struct {
	path  string
	text  []byte
	mode  fs.FileMode
	group int // that it is given to; -1: root's
}

// prepare checks everything, and writes nothing that stays. The error is a refusal where
// something is not right.
func (e *enrolment) prepare(all folder) (*station, error) {
	if _, is := all["stationd.toml"]; !is {
		return nil, refusal{"stationd.toml is missing"}
	}
	text, no := fill(all)
	if len(no) > 0 {
		return nil, no
	}
	p, no, err := e.readAsCheckDoes(text)
	if err != nil || len(no) > 0 {
		if err == nil {
			err = no
		}
		return nil, err
	}
	s := &station{name: p.Station.Name, text: text}
	no = e.checkOutbox(p)
	more, err := e.addKeys(s, p, all)
	if err != nil {
		return nil, err
	}
	no = append(no, more...)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if filepath.Ext(name) != ".pem" {
			continue
		}
		if !x509.NewCertPool().AppendCertsFromPEM(all[name].text) {
			no = append(no, name+" holds no certificate as PEM")
		}
		s.files = append(s.files, placedFile{filepath.Join(filepath.Dir(e.config), name), all[name].text, 0o644, -1})
	}
	if len(no) > 0 {
		return nil, no
	}
	return s, nil
}

// fill puts the values of station.txt into the configuration.
func fill(all folder) (text []byte, no refusal) {
	given, no := values(all["station.txt"].text)
	used := make(map[string]bool)
	text = placeholder.ReplaceAllFunc(all["stationd.toml"].text, func(found []byte) []byte {
		name := string(bytes.Trim(found, "@"))
		value, is := given[name]
		if !is && !used[name] {
			no = append(no, fmt.Sprintf("stationd.toml asks for %s, and station.txt does not have it: write %s = ... there", found, name))
		}
		used[name] = true
		return []byte(value)
	})
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !used[name] {
			no = append(no, fmt.Sprintf("station.txt has %s, and stationd.toml does not ask for it: write @%s@ there, or take it out", name, name))
		}
	}
	return text, no
}

// readAsCheckDoes reads the configuration where it belongs, under another name, and checks
// what a start on this machine needs of it.
func (e *enrolment) readAsCheckDoes(text []byte) (*plan.Plan, refusal, error) {
	if err := os.MkdirAll(filepath.Dir(e.config), 0o755); err != nil { //nolint:gosec // the configuration is for everybody to read
		return nil, nil, err
	}
	staged := filepath.Join(filepath.Dir(e.config), "."+filepath.Base(e.config)+"-enrol")
	if err := removeLeftOvers(staged); err != nil {
		return nil, nil, err
	}
	if err := atomicfile.Replace(staged, text, 0o600); err != nil {
		return nil, nil, err
	}
	defer os.Remove(staged) //nolint:errcheck // the next run removes it
	p, faults, err := plan.Read(staged)
	if err != nil {
		return nil, nil, err
	}
	var no refusal
	for _, f := range faults {
		no = append(no, strings.ReplaceAll(f.String(), staged, "stationd.toml"))
	}
	if len(no) > 0 {
		return nil, no, nil
	}
	for _, f := range doctor.BeforeStart(p, false) {
		if f.Verdict == doctor.Fail {
			no = append(no, fmt.Sprintf("%s: %s -- %s", f.Check, f.Found, f.Do))
		}
	}
	return p, no, nil
}

// checkOutbox refuses a card that has the outbox of another station.
func (e *enrolment) checkOutbox(p *plan.Plan) (no refusal) {
	owner, folders := "", []string{p.Station.Data}
	if before, _, err := plan.Read(e.config); err == nil {
		owner = before.Station.Name
		if before.Station.Data != p.Station.Data {
			folders = append(folders, before.Station.Data)
		}
	} else if before, _, err := plan.Read(plan.LastGoodPath(p.Station.Data)); err == nil {
		owner = before.Station.Name
	}
	if e.keepOutbox || owner == p.Station.Name {
		return nil
	}
	whose := "a station that nothing here names"
	if owner != "" {
		whose = "station " + owner
	}
	for _, data := range folders {
		if found, _ := filepath.Glob(filepath.Join(data, "outbox*")); len(found) > 0 {
			no = append(no, fmt.Sprintf("this card has the outbox of %s, %s: what waits there exists nowhere else. Deliver it first (stationd outbox summary), and then empty %s; where it is %s's own, run: stationd enrol --keep-outbox",
				whose, found[0], data, p.Station.Name))
		}
	}
	return no
}

// addKeys adds the keys that the configuration asks for. One that is not in the folder must
// be in its place already.
func (e *enrolment) addKeys(s *station, p *plan.Plan, all folder) (no refusal, err error) {
	etc, seen := filepath.Dir(e.config), make(map[string]bool)
	for _, from := range doctor.KeyPlaces(p) {
		f := placedFile{path: filepath.Join(etc, "keys", from.Credential), mode: 0o600, group: -1}
		if from.Credential == "" {
			f = placedFile{path: from.File, mode: 0o640}
		}
		if seen[f.path] {
			continue
		}
		seen[f.path] = true
		file, given := all[strings.ToLower(filepath.Base(f.path))]
		switch {
		case !given && exists(f.path):
			continue
		case !given:
			no = append(no, fmt.Sprintf("%s is missing: stationd.toml asks for it", filepath.Base(f.path)))
			continue
		case from.Credential == "" && filepath.Dir(f.path) != etc && filepath.Dir(f.path) != filepath.Join(etc, "keys"):
			no = append(no, fmt.Sprintf("%s belongs to %s, and enrol writes to %s alone: name it there", filepath.Base(f.path), f.path, etc))
			continue
		}
		key, err := api.ParseKey(file.text)
		if err != nil {
			no = append(no, fmt.Sprintf("%s: %v", filepath.Base(file.path), err))
			continue
		}
		if from.Credential == "" {
			if f.group, err = groupID(); err != nil {
				return nil, fmt.Errorf("the group %s, which is to read %s: %w; install the package", account, f.path, err)
			}
		}
		f.text = []byte(key.Reveal() + "\n")
		s.files = append(s.files, f)
	}
	return no, nil
}
