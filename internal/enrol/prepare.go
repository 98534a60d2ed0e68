package enrol

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"stationd/internal/api"
	"stationd/internal/doctor"
	"stationd/internal/plan"
)

// A newStation is what is going to be written.
type newStation struct {
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
func (e *enrolment) prepare(all folder) (*newStation, error) {
	if _, is := all[configName]; !is {
		return nil, refusal{configName + " is missing"}
	}
	p, no, err := e.readAsCheckDoes(all)
	if err != nil {
		return nil, err
	}
	if len(no) > 0 {
		return nil, no
	}
	s := &newStation{name: p.Station.Name, text: all[configName].text}
	etc := filepath.Dir(e.config)
	keys, more, err := e.keys(p, all)
	if err != nil {
		return nil, err
	}
	no = append(e.checkOutbox(p), more...)
	used := make(map[string]bool)
	for _, k := range keys {
		used[strings.ToLower(filepath.Base(k.path))] = true
	}
	included := make(map[string]bool)
	for _, path := range p.Files {
		included[filepath.Base(path)] = true
	}
	s.files = keys
	for _, name := range slices.Sorted(maps.Keys(all)) {
		switch {
		case endsIn(name, ".pem"):
			if !x509.NewCertPool().AppendCertsFromPEM(all[name].text) {
				no = append(no, name+" holds no certificate as PEM")
			}
		case included[name]:
		case !used[name]:
			no = append(no, fmt.Sprintf("%s is for nothing here: %s neither includes it nor asks for a key of that name, and authorities end in .pem", name, configName))
			continue
		default:
			continue
		}
		if name != configName {
			s.files = append(s.files, placedFile{filepath.Join(etc, name), all[name].text, 0o644, -1})
		}
	}
	if len(no) > 0 {
		return nil, no
	}
	return s, nil
}

// readAsCheckDoes reads the configuration, with what it includes, from a folder beside the
// place where it belongs, and checks what a start on this machine needs of it.
func (e *enrolment) readAsCheckDoes(all folder) (_ *plan.Plan, no refusal, err error) {
	staged := filepath.Join(filepath.Dir(e.config), ".enrol")
	if err := errors.Join(os.RemoveAll(staged), os.MkdirAll(filepath.Dir(staged), 0o755), os.Mkdir(staged, 0o700)); err != nil { //nolint:gosec // the configuration is for everybody to read
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staged)) }()
	for name, file := range all {
		if !endsIn(name, ".toml") {
			continue
		}
		if err := os.WriteFile(filepath.Join(staged, name), file.text, 0o600); err != nil {
			return nil, nil, err
		}
	}
	p, faults, err := plan.Read(filepath.Join(staged, configName))
	if err != nil {
		return nil, nil, err
	}
	for _, f := range faults {
		no = append(no, strings.ReplaceAll(f.String(), staged+"/", ""))
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

// keys returns the keys that the configuration asks for. One that is not in the folder must
// be in its place already.
func (e *enrolment) keys(p *plan.Plan, all folder) (keys []placedFile, no refusal, err error) {
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
			no = append(no, fmt.Sprintf("%s is missing: %s asks for it", filepath.Base(f.path), configName))
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
				return nil, nil, fmt.Errorf("the group %s, which is to read %s: %w; install the package", account, f.path, err)
			}
		}
		f.text = []byte(key.Reveal() + "\n")
		keys = append(keys, f)
	}
	return keys, no, nil
}
