package cli

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/cards"
	"stationd/internal/control"
	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/sheet"
	"stationd/internal/terminal"
	"stationd/internal/words"
)

// This file has the commands about who is a technician: badge and passwd.

// BadgeCommand is stationd badge, with its subcommands.
func BadgeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "badge",
		Short: "Make, list and revoke technicians' badges",
		Long: `badge makes the badges by which a station knows its technicians, where its
configuration has a table [access]. A technician shows the badge to a reader of the
station, and may then retry, edit and discard on its own screen, close calls there, and
do what a binding with role = "technician" does: for ten minutes, or as [access] says,
or until the badge is shown again. A call for help needs no badge.

It asks the running station.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(badgeNew(), badgeList(), badgeRevoke())
	return c
}

func badgeNew() *cobra.Command {
	var path string
	var file pdfFile
	c := &cobra.Command{
		Use:   "new NAME",
		Short: "Make a badge, and print its code once",
		Long: `new makes a badge and prints its code, as a label's text, or with -o the badge itself, a PDF
with the code as Code 128 and Data Matrix: delete the file once it is printed. The station keeps nothing of the code but a sum, so it cannot be printed
again; where it is lost, revoke the badge and make another.

The name stands in history and log, and goes to L2L as the user of what a binding with
role = "technician" does, where its verb has a user and nothing else says who: take the
technician's L2L user name there.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := plan.LoadStation(c.Context(), path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			if file.output != "" {
				if err := file.check(); err != nil {
					return err
				}
			}
			code, err := control.Dial(plan.ControlPath(p)).NewBadge(c.Context(), args[0])
			if err != nil {
				return exit.Wrap(err)
			}
			if file.output != "" {
				err := saveBadge(c, &file, p, args[0], code)
				if err == nil {
					warnWithoutAccess(c, p)
					return nil
				}
				// The badge is made, and its code would be lost.
				fmt.Fprintf(c.ErrOrStderr(), "the badge was not drawn: %v\n", err)
			}
			fmt.Fprintf(c.ErrOrStderr(), "The badge of %s, which is shown this once:\n", terminal.OneLine(args[0]))
			fmt.Fprintln(c.OutOrStdout(), code)
			warnWithoutAccess(c, p)
			return nil
		},
	}
	plan.PathFlag(c.Flags(), &path)
	file.addFlags(c)
	return c
}

// saveBadge draws a badge into a file that only whoever made it may read.
func saveBadge(c *cobra.Command, file *pdfFile, p *plan.Plan, name, code string) error {
	language := words.In(p.Station.Language)
	heading := cards.Heading{Station: cmp.Or(p.Program.Labels.Station, p.Station.Name), Date: time.Now().In(p.Zone).Format(time.DateOnly), Words: language}
	sheets, err := cards.DrawBadge(heading, name, code)
	if err != nil {
		return err
	}
	return file.writeSecret(c.OutOrStdout(), sheet.Document{Title: language.Say("cards.technician"), Language: language.Tag()}, sheets)
}

// warnWithoutAccess says where a configuration takes no notice of technicians.
func warnWithoutAccess(c *cobra.Command, p *plan.Plan) {
	if p.Access == nil {
		fmt.Fprintf(c.ErrOrStderr(), "%s has no table [access]: nothing needs a technician yet\n", p.Path)
	}
}

func badgeList() *cobra.Command {
	var path string
	var asJSON bool
	c := &cobra.Command{
		Use:   "ls",
		Short: "List the badges by their names",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := plan.LoadStation(c.Context(), path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			all, err := control.Dial(plan.ControlPath(p)).Badges(c.Context())
			switch {
			case err != nil:
				return exit.Wrap(err)
			case asJSON:
				return exit.Wrap(terminal.WriteStationJSON(c.OutOrStdout(), all))
			case len(all) == 0:
				fmt.Fprintln(c.OutOrStdout(), "There are no badges.")
				return nil
			}
			t := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "BADGE OF\tMADE")
			for _, b := range all {
				fmt.Fprintf(t, "%s\t%s\n", terminal.OneLine(b.Name), p.Local(b.Made))
			}
			return exit.Wrap(t.Flush())
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func badgeRevoke() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "revoke NAME",
		Short: "Revoke a badge, at once",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := plan.LoadStation(c.Context(), path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			if err := control.Dial(plan.ControlPath(p)).RevokeBadge(c.Context(), args[0]); err != nil {
				return exit.Wrap(err)
			}
			fmt.Fprintf(c.OutOrStdout(), "the badge of %s is revoked\n", terminal.OneLine(args[0]))
			return nil
		},
	}
	plan.PathFlag(c.Flags(), &path)
	return c
}

// PINCommand is stationd passwd.
func PINCommand() *cobra.Command {
	var path string
	var remove bool
	c := &cobra.Command{
		Use:   "passwd",
		Short: "Set the PIN by which a technician logs in on the page",
		Long: `passwd asks for a PIN of six characters or more, which the page takes from then on where
the configuration has a table [access]. From another machine it is taken over an
encrypted page alone ([web] tls). Without a terminal the PIN is read from the standard
input. After five wrong ones it is not looked at for a while.

It asks the running station, which keeps no more of the PIN than what argon2id makes of
it.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := plan.LoadStation(c.Context(), path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			pin := ""
			if !remove {
				if pin, err = askPIN(c); err != nil {
					return exit.Wrap(err)
				}
			}
			if err := control.Dial(plan.ControlPath(p)).SetPIN(c.Context(), pin); err != nil {
				return exit.Wrap(err)
			}
			if remove {
				fmt.Fprintln(c.OutOrStdout(), "the page takes no PIN any more")
			} else {
				fmt.Fprintln(c.OutOrStdout(), "the PIN is set")
			}
			warnWithoutAccess(c, p)
			return nil
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().BoolVar(&remove, "remove", false, "have the page take no PIN")
	return c
}

// askPIN reads a PIN: at a terminal twice, and without showing it.
func askPIN(c *cobra.Command) (string, error) {
	in, is := c.InOrStdin().(*os.File)
	if !is || !terminal.Is(in) {
		line, err := bufio.NewReader(c.InOrStdin()).ReadString('\n')
		if pin := strings.TrimRight(line, "\r\n"); pin != "" {
			return pin, nil
		}
		return "", errors.Join(errors.New("no PIN was given"), err)
	}
	show, err := terminal.Hide(in)
	if err != nil {
		return "", err
	}
	defer show()
	lines := bufio.NewScanner(in)
	var said [2]string
	for i, question := range []string{"PIN: ", "Again: "} {
		fmt.Fprint(c.ErrOrStderr(), question)
		if !lines.Scan() || c.Context().Err() != nil {
			return "", errors.New("no PIN was given")
		}
		said[i] = lines.Text()
		fmt.Fprintln(c.ErrOrStderr())
	}
	if said[0] != said[1] {
		return "", errors.New("the two are not the same: nothing was changed")
	}
	return said[0], nil
}
