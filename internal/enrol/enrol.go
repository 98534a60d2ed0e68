// Package enrol is the command stationd enrol: it makes a new board a station, from a folder
// that somebody put on the card's boot partition with any computer: the configuration, the
// keys, and what is this station's own.
package enrol

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"stationd/internal/atomicfile"
	"stationd/internal/doctor"
	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/terminal"
)

// packagedFolder is where the package's unit looks: Raspberry Pi OS has the partition that
// every computer reads there.
const packagedFolder = "/boot/firmware/stationd-enrol"

// configName is the configuration's name in the folder.
const configName = "stationd.toml"

// account is the account and the group that the packaged unit runs under.
const account = "stationd"

// Command returns stationd enrol. Its error carries an exit code.
func Command() *cobra.Command {
	e := enrolment{}
	c := &cobra.Command{
		Use:   "enrol",
		Short: "Make a new board a station, from a folder on its boot partition",
		Long: `enrol takes the configuration and the keys of a new board from a folder that was put on
its boot partition with any computer, checks them as check does, writes them where they
belong, and wipes the folder. The package runs it at each boot while there is such a folder.

  stationd.toml              the configuration, and the files that it includes: what all
                             stations share in one, and [vars] of this one here
  l2l.key, lagerkoll.key...  a key each, as the configuration names them
  plant.pem                  an authority, for ca = "/etc/stationd/plant.pem"

Nothing is written unless everything is right; refused.txt in the folder says what is not.
It may be run again, also after the power went at any moment. A card with the outbox of
another station is refused: what waits there exists nowhere else.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			e.out, e.from = c.OutOrStdout(), filepath.Clean(e.from) // it is renamed, and a shell may have put a slash behind it
			return e.run(c.Context())
		},
	}
	c.Flags().StringVar(&e.from, "from", packagedFolder, "the folder")
	c.Flags().BoolVar(&e.keepOutbox, "keep-outbox", false, "the outbox that is there is this station's own")
	plan.PathFlag(c.Flags(), &e.config)
	return c
}

// An enrolment is one run of the command.
type enrolment struct {
	from       string // the folder
	config     string // where the configuration belongs; the rest lies beside it
	keepOutbox bool
	out        io.Writer
}

// A refusal is everything that is wrong with the folder or the card, in words for whoever
// filled it. Nothing was written.
type refusal []string

// Error implements error.
func (r refusal) Error() string { return strings.Join(r, "\n") }

// run enrols the station. Each step leaves a state from which the next run goes on: what
// belongs beside the configuration is on disk before that, and that before anything is
// wiped.
func (e *enrolment) run(ctx context.Context) error {
	wiped, err := e.finishWiping()
	if err != nil {
		return exit.Wrap(err)
	}
	all, err := readFolder(e.from)
	if errors.Is(err, fs.ErrNotExist) && wiped { // the power went when all was done but this
		fmt.Fprintf(e.out, "%s is wiped; the station was enrolled before.\n", e.from)
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return exit.With(exit.Config, fmt.Errorf("there is no folder %s: make it on the boot partition, with stationd.toml and the keys in it", e.from))
	}
	var ready *newStation
	if err == nil {
		ready, err = e.prepare(all)
	}
	if no, refused := errors.AsType[refusal](err); refused {
		e.tellRefused(no)
		return exit.With(exit.Config, fmt.Errorf("%s is refused, and nothing was written:\n%w", e.from, no))
	}
	if err != nil {
		return exit.Wrap(err)
	}
	if err := e.place(ready); err != nil {
		return exit.Wrap(err)
	}
	if err := e.wipe(); err != nil {
		return exit.Wrap(fmt.Errorf("the station is enrolled, and its keys are still on the boot partition: run enrol again, or delete %s there: %w", filepath.Base(e.from)+"*", err))
	}
	e.report(ctx, ready)
	return nil
}

// tellRefused writes what is wrong for whoever puts the card into a computer again. Where
// that cannot be, the log has it.
func (e *enrolment) tellRefused(no refusal) {
	_ = os.WriteFile(filepath.Join(e.from, refusedName), []byte(strings.Join(no, "\r\n")+"\r\n"), 0o600)
}

// place writes everything of the station, its configuration last: while that is missing the
// station does not start.
func (e *enrolment) place(s *newStation) error {
	folders := []string{filepath.Dir(e.config)}
	for _, f := range s.files {
		folder := filepath.Dir(f.path)
		if !slices.Contains(folders, folder) {
			folders = append(folders, folder)
			if err := os.MkdirAll(folder, 0o700); err != nil {
				return err
			}
		}
		if err := removeLeftOvers(f.path); err != nil {
			return err
		}
		if err := atomicfile.Replace(f.path, f.text, f.mode); err != nil {
			return err
		}
		if f.group >= 0 {
			if err := os.Chown(f.path, -1, f.group); err != nil {
				return err
			}
		}
	}
	for _, folder := range folders {
		if err := syncFolder(folder); err != nil {
			return err
		}
	}
	if err := removeLeftOvers(e.config); err != nil {
		return err
	}
	if err := atomicfile.Replace(e.config, s.text, 0o644); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(e.config))
}

// removeLeftOvers removes what a write of path that was cut off has left beside it: it may
// hold a key.
func removeLeftOvers(path string) error {
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"-*"))
	for _, name := range left {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// report says what was done, and what a start would lack all the same, as check does.
func (e *enrolment) report(ctx context.Context, s *newStation) {
	var names []string
	for _, f := range s.files {
		names = append(names, f.path)
	}
	fmt.Fprintf(e.out, "station %s is enrolled: %s\n", s.name, strings.Join(append([]string{e.config}, names...), ", "))
	fmt.Fprintf(e.out, "%s is wiped.\n", e.from)
	p, faults, err := plan.Read(e.config)
	if err != nil || len(faults) > 0 {
		return // they were read a moment ago
	}
	for _, f := range doctor.BeforeStart(p, p.Running(ctx)) {
		if f.Verdict == doctor.Warning || f.Verdict == doctor.Fail {
			fmt.Fprintf(e.out, "%s: %s: %s -- %s\n", f.Verdict, f.Check, terminal.OneLine(f.Found), f.Do)
		}
	}
}

// groupID returns the number of the stations' group.
func groupID() (int, error) {
	g, err := user.LookupGroup(account)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// syncFolder makes what was renamed and removed in a folder outlast a power cut.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
