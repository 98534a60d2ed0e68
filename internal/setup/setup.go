// Package setup is the command stationd setup: it asks a person at the station to press the
// buttons, watch the lamps and scan, and writes the configuration that results.
//
// Each file asks about one thing: buttons, lamps, the stack light, readers, the vendors; and
// what is offered at the end (more.go): times, counts, conditions, the page elsewhere. The
// answers are a draft (draft.go), which render.go and binding.go write as TOML; dialog.go has
// the prompts.
package setup

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stationd/internal/config"
	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/words"
	"stationd/internal/zone"
)

// Command returns the command setup. Its error carries an exit code.
func Command() *cobra.Command {
	var path, chip, data string
	var ports []string
	c := &cobra.Command{
		Use:   "setup",
		Short: "Write a configuration by pressing the buttons and scanning",
		Long: `setup asks about the station and writes a configuration that check accepts: press the
button you want to name, watch the lamps as they are lit, scan with the reader you want
to use, and choose what they do. A plain terminal is enough.

It opens the lines of a chip as inputs with a pull-up. It skips lines that are in use and
those of lamps and buzzers, and drives a pin only after you have confirmed it.

At the end it offers what most stations do without: calls that nobody answers, shifts and
times of the day, counted pieces, what needs a technician or must hold before something is
done, and the page on other machines. Each answer is judged as check would, and asked again;
back leaves the question.

The configuration is written at the end. An existing file is replaced only after you have
confirmed it, and is kept beside it, as stationd.toml.old. What setup writes is whole in
itself: it includes no other file and has no variables, and the files that an existing one
includes stay as they are. ${NAME} in an answer is written as it was typed. Ctrl-C or Ctrl-D cancels at any point and exits with 1; the answers are
saved beside the file, as stationd.toml.draft, and the next setup continues with them.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkAbsolute(data); err != nil {
				return fmt.Errorf("--data %s: %w", data, err)
			}
			s := &setup{
				dialog:    newDialog(c.Context(), c.InOrStdin(), c.OutOrStdout()),
				draft:     draft{Chip: chip, Data: data},
				output:    path,
				ports:     ports,
				nameCheck: config.Parse("setup", nil),
			}
			s.nameCheck.Backends(plan.BackendNames()...)
			s.packaged, _ = plan.ReadIfThere(plan.DefaultPath)
			return exit.Wrap(s.run())
		},
	}
	c.Flags().StringVarP(&path, "output", "o", "stationd.toml", "the file to write")
	c.Flags().StringVar(&chip, "chip", "", "the GPIO chip's label, as in [gpio] (default the header's)")
	c.Flags().StringVar(&data, "data", plan.PackagedData, "the folder of the outbox; the packaged unit allows no other")
	c.Flags().StringArrayVar(&ports, "port", nil, "the port of a reader to listen to besides those that are found; repeatable")
	return c
}

// A setup is one run of the command: the dialogue and the answers so far.
type setup struct {
	*dialog
	draft
	output    string // the file to write; changes when the person chooses another
	draftFor  string // output at the start, beside which the answers are saved
	ports     []string
	packaged  *plan.Plan   // the configuration of the packaged service, empty without one
	chipLabel string       // the label of the chip of [gpio]; empty until it was opened
	noGPIO    bool         // the person skipped buttons, lamps and buzzers
	nameCheck *config.File // checks names, as check would
	partsDone int          // parts of the dialogue that are finished

	saved   bool  // the answers are saved
	saveErr error // why the last save failed
}

// run is the whole dialogue.
func (s *setup) run() error {
	s.say("Answer some questions about the station; the configuration is written to %s.", s.output)
	s.say(`Enter alone takes the answer in [brackets]. Nothing is written before the end;
Ctrl-C cancels, and the answers are saved for the next time.`)
	s.draftFor = s.output
	s.reportPermissions()
	if err := s.resume(); err != nil {
		return err
	}
	s.beforeAsk = s.saveAnswers
	parts := []func() error{s.askStation, s.askL2L, s.askLagerkoll, s.askPanel, s.askReaders, s.askBuzzers, s.askMore, s.write}
	for ; s.partsDone < len(parts); s.partsDone++ {
		if err := parts[s.partsDone](); err != nil {
			s.saveAnswers()
			s.reportSaved()
			return err
		}
	}
	return nil
}

// askStation asks for the name, the time zone and the language of the station.
func (s *setup) askStation() (err error) {
	s.heading("The station")
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	name, err := s.ask("The station's name, as L2L and Lagerkoll show it", cmp.Or(s.Name, host), notEmpty)
	if err != nil {
		return err
	}
	s.Name = name
	zone, err := s.ask("The site's time zone, such as Europe/Stockholm", cmp.Or(s.Timezone, localZone()), func(name string) error {
		if _, err := zone.Load(name); err != nil || name == "" || name == "Local" {
			return fmt.Errorf("the time zone database has no %q; choose one such as Europe/Stockholm", name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.Timezone = zone
	language, err := s.ask("The language of the page: "+strings.Join(words.Languages(), ", "), cmp.Or(s.Language, languageOf(zone)), func(language string) error {
		if !slices.Contains(words.Languages(), language) {
			return fmt.Errorf("there is no %q; choose one of %s", language, strings.Join(words.Languages(), ", "))
		}
		return nil
	})
	if err == nil {
		s.Language = language
	}
	return err
}

// languageOf suggests the language of the page by where the site is.
func languageOf(zone string) string {
	switch zone {
	case "Europe/Stockholm":
		return "sv"
	case "Europe/Berlin", "Europe/Vienna", "Europe/Zurich", "Europe/Busingen":
		return "de"
	case "Europe/Warsaw":
		return "pl"
	case "Europe/Madrid", "Atlantic/Canary", "Africa/Ceuta", "America/Mexico_City":
		return "es"
	case "Europe/Helsinki", "Europe/Mariehamn":
		return "fi"
	}
	return "en"
}

// localZone returns this machine's time zone as Debian configures it, or "". UTC is what a
// machine has before anybody sets a zone, and says nothing about the site.
func localZone() string {
	zone, err := os.ReadFile("/etc/timezone")
	name := strings.TrimSpace(string(zone))
	if err != nil || strings.HasSuffix(name, "UTC") {
		return ""
	}
	return name
}

// askPageLabel asks what people call what has that name; "" where that is its name.
func (s *setup) askPageLabel(name string) (string, error) {
	label, err := s.ask("What people call it, on the page", name, func(label string) error {
		if why := config.LabelFault(label); why != "" {
			return errors.New("it " + why)
		}
		return nil
	})
	if label == name {
		label = ""
	}
	return label, err
}

// askName asks for the name of a device, and refuses what check would refuse. index is its
// place in its table.
func (s *setup) askName(question, suggestion, table string, index int) (string, error) {
	return s.ask(question, suggestion, func(name string) error {
		before := len(s.nameCheck.Faults())
		at := config.At(table, index, "name")
		if s.nameCheck.Name(at, name) {
			return nil
		}
		faults := s.nameCheck.Faults()
		if len(faults) == before {
			return errors.New("choose another name")
		}
		why := strings.TrimPrefix(faults[len(faults)-1].Text, at.String()+": ")
		if short, _, place := strings.Cut(why, " already, "); place {
			why = short + " already" // no file is written yet, in which anybody could look there
		}
		return errors.New(why)
	})
}
