package cli

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"stationd/internal/version"
)

// Version is the version in a line: stationd 1.2.0 (commit 7f3c91ab0d2e of 2026-03-02, go1.26, linux/arm64).
func Version() string {
	name, made := version.Commit()
	from := ""
	if name != "" {
		day, _, _ := strings.Cut(made, "T")
		from = fmt.Sprintf("commit %s of %s, ", name[:min(len(name), 12)], day)
	}
	return fmt.Sprintf("stationd %s (%s%s, %s/%s)", version.Current(), from, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// VersionCommand returns stationd version.
func VersionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version, and the commit it was built from",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if asJSON {
				name, made := version.Commit()
				return json.NewEncoder(c.OutOrStdout()).Encode(map[string]string{
					"version": version.Current(), "commit": name, "date": made,
					"go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
				})
			}
			fmt.Fprintln(c.OutOrStdout(), Version())
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}
