package store

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"stationd/bench/measure"
)

// allocated is how many objects were allocated until now, by the package that asked for them: the
// innermost of a stack that is not of Go's runtime. It takes runtime.MemProfileRate = 1.
func allocated() map[string]float64 {
	// What was allocated since the last collection but one is not in a profile yet.
	runtime.GC()
	runtime.GC()
	var records []runtime.MemProfileRecord
	for n, ok := runtime.MemProfile(nil, true); !ok; {
		records = make([]runtime.MemProfileRecord, n+64)
		if n, ok = runtime.MemProfile(records, true); ok {
			records = records[:n]
		}
	}
	by := make(map[string]float64)
	for _, r := range records {
		name := "runtime"
		for frames := runtime.CallersFrames(r.Stack()); ; {
			f, more := frames.Next()
			if p := measure.PackageOf(f.Function); !ofRuntime(p) {
				name = p
				break
			}
			if !more {
				break
			}
		}
		by[name] += float64(r.AllocObjects)
	}
	return by
}

func ofRuntime(path string) bool {
	return path == "runtime" || strings.HasPrefix(path, "runtime/") || strings.HasPrefix(path, "internal/")
}

// since is what each part has come to after an earlier reading, for one of n.
func since(before, after map[string]float64, n int) map[string]float64 {
	by := make(map[string]float64)
	for name, value := range after {
		if more := value - before[name]; more > 0 {
			by[name] = more / float64(n)
		}
	}
	return by
}

// WhereCyclesGo is where the processor is while the outbox records and delivers one scan after
// the other for some time, in ms a cycle: in the kernel, by what it is asked for, and else in the
// package that is the innermost of a stack and not of Go's runtime.
func WhereCyclesGo(ctx context.Context, dir string, long time.Duration) (by map[string]float64, err error) {
	s, err := openOutbox(dir, 1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Cycle(nil); err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	if err := pprof.StartCPUProfile(&raw); err != nil {
		return nil, err
	}
	n := 0
	for began := time.Now(); time.Since(began) < long && err == nil && ctx.Err() == nil; n++ {
		err = s.Cycle(nil)
	}
	pprof.StopCPUProfile()
	if err := errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	p, err := profile.Parse(&raw)
	if err != nil {
		return nil, err
	}
	by = make(map[string]float64)
	for _, sample := range p.Sample {
		var stack []string
		for _, at := range sample.Location {
			for _, line := range at.Line {
				stack = append(stack, line.Function.Name)
			}
		}
		// The second value is nanoseconds.
		by[place(stack)] += float64(sample.Value[1]) / 1e6 / float64(n)
	}
	return by, nil
}

// place says where the processor is, of a stack whose innermost function is the first.
func place(stack []string) string {
	kernel := len(stack) > 0 && strings.HasSuffix(stack[0], "yscall6")
	for _, function := range stack {
		switch p := measure.PackageOf(function); {
		case kernel && strings.HasSuffix(strings.ToLower(function), "fdatasync"):
			return "in the kernel: syncs"
		case kernel && strings.HasSuffix(strings.ToLower(function), ".pwrite"):
			return "in the kernel: writes"
		case kernel && (p == "syscall" || p == "os" || strings.HasPrefix(p, "golang.org/x/sys")):
		case ofRuntime(p):
		case kernel:
			return "in the kernel: for " + p
		default:
			return p
		}
	}
	for _, function := range stack {
		switch {
		case strings.HasPrefix(function, "runtime.gc") || strings.HasPrefix(function, "runtime.bg"):
			return "Go's runtime: collecting"
		case function == "runtime.schedule" || function == "runtime.mcall" || function == "runtime.mstart":
			return "Go's runtime: from one goroutine to the next"
		}
	}
	return "Go's runtime"
}
