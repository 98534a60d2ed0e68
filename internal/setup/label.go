package setup

import (
	"fmt"
	"regexp"
	"slices"
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
	case s.Lagerkoll != nil && isPart && len(r.Orders) == 0:
		s.say("A part is traced on the current production order: scan an order's label first.")
	case s.Lagerkoll != nil && isPart:
		uses = append(uses, labelUse{"a part: it is traced on the current production order", func() error {
			if slices.ContainsFunc(r.Parts, func(known []string) bool { return slices.Equal(known, ais) }) {
				s.say("Such labels are known already.")
				return nil
			}
			r.Parts = append(r.Parts, ais)
			return nil
		}})
	}
	if s.Lagerkoll != nil && len(ais) == 0 {
		uses = append(uses, labelUse{"a production order: it becomes the current one", func() (err error) {
			r.Orders, err = s.askPattern(r.Orders, code, "order", orderPrefix(code))
			return err
		}})
	}
	if s.L2L != nil && len(ais) == 0 {
		uses = append(uses, labelUse{"a product: its changeover starts", func() (err error) {
			r.Products, err = s.askPattern(r.Products, code, "product", productPrefix(code))
			return err
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

// askPattern asks for the prefix of all labels of a kind, and returns patterns with the
// expression that matches them.
func (s *setup) askPattern(patterns []string, code, name, suggestion string) ([]string, error) {
	prefix, err := s.ask("All such labels begin with", suggestion, func(text string) error {
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
		rest = `\d+` // Lagerkoll's order ids are numbers
		if !regexp.MustCompile(`^\d+$`).MatchString(strings.TrimPrefix(code, prefix)) {
			s.say("Lagerkoll knows an order by its number, and %q is not one; the label is skipped.", strings.TrimPrefix(code, prefix))
			return patterns, nil
		}
	}
	pattern := fmt.Sprintf(`^%s(?P<%s>%s)$`, regexp.QuoteMeta(prefix), name, rest)
	if slices.Contains(patterns, pattern) {
		s.say("Such labels are known already.")
		return patterns, nil
	}
	return append(patterns, pattern), nil
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
