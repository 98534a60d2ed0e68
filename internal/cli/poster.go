package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/poster"
	"stationd/internal/sheet"
	"stationd/internal/words"
)

// posterCommand is stationd lamps poster.
func posterCommand() *cobra.Command {
	var file pdfFile
	var path, asked string
	c := &cobra.Command{
		Use:   "poster",
		Short: "Print the sheet that hangs beside the station: what its lamps, sounds and buttons mean",
		Long: `poster writes a PDF of A4 to print and post at the station: what each light and each sound
means and what to do, and what each button does, in the language of the station. It tells
only of what the configuration has. Print it at 100 %.`,
		Example: `  stationd lamps poster -o lamps.pdf`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := plan.Load(path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			if err := file.check(); err != nil {
				return err
			}
			language, err := languageOf(asked, p.Station.Language)
			if err != nil {
				return err
			}
			document := sheet.Document{Title: language.Say("poster.title"), Language: language.Tag()}
			return exit.Wrap(file.write(c.OutOrStdout(), document, poster.Draw(p.Poster(p.Program, language))))
		},
	}
	plan.PathFlag(c.Flags(), &path)
	file.addFlags(c)
	c.Flags().StringVar(&asked, "language", "", "the language of the sheet; left out, that of the station: "+strings.Join(words.Languages(), ", "))
	return c
}
