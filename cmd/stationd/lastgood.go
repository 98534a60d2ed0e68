package main

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

	"stationd/internal/config"
)

// lastGoodName is the file beside the outbox with the configuration that was in force
// last. It is as the person wrote it, and holds no key: the configuration names only
// where keys are.
const lastGoodName = "last-good.toml"

// A lastGood says that the file of the configuration was not taken up at the start,
// and that the one which was in force last is.
type lastGood struct {
	since time.Time // when it was put in force
	wrong []string  // with the file; never empty
}

// fault is what the station says of it.
func (l lastGood) fault(path string) string {
	return fmt.Sprintf("%s; in force is the last good one, of %s", rejected(path, l.wrong), l.since.Format("2006-01-02 15:04"))
}

// origin is the first line of a last good configuration.
func origin(path string) []byte {
	return fmt.Appendf(nil, "# Kept by stationd: what was in force last of %s. Edit that file and not this one.\n", path)
}

// keep keeps the configuration as the last good one. Where it cannot be written the
// station goes on: it is a convenience of the next start.
func (p *plan) keep(log *slog.Logger) {
	if !p.station.LastGood {
		return
	}
	text := append(origin(p.path), p.text...)
	path := filepath.Join(p.station.Data, lastGoodName)
	if before, err := os.ReadFile(path); err == nil && bytes.Equal(before, text) {
		return // the card is spared
	}
	if err := replaceFile(path, text); err != nil {
		log.Warn("the configuration is not kept for a start with a faulty one", "error", err)
	}
}

// replaceFile writes a file whole or not at all, for its owner alone.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // after the rename it is not there
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// loadToRun reads the configuration that a station is to run: the file, or where that
// has faults, the one that was in force last. The faults are printed in either case.
func loadToRun(path string, stderr io.Writer) (*plan, error) {
	p, faults, err := read(path)
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
		printFaults(stderr, faults)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exitWith(exitConfig, err)
	}
	if last := readLastGood(path, wrong); last != nil {
		return last, nil
	}
	return nil, exitWith(exitConfig, err)
}

// readLastGood reads the configuration that was in force last at a path whose file is
// faulty; nil where there is none, or the station is told not to use it. Where the
// file is so broken that it does not say where the outbox is, the folder of the
// packaged station is looked in; a configuration that was kept of another file is
// never taken.
func readLastGood(path string, wrong []string) *plan {
	data, allowed := config.Outline(path)
	if !allowed {
		return nil
	}
	if data == "" {
		data = packagedData
	}
	kept := filepath.Join(data, lastGoodName)
	text, err := os.ReadFile(kept)
	if err != nil || !bytes.HasPrefix(text, origin(path)) {
		return nil
	}
	p, faults, err := read(kept)
	if err != nil || len(faults) > 0 || !p.station.LastGood || p.station.Data != data {
		return nil
	}
	p.path, p.text = path, bytes.TrimPrefix(text, origin(path))
	p.lastGood = &lastGood{wrong: wrong}
	if info, err := os.Stat(kept); err == nil {
		p.lastGood.since = info.ModTime()
	}
	return p
}

// loadStation reads the configuration for a command that asks the running station or
// looks into its files. Where the file has faults it goes by the one that was in force
// last, as a start does; whoever may not read that one, as a member of the station's
// group, still reaches a station that runs. Otherwise it ends as load does.
func loadStation(ctx context.Context, path string, stderr io.Writer) (*plan, error) {
	p, faults, err := read(path)
	if err == nil && len(faults) == 0 {
		return p, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exitWith(exitConfig, err)
	}
	if last := readLastGood(path, nil); last != nil {
		fmt.Fprintf(stderr, "%s has faults (stationd check %s lists them); this goes by the last good one\n", path, path)
		return last, nil
	}
	// What only a file in the usual place does not say is where it usually is.
	if data, _ := config.Outline(path); data != "" || path == defaultConfig {
		bare := &plan{path: path, zone: time.Local}
		bare.station.Data = cmp.Or(data, packagedData)
		if bare.runs(ctx) {
			fmt.Fprintf(stderr, "%s has faults (stationd check %s lists them); this asks the running station\n", path, path)
			return bare, nil
		}
	}
	return load(path, stderr)
}
