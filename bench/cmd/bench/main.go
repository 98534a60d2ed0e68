// Bench measures stationd side by side with what people would use in its place, and writes
// docs/benchmarks.md.
//
//	bench -stationd PROGRAM -dir FOLDER -quick            what is counted, in a minute and a half
//	bench -stationd PROGRAM -dir FOLDER -full -docs DOCS  everything, and the document
//	bench -render -docs DOCS                              the document of the last full run
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"stationd/bench/measure"
	"stationd/bench/report"
	"stationd/bench/rig"
)

// A setting is what the command was told.
type setting struct {
	stationd, arm64, deb string // the program for this machine and for arm64, and its package
	engines              string // the command cmd/engines, built
	dir, docs, commit    string
	quick, full, render  bool
	soak                 time.Duration
	only                 string
}

func main() {
	var s setting
	flag.StringVar(&s.stationd, "stationd", "", "the program, built for this machine")
	flag.StringVar(&s.arm64, "arm64", "", "the program, built for arm64")
	flag.StringVar(&s.deb, "deb", "", "its package for arm64")
	flag.StringVar(&s.engines, "engines", "", "the built cmd/engines; without it the storage engines are not compared")
	flag.StringVar(&s.dir, "dir", "", "a folder on the disk that is measured")
	flag.StringVar(&s.docs, "docs", "", "the folder of benchmarks.md")
	flag.StringVar(&s.commit, "commit", "", "of the program")
	flag.BoolVar(&s.quick, "quick", false, "only what is counted; fails where a count is far off")
	flag.BoolVar(&s.full, "full", false, "everything, and the document")
	flag.BoolVar(&s.render, "render", false, "the document alone, of the last full run")
	flag.DurationVar(&s.soak, "soak", 0, "a soak of this length after everything else, as 1h")
	flag.StringVar(&s.only, "only", "", "with -full: only the parts whose names contain this; with -docs they take the place of what the last run measured")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := s.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// resultsName is the file of the results, beside the pictures.
const resultsName = "results.json"

func (s setting) run(ctx context.Context) error {
	if s.render {
		results, err := report.Read(filepath.Join(s.docs, report.Folder, resultsName))
		if err != nil {
			return err
		}
		return s.write(results)
	}
	if s.stationd == "" || s.dir == "" || s.quick == s.full {
		return errors.New("say -stationd, -dir, and one of -quick and -full")
	}
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		return err
	}
	for _, path := range []*string{&s.stationd, &s.engines} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	work, err := os.MkdirTemp(dir, "run")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	results, err := s.measure(ctx, work)
	if err != nil {
		return err
	}
	if s.quick {
		return judge(results)
	}
	if s.only == "" {
		return s.write(results)
	}
	if err := printed(results); err != nil || s.docs == "" {
		return err
	}
	whole, err := report.Read(filepath.Join(s.docs, report.Folder, resultsName))
	if err != nil {
		return err
	}
	whole.Renew(s.only, results)
	return s.write(whole)
}

// A part is one part of a run.
type part struct {
	name  string
	quick bool
	run   func(*bench, context.Context) error
}

func parts() []part {
	return []part{
		{"sizes", true, (*bench).sizes},
		{"allocations", true, (*bench).allocations},
		{"storage", true, (*bench).storage},
		{"starts", false, (*bench).starts},
		{"bytes", true, (*bench).loneBytes},
		{"syncs", true, (*bench).syncs},
		{"requests", false, (*bench).requests},
		{"bursts", false, (*bench).bursts},
		{"idle", true, (*bench).idle},
		{"backlog", false, (*bench).backlog},
		{"relay", false, (*bench).relay},
		{"outage", false, (*bench).outages},
		{"soak", false, (*bench).soaks},
	}
}

// A bench is one run.
type bench struct {
	setting
	*rig.Rig
	report.Results

	part  string     // that is run
	setMu sync.Mutex // guards Results.Lines and Rig.Missing while parts of a part run side by side
}

func (s setting) measure(ctx context.Context, work string) (_ report.Results, err error) {
	began := time.Now()
	r, err := rig.Open(ctx, work, s.stationd, s.full)
	if err != nil {
		return report.Results{}, err
	}
	defer func() { err = errors.Join(err, r.Close(ctx)) }()
	b := &bench{setting: s, Rig: r}
	b.Commit, b.Made = s.commit, began.UTC().Format("2006-01-02 15:04 UTC")
	b.Machine = machine(work)
	b.Load = append(b.Load, load())
	for _, p := range parts() {
		if s.quick && !p.quick || s.only != "" && !strings.Contains(p.name, s.only) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return b.Results, err
		}
		at := time.Now()
		b.part = p.name
		err := p.run(b, ctx)
		fmt.Fprintf(os.Stderr, "%-12s %5.1f s, load %s\n", p.name, time.Since(at).Seconds(), load())
		if err != nil {
			fmt.Fprintf(os.Stderr, "%-12s FAILED: %v\n", p.name, err)
			b.Fail(p.name, shown(err, s.dir))
		}
		b.Load = append(b.Load, load())
	}
	b.Took = time.Since(began).Round(time.Second).String()
	b.Results.Versions, b.Results.Missing = r.Versions, r.Missing
	if by := r.SeesSyncs(); by != "" {
		b.Results.Versions["syncs are seen by"] = by
	}
	return b.Results, nil
}

// shown is an error without this machine's folders.
func shown(err error, dir string) error {
	text := err.Error()
	if abs, absErr := filepath.Abs(dir); absErr == nil {
		text = strings.ReplaceAll(text, abs+"/", "")
	}
	return errors.New(strings.ReplaceAll(text, os.TempDir()+"/", ""))
}

// judge fails on counts that are far off.
func judge(results report.Results) error {
	text, err := report.Lines()
	if err != nil {
		return err
	}
	if err := printed(results); err != nil {
		return err
	}
	var faults []error
	for _, l := range text.Lines {
		if f := results.Lines[l.ID][rig.Stationd]; f.N > 0 {
			if why := l.Fails(f.Median); why != "" {
				faults = append(faults, errors.New(why))
			}
		}
	}
	for _, name := range slices.Sorted(keys(results.Failed)) {
		faults = append(faults, fmt.Errorf("%s: %s", name, results.Failed[name]))
	}
	return errors.Join(faults...)
}

// printed says on the terminal what was measured.
func printed(results report.Results) error {
	text, err := report.Lines()
	if err != nil {
		return err
	}
	for _, l := range text.Lines {
		figures := results.Lines[l.ID]
		if len(figures) == 0 {
			continue
		}
		fmt.Fprintf(os.Stdout, "%-70s", l.Title)
		for _, peer := range []string{rig.Stationd, rig.Python, rig.NodeRED, rig.Bare} {
			if f := figures[peer]; f.N > 0 {
				fmt.Fprintf(os.Stdout, "  %s %.*f (%.*f-%.*f)", peer, l.Decimals, f.Median, l.Decimals, f.Low, l.Decimals, f.High)
			}
		}
		fmt.Fprintln(os.Stdout)
	}
	for _, row := range results.Stores {
		fmt.Fprintf(os.Stdout, "%-36s one writer %.3f ms, 16 writers %.0f/s, cycles %.0f/s, a record %.0f bytes %.2f flushes, a cycle %.0f bytes %.2f flushes\n", row.Name, row.Enqueue.Median, row.Shared.Median, row.Cycles.Median, row.AddBytes, row.AddFlush, row.Bytes, row.Flushes)
	}
	for name, why := range results.Missing {
		fmt.Fprintf(os.Stdout, "NOT MEASURED: %s: %s\n", name, why)
	}
	return nil
}

// write writes the document, its pictures and the results that they are made of.
func (s setting) write(results report.Results) error {
	if s.docs == "" {
		return errors.New("say -docs")
	}
	folder := filepath.Join(s.docs, report.Folder)
	text, err := report.Document(results)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, p := range report.Pictures() {
		picture, curves := filepath.Join(folder, p.ID+".svg"), results.Curves[p.ID]
		if len(curves) == 0 { // that of an earlier run is nobody's any more
			if err := os.Remove(picture); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
			continue
		}
		if err := os.WriteFile(picture, []byte(p.SVG(curves)), 0o644); err != nil {
			return err
		}
	}
	return errors.Join(results.Write(filepath.Join(folder, resultsName)), os.WriteFile(filepath.Join(s.docs, "benchmarks.md"), []byte(text), 0o644))
}

// machine says what it is measured on, and never what it is called.
func machine(dir string) report.Machine {
	m := report.Machine{Processor: "unknown", Cores: runtime.NumCPU(), Go: runtime.Version()}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
				m.Processor = strings.TrimSpace(value)
				break
			}
		}
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kB int
		if _, err := fmt.Sscanf(string(text), "MemTotal: %d", &kB); err == nil {
			m.Memory = fmt.Sprintf("%d GiB", (kB+1<<19)>>20)
		}
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err == nil {
		release, _, _ := strings.Cut(unix.ByteSliceToString(name.Release[:]), "-")
		m.Kernel = unix.ByteSliceToString(name.Sysname[:]) + " " + release
	}
	m.FileSystem = "an unknown file system"
	if kind, err := measure.FileSystem(dir); err == nil {
		m.FileSystem = kind
	}
	return m
}

// load is the average load of the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
