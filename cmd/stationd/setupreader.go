package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"stationd/internal/scanner"
)

// A readerDraft is a reader and what its labels mean.
type readerDraft struct {
	Name, Port, Maker string
	Orders, Products  []string   // regular expressions
	Parts             [][]string // application identifiers that a part's symbol carries
}

func (s *setup) askReaders() error {
	s.heading("Readers")
	for {
		ports, err := s.candidates()
		if err != nil || ports == nil {
			return err
		}
		s.say("\nScan any label with the reader you want to use. Type nothing when there are no more.")
		heard, err := s.listen(ports)
		if err != nil || heard == nil {
			return err
		}
		if err := s.askReader(*heard, ports); err != nil {
			return err
		}
	}
}

// candidates are the ports to listen to: what is plugged in, and what is named by
// hand. It returns nil when the person has no reader to show.
func (s *setup) candidates() ([]scanner.Plugged, error) {
	found := scanner.Ports()
	for _, port := range s.ports {
		found = append(found, scanner.Plugged{Port: port})
	}
	used := func(p scanner.Plugged) bool {
		return slices.ContainsFunc(s.Readers, func(r readerDraft) bool { return r.Port == p.Port })
	}
	found = slices.DeleteFunc(found, used)
	for _, p := range found {
		s.say("  %s", described(p))
	}
	if len(found) == 0 {
		s.say("There is no reader on a USB serial line that is not in use here already.")
	}
	typing := slices.DeleteFunc(scanner.Keyboards(), used)
	if len(typing) > 0 {
		s.say("These type as a keyboard does. To try one, type its name; it is then dead as a keyboard while this listens:")
		for _, p := range typing {
			s.say("  %s", described(p))
		}
	}
	question := "A port to listen to besides, as /dev/ttyAMA0 (nothing: go on)"
	if len(found) == 0 {
		question = "The port of a reader, as /dev/ttyAMA0 (nothing: no reader)"
	}
	port, err := s.ask(question, "", func(port string) error {
		if port == "" {
			return nil
		}
		return checkReaders(portsAsReaders([]string{port}, "", 0))
	})
	if err != nil {
		return nil, err
	}
	if port != "" {
		found = append(found, scanner.Plugged{Port: port})
	}
	return found, nil
}

func described(p scanner.Plugged) string {
	return strings.Join(slices.DeleteFunc([]string{p.Port, p.Maker, p.Path}, func(s string) bool { return s == "" }), "  ")
}

// A scanHeard is a scan and the place of its port among those listened to.
type scanHeard struct {
	place int
	seen
}

// listen waits for a scan on one of several ports, or for something to be typed; nil
// says that it was typed.
func (s *setup) listen(ports []scanner.Plugged) (heard *scanHeard, err error) {
	clock, err := newClock()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range ports {
		names = append(names, p.Port)
	}
	readers := portsAsReaders(names, "", 0)
	ctx, stop := context.WithCancel(s.ctx)
	scans, said, failed := make(chan scanHeard), make(chan string), make(chan error, 2*len(readers))
	tell := func(line string) {
		select {
		case said <- line:
		case <-ctx.Done():
		}
	}
	log := slog.New(readerTalk{readers, tell})
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for i, setting := range readers {
		r := scanner.Open(setting, clock.stamp, readGS1, log)
		each := func(f scanner.Frame) {
			select {
			case scans <- scanHeard{i, seen{Frame: f, Found: findGS1(f.Event, f.Raw)}}:
			case <-ctx.Done():
			}
		}
		running.Go(func() { sayLosses(ctx, r, setting, log) })
		for _, run := range []func(context.Context) error{r.RunPort, func(ctx context.Context) error { return r.Listen(ctx, each) }} {
			running.Go(func() { failed <- run(ctx) })
		}
	}
	for {
		select {
		case <-s.ctx.Done():
			return nil, errEnded
		case line, more := <-s.lines:
			if _, err := s.clean(line, more); errors.Is(err, errUnclean) {
				continue
			} else if err != nil {
				return nil, err
			}
			return nil, nil
		case line := <-said:
			s.say("%s", line)
		case err := <-failed:
			if err != nil {
				return nil, err
			}
		case h := <-scans:
			return &h, (&scanLines{w: s.out}).show(h.seen)
		}
	}
}

// askReader names a reader that was scanned with and says what its labels mean.
func (s *setup) askReader(heard scanHeard, ports []scanner.Plugged) (err error) {
	r := readerDraft{Port: ports[heard.place].Port, Maker: plainComment(ports[heard.place].Maker)}
	s.say("It is the reader on %s.", r.Port)
	if heard.Event.Data["aim"] == "" {
		s.say("It sends no AIM identifier, so a GS1 symbol cannot be told from plain text. Switch\non \"transmit AIM identifier\" with the bar code in its manual.")
	}
	if r.Name, err = s.name("Its name", fmt.Sprintf("reader%d", len(s.Readers)+1), "scanner", len(s.Readers)); err != nil {
		return err
	}
	label := &heard
	for {
		if err := s.askLabel(&r, *label); err != nil {
			return err
		}
		s.say("\nScan a label of another kind. Type nothing when there are no more.")
		if label, err = s.listen([]scanner.Plugged{{Port: r.Port}}); err != nil {
			return err
		}
		if label == nil {
			break
		}
	}
	r.order()
	s.Readers = append(s.Readers, r)
	return nil
}

// order puts the bindings of a reader in an order in which none hides another: the
// first that fits is carried out, so what asks for more comes before what asks for
// less.
func (r *readerDraft) order() {
	slices.SortStableFunc(r.Parts, func(a, b []string) int { return len(b) - len(a) })
	slices.SortStableFunc(r.Orders, func(a, b string) int { return len(b) - len(a) })
	slices.SortStableFunc(r.Products, func(a, b string) int { return len(b) - len(a) })
}

// plainComment is what a device says of itself, fit to stand behind a #.
func plainComment(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return -1
	}, text)
}

// askLabel asks what labels of one kind mean.
func (s *setup) askLabel(r *readerDraft, label scanHeard) error {
	type option struct {
		text string
		do   func() error
	}
	var options []option
	code := label.Event.Code
	ais := carried(label)
	switch {
	case s.Lagerkoll != nil && slices.Contains(ais, "01") && len(r.Orders) > 0:
		options = append(options, option{"a part: it is traced on the production order in hand", func() error {
			if slices.ContainsFunc(r.Parts, func(known []string) bool { return slices.Equal(known, ais) }) {
				s.say("Such labels are known already.")
				return nil
			}
			r.Parts = append(r.Parts, ais)
			return nil
		}})
	case s.Lagerkoll != nil && slices.Contains(ais, "01"):
		s.say("A part is traced on the production order in hand: show an order's label first.")
	}
	if s.Lagerkoll != nil && len(ais) == 0 {
		options = append(options, option{"a production order: it is taken in hand", func() (err error) {
			r.Orders, err = s.pattern(r.Orders, code, "order", ordersBeginning(code))
			return err
		}})
	}
	if s.L2L != nil && len(ais) == 0 {
		options = append(options, option{"a product: its changeover starts", func() (err error) {
			r.Products, err = s.pattern(r.Products, code, "product", productsBeginning(code))
			return err
		}})
	}
	if options == nil {
		s.say("There is nothing that this label could mean here; it would be kept for a person.")
		return nil
	}
	var texts []string
	for _, o := range options {
		texts = append(texts, o.text)
	}
	picked, err := s.choose("What is this label?", append(texts, "nothing of these")...)
	if err != nil || picked == len(options) {
		return err
	}
	return options[picked].do()
}

// carried are the identifiers of a part's symbol that a trace is made of.
func carried(label scanHeard) []string {
	var ais []string
	for _, ai := range []string{"01", "10", "21"} {
		if label.Event.Data["gs1."+ai] != "" {
			ais = append(ais, ai)
		}
	}
	return ais
}

// pattern asks what all labels of a kind begin with, and adds the expression that
// reads them.
func (s *setup) pattern(patterns []string, code, name, suggestion string) ([]string, error) {
	beginning, err := s.ask("All such labels begin with", suggestion, func(text string) error {
		if !strings.HasPrefix(code, text) || text == code {
			return fmt.Errorf("this label is %q, and something must follow", code)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	rest := ".+"
	if name == "order" {
		rest = `\d+` // Lagerkoll's id of an order is a number
		if !regexp.MustCompile(`^\d+$`).MatchString(strings.TrimPrefix(code, beginning)) {
			s.say("Lagerkoll knows an order by its number, and %q is none; the label is passed over.", strings.TrimPrefix(code, beginning))
			return patterns, nil
		}
	}
	pattern := fmt.Sprintf(`^%s(?P<%s>%s)$`, regexp.QuoteMeta(beginning), name, rest)
	if slices.Contains(patterns, pattern) {
		s.say("Such labels are known already.")
		return patterns, nil
	}
	return append(patterns, pattern), nil
}

// ordersBeginning is what stands before an order's number: PO of PO4711.
func ordersBeginning(code string) string {
	return strings.TrimRightFunc(code, func(c rune) bool { return '0' <= c && c <= '9' })
}

// productsBeginning is what stands before a product's code: PC- of PC-COOKIE-200G.
func productsBeginning(code string) string {
	if i := strings.IndexAny(code, "-:/"); i > 0 && i < len(code)-1 {
		return code[:i+1]
	}
	return ""
}
