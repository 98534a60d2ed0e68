package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// What the build says of itself: -ldflags "-X main.version=…".
var (
	version    = ""
	commit     = "" //nolint:gochecknoglobals // the linker's: its whole name
	commitTime = "" //nolint:gochecknoglobals // the linker's: when it was made, as RFC 3339
)

// thisVersion is what this binary is called.
func thisVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "unreleased"
}

// thisCommit is what this binary was built from, and when that was made; "" where
// the build did not say.
func thisCommit() (name, made string) {
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

func versionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version, and the commit it was built from",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			name, made := thisCommit()
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(map[string]string{
					"version": thisVersion(), "commit": name, "date": made,
					"go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
				})
			}
			from := ""
			if name != "" {
				day, _, _ := strings.Cut(made, "T")
				from = fmt.Sprintf("commit %s of %s, ", name[:min(len(name), 12)], day)
			}
			fmt.Fprintf(c.OutOrStdout(), "stationd %s (%s%s, %s/%s)\n", thisVersion(), from, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}
