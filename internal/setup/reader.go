package setup

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"stationd/internal/scanner"
)

// askReaders asks about one bar-code reader after another.
func (s *setup) askReaders() error {
	s.heading("Readers")
	for {
		s.saveAnswers()
		ports, typing := s.listReaders()
		heard, answer, err := s.listen(configs(ports))
		if err != nil {
			return err
		}
		switch n, numberErr := strconv.Atoi(answer); {
		case heard != nil:
			err = s.askReader(*heard, ports[heard.index])
		case answer == "":
			return nil
		case answer == "r":
		case numberErr == nil && n >= 1 && n <= len(typing):
			err = s.tryKeyboard(typing[n-1])
		default:
			err = s.addPort(answer)
		}
		if err != nil {
			return err
		}
	}
}

// listReaders lists the readers that are plugged in and not in the draft, and what to do with
// them. It returns those that are listened to at once, and those that type.
func (s *setup) listReaders() (ports, typing []scanner.Plugged) {
	ports, typing = slices.Concat(scanner.SerialLines(), scanner.POSScanners()), scanner.Keyboards()
	for _, port := range s.ports {
		p := scanner.Plugged{Port: port}
		if isKeyboard(scanner.Config{Port: port}) {
			typing = append(typing, p)
		} else {
			ports = append(ports, p)
		}
	}
	used := func(p scanner.Plugged) bool {
		return slices.ContainsFunc(s.Readers, func(r readerDraft) bool { return r.Port == p.Port })
	}
	ports, typing = slices.DeleteFunc(ports, used), slices.DeleteFunc(typing, used)
	other := ""
	if len(s.Readers) > 0 {
		other = "other "
	}
	if len(ports) == 0 {
		s.say("No %sreader is plugged in, neither as a USB serial line nor set to HID-POS.", other)
	} else {
		s.say("Scan any label with the reader you want to use; the two test labels of docs/labels.md show its settings. It may be one of these:")
		for _, p := range ports {
			s.say("  %s", describe(p))
		}
	}
	if len(typing) > 0 {
		s.say("These type like a keyboard, and may be readers or keyboards:")
		for i, p := range typing {
			s.say("  %d  %s", i+1, describe(p))
		}
	}
	if len(ports) > 0 {
		s.say("Or type, and press Enter:")
	} else {
		s.say("Type, and press Enter:")
	}
	s.say("  nothing   there are no %sreaders", map[bool]string{true: "more ", false: ""}[len(s.Readers) > 0])
	s.say("  r         look again, after plugging one in")
	if len(typing) > 0 {
		s.say("  1         try the first one that types, by its number in the list")
	}
	s.say("  a port    listen to that port too, such as /dev/ttyAMA0")
	return ports, typing
}

// addPort adds a port that was typed, if it is valid.
func (s *setup) addPort(port string) error {
	valid := true
	scanner.Check([]scanner.Config{{Name: "reader", Port: port}}, func(_ string, _ int, _, text string) {
		s.say("%s", text)
		valid = false
	})
	switch {
	case !valid:
	case isKeyboard(scanner.Config{Port: port}):
		return s.tryKeyboard(scanner.Plugged{Port: port})
	case !slices.Contains(s.ports, port):
		s.ports = append(s.ports, port)
	}
	return nil
}

// tryKeyboard listens to one device that types, which may not be a reader.
func (s *setup) tryKeyboard(p scanner.Plugged) error {
	s.say("Scan any label with it. It does not work as a keyboard meanwhile; after %.0f seconds without a scan it is released.", typingSilence.Seconds())
	heard, _, err := s.listen(configs([]scanner.Plugged{p}))
	if err != nil || heard == nil {
		return err
	}
	return s.askReader(*heard, p)
}

// describe names a plugged-in device for people.
func describe(p scanner.Plugged) string {
	return strings.Join(slices.DeleteFunc([]string{p.Port, p.Maker, p.Path}, func(s string) bool { return s == "" }), "  ")
}

// askReader asks about the reader that sent a scan: its name, its lamp, and what its labels
// mean.
func (s *setup) askReader(heard heardScan, p scanner.Plugged) (err error) {
	r := readerDraft{Port: p.Port, Maker: printable(p.Maker)}
	s.say("It is the reader on %s.", r.Port)
	label := &heard
	if isKeyboard(scanner.Config{Port: r.Port}) {
		if label, err = s.askLayout(&r, label); err != nil || label == nil {
			return err
		}
	}
	r.Identifies = true
	r.setFrame(label.ending)
	s.say("%s", r.describeFrame())
	tested := s.applyTestLabel(&r, label)
	if tested {
		if err := s.askOtherTestLabel(&r); err != nil {
			return err
		}
	}
	if r.Name, err = s.askName("The reader's name", fmt.Sprintf("reader%d", len(s.Readers)+1), "scanner", len(s.Readers)); err != nil {
		return err
	}
	if r.Label, err = s.askPageLabel(r.Name); err != nil {
		return err
	}
	if err := s.askReaderLamp(&r); err != nil {
		return err
	}
	if tested {
		label = nil
	}
	if err := s.askLabels(&r, label); err != nil {
		return err
	}
	s.Readers = append(s.Readers, r)
	return nil
}

// askLabels asks what labels mean, the first of which was scanned unless it is nil, until there
// are no more.
func (s *setup) askLabels(r *readerDraft, label *heardScan) (err error) {
	for {
		if label != nil {
			if err := s.askLabel(r, *label); err != nil {
				return err
			}
		}
		if s.L2L == nil && s.Lagerkoll == nil {
			return nil // no label has a use
		}
		s.say("\nScan a label of another kind with it; Enter when there are no more.")
		if label, _, err = s.listen([]scanner.Config{r.config()}); err != nil || label == nil {
			return err
		}
		if s.applyTestLabel(r, label) {
			label = nil
		}
	}
}

// askLayout asks for the keyboard layout of a reader that types, until a scan is read
// correctly, and returns that scan; nil when nothing was scanned.
func (s *setup) askLayout(r *readerDraft, label *heardScan) (*heardScan, error) {
	for {
		others := slices.DeleteFunc([]string{"se", "us", "gb", "no", "dk", "de", "fr", "es", "pl", "ch"}, func(name string) bool { return name == cmp.Or(r.Layout, "us") })
		answers := []string{"yes"}
		for _, other := range others {
			answers = append(answers, "no: the reader is set to another keyboard; read it as "+other)
		}
		picked, err := s.choose("Is the text exactly what the label holds?", answers...)
		if err != nil || picked == 0 {
			return label, err
		}
		r.Layout = others[picked-1]
		s.say("Scan the label again.")
		if label, _, err = s.listen([]scanner.Config{r.config()}); err != nil || label == nil {
			return nil, err
		}
	}
}

// askReaderLamp asks which lamp answers a reader's scans.
func (s *setup) askReaderLamp(r *readerDraft) (err error) {
	if s.noGPIO {
		return nil
	}
	var lamps []string
	for _, l := range s.Lamps {
		if !s.inStack(l.Name) {
			lamps = append(lamps, l.Name)
		}
	}
	picked := len(lamps)
	if lamps != nil {
		picked, err = s.choose("Which lamp answers its scans?", append(slices.Clone(lamps), "another lamp", "none")...)
	}
	switch {
	case err != nil:
	case picked < len(lamps):
		r.Lamp = lamps[picked]
	case picked == len(lamps):
		r.Lamp, err = s.askLamp("its scans", r.Name)
	}
	return err
}

// printable returns a text without the characters that no file should hold.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return -1
	}, text)
}
