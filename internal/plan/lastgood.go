package plan

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"stationd/internal/atomicfile"
	"stationd/internal/config"
	"stationd/internal/exit"
)

// Rejected is the fault that the station shows while its configuration file has faults and
// the configuration before it is still in force. wrong are the file's faults.
func Rejected(path string, wrong []string) string {
	more := ""
	if n := len(wrong) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Sprintf("the file was not taken up and what was in force before stays: %s%s; put it right (stationd check %s), then: systemctl reload stationd", wrong[0], more, path)
}

// lastGoodName is a copy, beside the outbox, of the configuration that was in force last: a
// station whose file has faults starts with it. It holds no key, for a configuration names
// only the files that keys are in.
const lastGoodName = "last-good.toml"

// LastGoodPath is where that copy lies in a data folder.
func LastGoodPath(data string) string { return filepath.Join(data, lastGoodName) }

// A LastGood belongs to a Plan that was read from the copy, because the configuration file
// has faults.
type LastGood struct {
	since  time.Time // when the copy was written
	Faults []string  // of the file; nil in a plan of LoadStation
}

// Fault is the fault that the station shows for it.
func (l LastGood) Fault(path string) string {
	return fmt.Sprintf("%s; in force is the last good one, of %s", Rejected(path, l.Faults), l.since.Format("2006-01-02 15:04"))
}

// firstLine is the first line of a last good configuration.
func firstLine(path string) []byte {
	return fmt.Appendf(nil, "# Kept by stationd: what was in force last of %s. Edit that file and not this one.\n", path)
}

// Keep writes the copy of a configuration that is in force now. Where it cannot be written
// the station goes on: only a start with a faulty file would need it.
func (p *Plan) Keep(log *slog.Logger) {
	if !p.Station.LastGood {
		return
	}
	text := append(firstLine(p.Path), p.text...)
	path := LastGoodPath(p.Station.Data)
	if before, err := os.ReadFile(path); err == nil && bytes.Equal(before, text) {
		return // an SD card wears with each write
	}
	if err := atomicfile.Replace(path, text, 0o600); err != nil {
		log.Warn("the configuration is not kept for a start with a faulty one", "error", err)
	}
}

// LoadToRun reads the configuration that a station is to run: the file, or where that
// has faults, the one that was in force last. The faults are printed in either case.
func LoadToRun(path string, stderr io.Writer) (*Plan, error) {
	p, faults, err := Read(path)
	if err == nil && len(faults) == 0 {
		return p, nil
	}
	var wrong []string
	if err != nil {
		wrong = []string{err.Error()}
	}
	for _, f := range faults {
		wrong = append(wrong, f.String())
	}
	if len(faults) > 0 {
		PrintFaults(stderr, faults)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exit.With(exit.Config, err)
	}
	if last := ReadLastGood(path, wrong); last != nil {
		return last, nil
	}
	return nil, exit.With(exit.Config, err)
}

// ReadLastGood reads the configuration that was in force last at a path whose file is
// faulty; nil where there is none, or the station is told not to use it. Where the
// file is so broken that it does not say where the outbox is, the folder of the
// packaged station is looked in; a configuration that was kept of another file is
// never taken.
func ReadLastGood(path string, wrong []string) *Plan {
	data, allowed := config.Outline(path)
	if !allowed {
		return nil
	}
	if data == "" {
		data = PackagedData
	}
	kept := filepath.Join(data, lastGoodName)
	text, err := os.ReadFile(kept)
	if err != nil || !bytes.HasPrefix(text, firstLine(path)) {
		return nil
	}
	p, faults, err := Read(kept)
	if err != nil || len(faults) > 0 || !p.Station.LastGood || p.Station.Data != data {
		return nil
	}
	p.Path, p.text = path, bytes.TrimPrefix(text, firstLine(path))
	p.LastGood = &LastGood{Faults: wrong}
	if info, err := os.Stat(kept); err == nil {
		p.LastGood.since = info.ModTime()
	}
	return p
}

// LoadStation reads the configuration for a command that asks the running station or
// looks into its files. Where the file has faults it goes by the one that was in force
// last, as a start does; whoever may not read that one, as a member of the station's
// group, still reaches a station that runs. Otherwise it ends as Load does.
func LoadStation(ctx context.Context, path string, stderr io.Writer) (*Plan, error) {
	p, faults, err := Read(path)
	if err == nil && len(faults) == 0 {
		return p, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exit.With(exit.Config, err)
	}
	if last := ReadLastGood(path, nil); last != nil {
		fmt.Fprintf(stderr, "%s has faults (stationd check %s lists them); this goes by the last good one\n", path, path)
		return last, nil
	}
	// A faulty file may not say where the data is: that of the usual file is in the usual
	// folder.
	if data, _ := config.Outline(path); data != "" || path == DefaultPath {
		bare := &Plan{Path: path, Zone: time.Local}
		bare.Station.Data = cmp.Or(data, PackagedData)
		if bare.Running(ctx) {
			fmt.Fprintf(stderr, "%s has faults (stationd check %s lists them); this asks the running station\n", path, path)
			return bare, nil
		}
	}
	return Load(path, stderr)
}
