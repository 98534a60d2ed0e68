// Package setup is stationd setup: it asks a person at the station to press the buttons,
// look at the lamps and scan, and writes the configuration that follows from it.
package setup

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/api"
	"stationd/internal/config"
	"stationd/internal/exit"
	"stationd/internal/plan"
)

func Command() *cobra.Command {
	var path, chip, data string
	var ports []string
	c := &cobra.Command{
		Use:   "setup",
		Short: "Write a configuration: press the buttons, scan with the readers, say what they do",
		Long: `setup asks what there is at the station and writes a configuration that check
accepts: press the button you want to name, watch the lamps as they are lit, scan with
the reader you want to use, and pick what they do. It needs nothing but a plain
terminal.

Lines of a chip are watched as inputs with a pull-up. Lines that are in use, or that are
lamps or buzzers, are left alone, and a pin is driven only after you have said so.

The configuration is written at the end and not before, and a file that exists is
replaced only after you have said so. Ctrl-C or Ctrl-D ends it at any point and exits
with 1; the answers are kept beside the file, as stationd.toml.draft, and the next setup
goes on with them.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := absolute(data); err != nil {
				return fmt.Errorf("--data %s: %w", data, err)
			}
			s := &setup{
				talk:  newTalk(c.Context(), c.InOrStdin(), c.OutOrStdout()),
				draft: draft{Chip: chip, Data: data},
				path:  path,
				ports: ports,
				judge: config.Parse("setup", nil),
			}
			s.known, _ = plan.ReadIfThere(plan.DefaultPath)
			return exit.Wrap(s.run())
		},
	}
	c.Flags().StringVarP(&path, "output", "o", "stationd.toml", "the file to write")
	c.Flags().StringVar(&chip, "chip", "", "the GPIO chip's label, as in [gpio] (default the header's)")
	c.Flags().StringVar(&data, "data", plan.PackagedData, "the folder of the outbox; the packaged unit allows no other")
	c.Flags().StringArrayVar(&ports, "port", nil, "a reader's port to listen to besides those that are found; repeatable")
	return c
}

// A draft is a configuration that is being put together.
type draft struct {
	Name, Timezone, Data string
	L2L                  *l2lDraft
	Lagerkoll            *lagerkollDraft
	Chip                 string // of [gpio]; empty: the header's
	Buttons              []buttonDraft
	Lamps, Buzzers       []outputDraft
	Stack                *stackDraft
	Buzzer               string // answers for everything that has none of its own
	Readers              []readerDraft
}

type l2lDraft struct {
	URL, Site, Line, Machine, Trade string
	Key                             string // a file; empty: a credential
}

type lagerkollDraft struct {
	URL, Store string
	Key        string // a file; empty: a credential
}

// setup is one talk and what it has come to.
type setup struct {
	*talk
	draft
	path  string
	begun string // path as the talk began, beside which its answers are kept
	ports []string
	known *plan.Plan   // the packaged configuration, where there is one
	label string       // what the chip of [gpio] is called; empty: it was not looked at
	bare  bool         // nothing is wired to GPIO chips
	judge *config.File // says what is wrong with a name, as check would
	done  int          // parts of the talk that are over

	kept   bool  // the answers are kept
	unkept error // why they are not
}

// run is the whole talk.
func (s *setup) run() error {
	s.say("This asks what there is at the station and writes a configuration to %s.", s.path)
	s.say(`Enter alone takes the answer in [brackets]. Nothing is written before the end;
Ctrl-C ends it, and the answers are kept for the next time.`)
	s.begun = s.path
	s.tellPermissions()
	if err := s.resume(); err != nil {
		return err
	}
	s.asking = s.keep
	parts := []func() error{s.askStation, s.askL2L, s.askLagerkoll, s.askPanel, s.askReaders, s.askBuzzers, s.write}
	for ; s.done < len(parts); s.done++ {
		if err := parts[s.done](); err != nil {
			s.keep()
			s.tellKept()
			return err
		}
	}
	return nil
}

func (s *setup) askStation() (err error) {
	s.heading("The station")
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	name, err := s.ask("The station's name, as L2L and Lagerkoll show it", cmp.Or(s.Name, host), filled)
	if err != nil {
		return err
	}
	s.Name = name
	zone, err := s.ask("The site's time zone, as Europe/Stockholm", cmp.Or(s.Timezone, localZone()), func(zone string) error {
		if _, err := time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
			return fmt.Errorf("the time zone database has no %q; write it as Europe/Stockholm", zone)
		}
		return nil
	})
	if err == nil {
		s.Timezone = zone
	}
	return err
}

// localZone is this machine's time zone as Debian names it, or "". A machine that
// runs on UTC has been told nothing of the site.
func localZone() string {
	zone, err := os.ReadFile("/etc/timezone")
	name := strings.TrimSpace(string(zone))
	if err != nil || strings.HasSuffix(name, "UTC") {
		return ""
	}
	return name
}

func absolute(path string) error {
	if !filepath.IsAbs(path) {
		return errors.New("write the whole path, from /")
	}
	return nil
}

// vendorURL checks a vendor's address; an empty one is a vendor that is not used.
func vendorURL(address string) error {
	if text := api.CheckURL(address); address != "" && text != "" {
		return fmt.Errorf("the address %s", text)
	}
	return nil
}

// askKey asks where a vendor's key is. The key itself is never asked for.
func (s *setup) askKey(credential string) (string, error) {
	s.say("The key is never typed here. Enter alone: it will be in\n/etc/stationd/keys/%s, where the packaged unit looks for it.", credential)
	return s.ask("Another file with the key", "", func(path string) error {
		if path == "" {
			return nil
		}
		return absolute(path)
	})
}

func (s *setup) askL2L() (err error) {
	s.heading("L2L: dispatches and changeovers")
	before := cmp.Or(s.L2L, &l2lDraft{})
	s.say("Its address is as https://acme.leading2lean.com/api/1.0/")
	address, err := s.ask("L2L's address (empty to skip)", before.URL, vendorURL)
	if err != nil || address == "" {
		return err
	}
	l := *before
	l.URL = address
	s.L2L = &l
	number := func(answer string) error {
		if n, err := strconv.Atoi(answer); err != nil || n <= 0 {
			return errors.New("the site's number in L2L, as 12")
		}
		return nil
	}
	for _, q := range []struct {
		question string
		into     *string
		valid    func(string) error
	}{
		{"The site's number", &l.Site, number},
		{"The line's code", &l.Line, filled},
		{"The machine's code, at which calls are made", &l.Machine, filled},
		{"The trade's code, which is called", &l.Trade, filled},
	} {
		answer, err := s.ask(q.question, *q.into, q.valid)
		if err != nil {
			return err
		}
		*q.into = answer
	}
	l.Key, err = s.askKey("l2l.key")
	return err
}

func (s *setup) askLagerkoll() (err error) {
	s.heading("Lagerkoll: production orders and traceability")
	before := cmp.Or(s.Lagerkoll, &lagerkollDraft{})
	s.say("Its address is as https://capi.lagerkoll.com/v1/production_orders/")
	address, err := s.ask("Lagerkoll's address (empty to skip)", before.URL, vendorURL)
	if err != nil || address == "" {
		return err
	}
	l := *before
	l.URL = address
	s.Lagerkoll = &l
	store, err := s.ask("The store's id", l.Store, filled)
	if err != nil {
		return err
	}
	l.Store = store
	l.Key, err = s.askKey("lagerkoll.key")
	return err
}

// name asks for the name of something that is wired, and refuses what check would.
func (s *setup) name(question, suggestion, table string, place int) (string, error) {
	return s.ask(question, suggestion, func(name string) error {
		before := len(s.judge.Faults())
		at := config.At(table, place, "name")
		if s.judge.Name(at, name) {
			return nil
		}
		faults := s.judge.Faults()
		if len(faults) == before {
			return errors.New("choose another name")
		}
		return errors.New(strings.TrimPrefix(faults[len(faults)-1].Text, at.String()+": "))
	})
}
