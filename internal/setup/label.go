package setup

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// askLabel asks what labels such as this one mean.
func (s *setup) askLabel(r *readerDraft, label heardScan) error {
	uses := s.labelUses(r, label)
	if uses == nil {
		s.say("This label has no use here; the station would keep it as an unknown scan.")
		return nil
	}
	var texts []string
	for _, use := range uses {
		texts = append(texts, use.text)
	}
	picked, err := s.choose("What is this label?", append(texts, "none of these")...)
	if err != nil || picked == len(uses) {
		return err
	}
	return uses[picked].add()
}

// A labelUse is what a label may mean, and how that is added to the draft of its reader.
type labelUse struct {
	text string
	add  func() error
}

// labelUses returns what a label may mean at the vendors that there are.
func (s *setup) labelUses(r *readerDraft, label heardScan) (uses []labelUse) {
	code := label.Event.Code
	ais := traceIdentifiers(label)
	switch isPart := slices.Contains(ais, "01"); {
	case s.Lagerkoll != nil && isPart:
		add := func(watched bool) func() error {
			return func() error {
				if slices.ContainsFunc(r.Parts, func(known []string) bool { return slices.Equal(known, ais) }) {
					s.say("Such labels are known already.")
					return nil
				}
				r.Parts, r.Watched = append(r.Parts, ais), watched
				return nil
			}
		}
		if len(r.Orders) == 0 {
			s.say("For a part of the order whose label was scanned, scan an order's label first.")
		} else if !r.Watched {
			uses = append(uses, labelUse{"a part: it is traced on the current production order", add(false)})
		}
		if r.Watched || len(r.Parts) == 0 {
			uses = append(uses, labelUse{"a part: it is traced on the order that Lagerkoll says is made", add(true)})
		}
	}
	if s.Lagerkoll != nil && len(ais) == 0 {
		uses = append(uses, labelUse{"a production order: it becomes the current one", func() error {
			return s.askPattern(r, code, "order", orderPrefix(code), func(pattern string) { r.Orders = append(r.Orders, pattern) })
		}})
	}
	if s.L2L != nil && len(ais) == 0 {
		uses = append(uses, labelUse{"a product: its changeover starts", func() error {
			return s.askPattern(r, code, "product", productPrefix(code), func(pattern string) { r.Products = append(r.Products, pattern) })
		}})
	}
	if len(ais) > 0 || s.L2L == nil && s.Lagerkoll == nil {
		return uses
	}
	further := func(use, pattern string) { r.Labels = append(r.Labels, labelDraft{use, pattern}) }
	uses = append(uses, labelUse{"a person's badge: who scans it is named in what is sent", func() error {
		return s.askPattern(r, code, "user", productPrefix(code), func(pattern string) { further(badgeLabel, pattern) })
	}})
	if s.Lagerkoll != nil && len(r.Parts) > 0 && r.Finished == nil {
		uses = append(uses, labelUse{"a finished article: the parts scanned before it are traced on it, together", func() error { return s.askFinished(r, code) }})
	}
	if code == undoCode {
		uses = append(uses, labelUse{"it takes back the last thing that the reader did", func() error {
			if pattern := "^" + undoCode + "$"; slices.Contains(r.patterns(), pattern) {
				s.say("Such labels are known already.")
			} else {
				further(undoLabel, pattern)
			}
			return nil
		}})
	}
	return uses
}

// traceIdentifiers returns the GS1 application identifiers of a scan that a trace can use.
func traceIdentifiers(label heardScan) []string {
	var ais []string
	for _, ai := range []string{"01", "10", "21"} {
		if label.Event.Data["gs1."+ai] != "" {
			ais = append(ais, ai)
		}
	}
	return ais
}

// askPattern asks for the prefix of all labels of a kind, and hands the expression that matches
// them to add, unless the reader has it already.
func (s *setup) askPattern(r *readerDraft, code, name, suggestion string, add func(pattern string)) error {
	rest := ".+"
	if name == "order" {
		rest = `\d+` // Lagerkoll's order ids are numbers
	}
	var pattern string
	prefix, err := s.ask("All such labels begin with", suggestion, func(text string) error {
		if !strings.HasPrefix(code, text) || text == code {
			return fmt.Errorf("this label is %q, and something must follow", code)
		}
		pattern = fmt.Sprintf(`^%s(?P<%s>%s)$`, regexp.QuoteMeta(text), name, rest)
		if slices.ContainsFunc(r.patterns(), func(known string) bool { return known != pattern && sameLabels(known, pattern) }) {
			return fmt.Errorf("all that begin with %q are something else already: type more of the beginning", text)
		}
		return nil
	})
	if err != nil {
		return err
	}
	switch number := strings.TrimPrefix(code, prefix); {
	case name == "order" && strings.Trim(number, "0123456789") != "":
		s.say("Lagerkoll knows an order by its number, and %q is not one; the label is skipped.", number)
	case slices.Contains(r.patterns(), pattern):
		s.say("Such labels are known already.")
	default:
		add(pattern)
	}
	return nil
}

// splitPattern returns how the labels begin that a pattern of askPattern matches, as an
// expression, and that of what follows; begins is all of any other.
func splitPattern(pattern string) (begins, rest string) {
	begins, rest, _ = strings.Cut(pattern, "(?P<")
	_, rest, _ = strings.Cut(rest, ">")
	return begins, rest
}

// sameLabels reports whether two patterns match the same labels.
func sameLabels(a, b string) bool {
	beginsA, restA := splitPattern(a)
	beginsB, restB := splitPattern(b)
	return beginsA == beginsB && restA == restB
}

// moreSpecific compares patterns, that which says more of a label first: behind one that matches
// all of its labels too none would ever be asked.
func moreSpecific(a, b string) int {
	beginsA, restA := splitPattern(a)
	beginsB, restB := splitPattern(b)
	return cmp.Or(len(beginsB)-len(beginsA), strings.Compare(restB, restA)) // \d+ comes before .+
}

// orderPrefix returns what precedes the number of an order: PO of PO4711.
func orderPrefix(code string) string {
	return strings.TrimRightFunc(code, func(c rune) bool { return '0' <= c && c <= '9' })
}

// productPrefix returns what precedes the code of a product: PC- of PC-COOKIE-200G.
func productPrefix(code string) string {
	if i := strings.IndexAny(code, "-:/"); i > 0 && i < len(code)-1 {
		return code[:i+1]
	}
	return ""
}

// A labelDraft is a label that means something besides orders, products and parts.
type labelDraft struct {
	Use     string // badgeLabel or undoLabel
	Pattern string // a regular expression
}

// What a labelDraft is for.
const (
	badgeLabel = "badge"
	undoLabel  = "undo"

	undoCode = "UNDO"
)

// patterns returns all patterns of the reader's labels.
func (r *readerDraft) patterns() []string {
	all := slices.Concat(r.Orders, r.Products)
	for _, l := range r.Labels {
		all = append(all, l.Pattern)
	}
	if r.Finished != nil {
		all = append(all, r.Finished.Pattern)
	}
	return all
}

// binding returns what the label does.
func (l labelDraft) binding(scan []string) bindingDraft {
	on := bindingDraft{events: scan, match: l.Pattern}
	if l.Use == undoLabel {
		on.undo, on.about, on.comment = true, "scan of "+undoCode+": takes back the last thing", "Takes back the last thing that the reader did."
		return on
	}
	on.set, on.expire = inline(texts("user", "{user}")...), "10h"
	on.about, on.comment = "scan of a person's badge: who acts", "A person's badge: who acts until the next is scanned, or for 10 hours. A call never waits for it."
	return on
}

// A finishedDraft is the label of a finished article, on which the parts scanned before it are
// traced.
type finishedDraft struct {
	Pattern string
	Least   string // how many parts there must be
}

// need returns how many parts must be on the list.
func (f finishedDraft) need() string { return "parts>=" + f.Least }

// askFinished asks about the label of finished articles.
func (s *setup) askFinished(r *readerDraft, code string) error {
	pattern := ""
	if err := s.askPattern(r, code, "article", productPrefix(code), func(asked string) { pattern = asked }); err != nil || pattern == "" {
		return err
	}
	least, err := s.ask("How many parts must there be at least", "1", func(answer string) error {
		if n, err := strconv.Atoi(answer); err != nil || n < 1 || n > mostParts {
			return fmt.Errorf("type a number from 1 to %d", mostParts)
		}
		return nil
	})
	if err == nil {
		r.Finished = &finishedDraft{pattern, least}
	}
	return err
}

// mostParts is how many items a list in hand takes.
const mostParts = 500
