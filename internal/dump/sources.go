package dump

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/config"
	"stationd/internal/contents"
	"stationd/internal/control"
	"stationd/internal/crash"
	"stationd/internal/doctor"
	"stationd/internal/plan"
	"stationd/internal/queue"
	"stationd/internal/station"
	"stationd/internal/terminal"
	"stationd/internal/verify"
)

// The ceilings of the parts, in bytes of text. Together they are the most that is collected.
const (
	small       = 256 << 10
	mostLog     = 2 << 20
	mostOutbox  = 4 << 20
	mostHistory = 8 << 20

	mostOfEach  = 1000 // waiting entries, held entries, unknown scans
	mostLogged  = 10_000
	historyTime = 24 * time.Hour
	askLimit    = 10 * time.Second
)

// errStopped says that nobody can be asked.
var errStopped = errors.New("the station does not run")

// A stationReader reads a station, through the running one or from its files.
type stationReader struct {
	plan     *plan.Plan // of what the station runs, as far as it is known
	client   *control.Client
	running  bool
	snapshot station.Snapshot
	noAnswer error // why a station that seems to run does not answer; nil: none runs
}

// find finds the station of a configuration, which may have faults.
func (s *stationReader) find(ctx context.Context, path string) {
	p, err := plan.LoadStation(ctx, path, io.Discard)
	if err != nil {
		p = &plan.Plan{Path: path}
		data, _ := config.Outline(path)
		p.Station.Data = cmp.Or(data, plan.PackagedData)
	}
	s.plan, s.client = p, control.Dial(plan.ControlPath(p))
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	s.snapshot, err = s.client.Snapshot(ctx)
	s.running = err == nil
	if p.Station.Name == "" {
		p.Station.Name = s.snapshot.Station
	}
	if err != nil && !errors.Is(err, control.ErrAbsent) {
		s.noAnswer = err
	}
}

// sources are the parts of a dump, in the order in which somebody reads them.
func (s *stationReader) sources(path string, now time.Time) []source {
	data := s.plan.Station.Data
	all := []source{
		{"version.json", "versions", small, versions(s)},
		{"doctor.txt", "what doctor finds", small, func(ctx context.Context, w io.Writer) error { return doctor.Print(ctx, path, w) }},
		{"stationd.toml", "the configuration, without keys and remarks", small, configuration(path)},
	}
	for i, file := range included(path) {
		all = append(all, source{fmt.Sprintf("included-%d-%s", i+1, filepath.Base(file)), "what it includes: " + file, small, configuration(file)})
	}
	return append(all, []source{
		{"last-good.toml", "the one that was in force last", small, configuration(filepath.Join(data, "last-good.toml"))},
		{"state.json", "state, health and lights", small, s.state},
		{"outbox.jsonl", "what waits and is on hold, and unknown scans", mostOutbox, s.outbox},
		{"log.txt", "the last lines of the log", mostLog, s.log},
		{"kernel.txt", "the kernel's warnings since the boot", small, output("journalctl", "--dmesg", "--boot", "--priority=warning", "--lines=500", "--quiet", "--no-pager")},
		{"metrics.txt", "the metrics", small, s.metrics},
		{"history.jsonl", "the history of a day", mostHistory, s.history(now)},
		{"crash.txt", "where the last crash happened", small, fileText(filepath.Join(data, crash.Name))},
		{"starts.json", "the last starts that no stop went before", small, fileText(filepath.Join(data, "starts.json"))},
		{"service.txt", "the service", small, output("systemctl", "show", "stationd.service",
			"--property=ActiveState,SubState,Result,UnitFileState,NRestarts,ExecMainStartTimestamp,ExecMainCode,ExecMainStatus,MemoryCurrent,MemoryPeak,StatusText,FragmentPath,DropInPaths")},
		{"computer.txt", "the computer", small, s.computer},
	}...)
}

// included are the files that a configuration includes, also where it has faults.
func included(path string) []string {
	f, err := config.Load(path)
	if err != nil {
		return nil
	}
	return f.Files()[1:]
}

// askedOrFile asks the running station, and where none runs it reads its files.
func (s *stationReader) askedOrFile(ask, read func() error) error {
	switch {
	case s.running:
		return ask()
	case s.noAnswer != nil:
		return s.noAnswer
	}
	return read()
}

// sound has another process look at the outbox first: a damaged one may end a reader.
func (s *stationReader) sound() error {
	if _, err := os.Stat(s.plan.Outbox()); err != nil {
		return err
	}
	return verify.Quick(s.plan.Outbox())
}

func (s *stationReader) state(ctx context.Context, w io.Writer) error {
	return s.askedOrFile(
		func() error {
			var said, lines bytes.Buffer
			err := s.client.Text(ctx, "/snapshot", &said)
			if err == nil {
				err = json.Indent(&lines, said.Bytes(), "", "  ")
			}
			if err == nil {
				_, err = lines.WriteTo(w)
			}
			return err
		},
		func() error { //nolint:contextcheck // the look ends by itself, after a minute
			if err := s.sound(); err != nil {
				return err
			}
			state, err := queue.ReadState(s.plan.Outbox())
			if err != nil {
				return err
			}
			return terminal.WriteJSON(w, struct{ State station.State }{state})
		})
}

func (s *stationReader) outbox(ctx context.Context, w io.Writer) error {
	if !s.running {
		if err := s.sound(); err != nil { //nolint:contextcheck // as above
			return err
		}
	}
	buffered := bufio.NewWriter(w)
	e := json.NewEncoder(buffered)
	totals, err := contents.List(ctx, s.plan, station.Limit{Held: mostOfEach, Waiting: mostOfEach, Unknown: mostOfEach},
		func(one station.EntryStatus) error { return e.Encode(map[string]any{"entry": one}) },
		func(ev station.Event) error { return e.Encode(map[string]any{"kept": ev}) })
	if err == nil {
		err = e.Encode(map[string]any{"totals": totals})
	}
	return errors.Join(err, buffered.Flush())
}

// log reads the journal; for whoever may not, the running station has the last lines.
func (s *stationReader) log(ctx context.Context, w io.Writer) error {
	var journal tail
	journal.most = mostLog
	err := output("journalctl", "--unit=stationd", fmt.Sprintf("--lines=%d", mostLogged), "--output=short-iso", "--quiet", "--no-pager")(ctx, &journal)
	if text := journal.bytes(); len(text) > 0 {
		_, err := w.Write(text)
		return err
	}
	if !s.running {
		return errors.Join(errors.New("the journal has no line that this user may read, and the station does not run"), err)
	}
	return s.client.Text(ctx, "/log", w)
}

func (s *stationReader) metrics(ctx context.Context, w io.Writer) error {
	return s.askedOrFile(
		func() error { return s.client.Text(ctx, "/metrics", w) },
		func() error { return errStopped })
}

func (s *stationReader) history(now time.Time) func(context.Context, io.Writer) error {
	since := now.Add(-historyTime)
	return func(ctx context.Context, w io.Writer) error {
		return s.askedOrFile(
			func() error {
				return s.client.Text(ctx, "/history?since="+url.QueryEscape(since.UTC().Format(time.RFC3339)), w)
			},
			func() error { return queue.ExportHistorySince(s.plan.History(), since, w) })
	}
}

// computer describes the computer, as far as its kernel does.
func (s *stationReader) computer(_ context.Context, w io.Writer) error {
	fmt.Fprintf(w, "user %d, groups %v\n", os.Geteuid(), groups())
	for _, path := range []string{"/proc/version", "/proc/device-tree/model", "/etc/os-release", "/proc/uptime", "/proc/loadavg", "/proc/meminfo", "/proc/mounts"} {
		if text, err := os.ReadFile(path); err == nil {
			fmt.Fprintf(w, "\n== %s\n%s\n", path, text)
		}
	}
	data := s.plan.Station.Data
	var disk unix.Statfs_t
	if err := unix.Statfs(data, &disk); err == nil {
		size := int64(disk.Bsize)                                                                                      //nolint:unconvert // its type differs between architectures
		fmt.Fprintf(w, "\n== %s\n%d MB, %d MB free\n", data, int64(disk.Blocks)*size>>20, int64(disk.Bavail)*size>>20) //nolint:gosec // a card has fewer
	}
	files, err := os.ReadDir(data)
	if err != nil {
		return err
	}
	for _, f := range files {
		if info, err := f.Info(); err == nil {
			fmt.Fprintf(w, "%s %12d %s %s\n", info.Mode(), info.Size(), info.ModTime().UTC().Format(time.DateTime), f.Name())
		}
	}
	return nil
}

// groups are the numbers of the groups that this process is in.
func groups() []int {
	all, _ := os.Getgroups() // none is none
	return all
}

// fileText is a file as it is.
func fileText(path string) func(context.Context, io.Writer) error {
	return func(_ context.Context, w io.Writer) error {
		f, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, io.LimitReader(f, small))
		return err
	}
}

// output is what a program of the system says.
func output(program string, args ...string) func(context.Context, io.Writer) error {
	return func(ctx context.Context, w io.Writer) error {
		c := exec.CommandContext(ctx, program, args...)
		c.Stdout = w
		if err := c.Run(); err != nil {
			return fmt.Errorf("%s: %w", program, err)
		}
		return nil
	}
}
