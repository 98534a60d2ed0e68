package cli

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"stationd/internal/version"
)

// VersionCommand returns stationd version.
func VersionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version, and the commit it was built from",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			name, made := version.Commit()
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(map[string]string{
					"version": version.Current(), "commit": name, "date": made,
					"go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
				})
			}
			from := ""
			if name != "" {
				day, _, _ := strings.Cut(made, "T")
				from = fmt.Sprintf("commit %s of %s, ", name[:min(len(name), 12)], day)
			}
			fmt.Fprintf(c.OutOrStdout(), "stationd %s (%s%s, %s/%s)\n", version.Current(), from, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}
