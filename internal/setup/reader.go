package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"stationd/internal/clock"
	"stationd/internal/live"
	"stationd/internal/scanner"
)

// A readerDraft is a reader and what its labels mean.
type readerDraft struct {
	Name, Port, Maker string
	Layout            string     // of one that types; empty: the default
	Lamp, Buzzer      string     // that answer it
	Identifies        bool       // it sent an AIM identifier with every scan
	Assume, GS        string     // found by the test label; empty: the default
	Prefix, Suffix    string     // that it puts around the code
	Frame             string     // what ends a scan; empty: the default
	Encoding          string     // what it sends text in; empty: the default
	Orders, Products  []string   // regular expressions
	Parts             [][]string // application identifiers that a part's symbol carries
}

// Types reports whether it types as a keyboard does.
func (r readerDraft) Types() bool { return typed(scanner.Config{Port: r.Port}) }

// Reports reports whether it sends whole scans, which nothing has to end.
func (r readerDraft) Reports() bool { return strings.HasPrefix(r.Port, "pos:") }

// setting is the reader as it is known so far.
func (r readerDraft) setting() scanner.Config {
	s := scanner.Config{
		Name: r.Port, Port: r.Port, Layout: r.Layout, Assume: r.Assume, Encoding: r.Encoding,
		Strip: scanner.Strip{Prefix: r.Prefix, Suffix: r.Suffix},
	}
	if r.GS != "" {
		s.GS = &[]string{r.GS}
	}
	return s
}

func (s *setup) askReaders() error {
	s.heading("Readers")
	for {
		s.keep()
		ports, typing := s.plugged()
		heard, answer, err := s.listen(s.readers(ports))
		if err != nil {
			return err
		}
		switch n, numberErr := strconv.Atoi(answer); {
		case heard != nil:
			err = s.askReader(*heard, ports[heard.place])
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

// plugged says which readers there are, and how one is shown. Those in use here
// already are left out.
func (s *setup) plugged() (ports, typing []scanner.Plugged) {
	ports, typing = slices.Concat(scanner.SerialLines(), scanner.POSScanners()), scanner.Keyboards()
	for _, port := range s.ports {
		p := scanner.Plugged{Port: port}
		if typed(scanner.Config{Port: port}) {
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
		s.say("No %sreader is plugged in as a USB serial line, and none that is set to HID-POS.", other)
	} else {
		s.say("Scan any label with the reader you want to use; the two test labels of docs/labels.md show how it is set. It may be one of these:")
		for _, p := range ports {
			s.say("  %s", described(p))
		}
	}
	if len(typing) > 0 {
		s.say("These type as a keyboard does, and may be readers or keyboards:")
		for i, p := range typing {
			s.say("  %d  %s", i+1, described(p))
		}
	}
	if len(ports) > 0 {
		s.say("Or type, and press Enter:")
	} else {
		s.say("Type, and press Enter:")
	}
	s.say("  nothing   there are no %sreaders", map[bool]string{true: "more ", false: ""}[len(s.Readers) > 0])
	s.say("  r         look again, when one was plugged in")
	if len(typing) > 0 {
		s.say("  1         try one that types, by its number in the list")
	}
	s.say("  a port    listen to that too, as /dev/ttyAMA0")
	return ports, typing
}

// addPort listens to a port that was typed, if it can be one.
func (s *setup) addPort(port string) error {
	right := true
	scanner.Check([]scanner.Config{{Name: "reader", Port: port}}, func(_ string, _ int, _, text string) {
		s.say("%s", text)
		right = false
	})
	switch {
	case !right:
	case typed(scanner.Config{Port: port}):
		return s.tryKeyboard(scanner.Plugged{Port: port})
	case !slices.Contains(s.ports, port):
		s.ports = append(s.ports, port)
	}
	return nil
}

// readers makes readers of ports.
func (s *setup) readers(ports []scanner.Plugged) []scanner.Config {
	var readers []scanner.Config
	for _, p := range ports {
		readers = append(readers, readerDraft{Port: p.Port}.setting())
	}
	return readers
}

// tryKeyboard listens to a reader that types, or to what was taken for one.
func (s *setup) tryKeyboard(p scanner.Plugged) error {
	s.say("Scan any label with it. Whatever types there is dead as a keyboard meanwhile; after %.0f seconds of silence it is given back.", typingSilence.Seconds())
	heard, _, err := s.listen(s.readers([]scanner.Plugged{p}))
	if err != nil || heard == nil {
		return err
	}
	return s.askReader(*heard, p)
}

// typingSilence is how long a keyboard is taken away from the person who may need it
// to go on.
const typingSilence = 30 * time.Second

// silence returns when a silence of readers ends the listening; never, where none
// of them types.
func silence(readers []scanner.Config) <-chan time.Time {
	if slices.ContainsFunc(readers, typed) {
		return time.After(typingSilence)
	}
	return nil
}

// typed reports whether a reader types as a keyboard does.
func typed(r scanner.Config) bool { return strings.HasPrefix(r.Port, "hid:") }

func described(p scanner.Plugged) string {
	return strings.Join(slices.DeleteFunc([]string{p.Port, p.Maker, p.Path}, func(s string) bool { return s == "" }), "  ")
}

// A scanHeard is a scan and the place of its port among those listened to.
type scanHeard struct {
	place int
	live.ScanReport
	frame string // what ended it, as the configuration names it; "" where nothing has to
}

// hears makes a scan of all that a reader sent in one go.
func hears(place int, setting scanner.Config, f scanner.Frame) (scanHeard, error) {
	frame, raw := "", f.Raw
	if !(readerDraft{Port: setting.Port}).Reports() {
		frame, raw = scanner.SplitEnding(f.Raw)
	}
	ev, err := scanner.Event(setting, raw, f.Event.At)
	f.Raw, f.Event = raw, ev
	return scanHeard{place, live.NewScanReport(setting, f), frame}, err
}

// listen waits for a scan with one of several readers, or for something to be typed,
// which it returns. Neither says that readers which type were silent for long.
func (s *setup) listen(readers []scanner.Config) (heard *scanHeard, answer string, err error) {
	clock, err := clock.New()
	if err != nil {
		return nil, "", err
	}
	silent := silence(readers)
	ctx, stop := context.WithCancel(s.ctx)
	scans, said, failed := make(chan scanHeard), make(chan string), make(chan error, 3*len(readers))
	tell := func(line string) {
		select {
		case said <- line:
		case <-ctx.Done():
		}
	}
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for i, setting := range readers {
		whole := setting
		if !(readerDraft{Port: setting.Port}).Reports() {
			whole.Frame = scanner.WholeBurst
		}
		r := scanner.Open(whole, clock.Stamp, slog.New(slog.DiscardHandler))
		r.Observe(func(status scanner.Status) { live.ReportStatus(setting, status, tell) })
		each := func(f scanner.Frame) {
			heard, err := hears(i, setting, f)
			if err != nil {
				failed <- err
				return
			}
			if len(heard.Raw) == 0 {
				return
			}
			select {
			case scans <- heard:
			case <-ctx.Done():
			}
		}
		running.Go(func() { live.ReportLosses(ctx, r, setting.Name, tell) })
		for _, run := range []func(context.Context) error{r.RunPort, func(ctx context.Context) error { return r.Listen(ctx, each) }} {
			running.Go(func() { failed <- run(ctx) })
		}
	}
	for {
		select {
		case <-s.ctx.Done():
			return nil, "", errEnded
		case <-silent:
			s.say("Nothing was scanned.")
			return nil, "", nil
		case line, more := <-s.lines:
			answer, err := s.clean(line, more)
			if errors.Is(err, errUnclean) {
				continue
			}
			return nil, answer, err
		case line := <-said:
			s.say("%s", line)
		case err := <-failed:
			if err != nil {
				return nil, "", err
			}
		case h := <-scans:
			return &h, "", live.PrintScan(s.out, h.ScanReport)
		}
	}
}

// askReader names a reader that was scanned with and says what its labels mean.
func (s *setup) askReader(heard scanHeard, p scanner.Plugged) (err error) {
	r := readerDraft{Port: p.Port, Maker: plainComment(p.Maker)}
	s.say("It is the reader on %s.", r.Port)
	label := &heard
	if typed(scanner.Config{Port: r.Port}) {
		if label, err = s.askLayout(&r, label); err != nil || label == nil {
			return err
		}
	}
	r.Identifies = true
	r.takeFrame(label.frame)
	s.say("%s", r.ending())
	tested := s.takeTest(&r, label)
	if tested {
		if err := s.askOtherTest(&r); err != nil {
			return err
		}
	}
	if r.Name, err = s.name("The reader's name", fmt.Sprintf("reader%d", len(s.Readers)+1), "scanner", len(s.Readers)); err != nil {
		return err
	}
	if err := s.askAnswering(&r); err != nil {
		return err
	}
	for {
		if !tested {
			if err := s.askLabel(&r, *label); err != nil {
				return err
			}
		}
		if s.L2L == nil && s.Lagerkoll == nil {
			break // another label would mean as little
		}
		s.say("\nScan a label of another kind with it; Enter when there are no more.")
		if label, _, err = s.listen([]scanner.Config{r.setting()}); err != nil {
			return err
		}
		if label == nil {
			break
		}
		tested = s.takeTest(&r, label)
	}
	r.order()
	s.Readers = append(s.Readers, r)
	return nil
}

// askLayout asks whether the keys of a reader that types were read rightly, and lets a
// label be scanned again where they were not. It returns nil when none was.
func (s *setup) askLayout(r *readerDraft, label *scanHeard) (*scanHeard, error) {
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
		if label, _, err = s.listen([]scanner.Config{r.setting()}); err != nil || label == nil {
			return nil, err
		}
	}
}

// askAnswering asks which lamp answers a reader.
func (s *setup) askAnswering(r *readerDraft) (err error) {
	if s.bare {
		return nil
	}
	var lamps []string
	for _, l := range s.Lamps {
		if !s.stacked(l.Name) {
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
