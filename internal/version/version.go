// Package version says which stationd this is.
package version

import (
	"runtime/debug"
)

// What the build says of itself: -ldflags "-X stationd/internal/version.number=…".
var (
	number     = "" //nolint:gochecknoglobals // the linker's
	commit     = "" //nolint:gochecknoglobals // the linker's: its whole name
	commitTime = "" //nolint:gochecknoglobals // the linker's: when it was made, as RFC 3339
)

// Current is what this binary is called.
func Current() string {
	if number != "" {
		return number
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "unreleased"
}

// Commit is what this binary was built from, and when that was made; "" where
// the build did not say.
func Commit() (name, made string) {
	if commit != "" {
		return commit, commitTime
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				name = s.Value
			case "vcs.time":
				made = s.Value
			}
		}
	}
	return name, made
}
