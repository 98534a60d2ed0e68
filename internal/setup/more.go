package setup

import (
	"errors"
	"os"
	"path/filepath"

	"stationd/internal/config"
	"stationd/internal/plan"
)

// A moreDraft is what most stations do without, and who wants it adds at the end.
type moreDraft struct {
	Shifts     []shiftDraft
	Clocked    []clockedDraft
	Afters     []afterDraft
	Counts     []countDraft
	Product    string                     // of what is counted; a template
	Conditions map[string]conditionsDraft // by the keys of bindings
	Page       pageDraft
}

// access reports whether anything needs a technician.
func (m *moreDraft) access() bool {
	for _, c := range m.Conditions {
		if c.Technician {
			return true
		}
	}
	return false
}

// askMore offers what most stations do without.
func (s *setup) askMore() error {
	s.heading("More")
	s.say("Shifts and times of the day, calls that nobody answers, counted pieces, the page on other machines. And for the buttons and labels above: only a technician, confirmed, limits, conditions. Type back in place of an answer to leave a question.")
	more, err := s.confirm("Anything more?")
	if err != nil || !more {
		return err
	}
	for {
		s.saveAnswers()
		options := s.moreOptions()
		var names []string
		for _, o := range options {
			names = append(names, o.text)
		}
		picked, err := s.choose("\nWhat more?", append([]string{"nothing more"}, names...)...)
		if err != nil || picked == 0 {
			return err
		}
		if err := options[picked-1].ask(); err != nil && !errors.Is(err, errBack) {
			return err
		}
	}
}

// back in place of an answer leaves a question that askChecked asks, of which the error is
// errBack then: what is asked for may not fit what there is, whatever the answer.
const back = "back"

var errBack = errors.New("the question was left")

// A moreOption is something that can be added.
type moreOption struct {
	text string
	ask  func() error
}

// moreOptions returns what can be added to what there is.
func (s *setup) moreOptions() (options []moreOption) {
	if len(s.callSources()) > 0 {
		options = append(options, moreOption{"a call that nobody answers: somebody else is called", s.askAfter})
	}
	options = append(options, moreOption{"something at a time of the day, or as a shift begins or ends", s.askClocked})
	if s.L2L != nil && len(s.Buttons) > 0 {
		options = append(options, moreOption{"a button that counts pieces, which L2L is told", s.askCount})
	}
	if len(s.bindings()) > 0 {
		options = append(options, moreOption{"what must hold: who may, how many, what is confirmed, what must be in hand", s.askConditions})
	}
	options = append(options, moreOption{"the page on other machines", s.askPage})
	return append(options, moreOption{"take all of this back, and begin again here", func() error {
		s.More = moreDraft{}
		s.say("What was added here is gone; buttons, lamps and readers are as they were.")
		return nil
	}})
}

// fault returns what check would say of the configuration, nil where it is sound.
func (d *draft) fault() error {
	_, faults, err := readText(d.render())
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		return errors.New(faults[0].Text)
	}
	return nil
}

// readText reads a text as stationd run would read it from a file.
func readText(text []byte) (*plan.Plan, []config.Fault, error) {
	dir, err := os.MkdirTemp("", "stationd-setup-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	path := filepath.Join(dir, "stationd.toml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, nil, err
	}
	return plan.Read(path)
}

// askChecked asks until the draft, changed as change does with the answer, is one that check
// has nothing against, or the question is left. The draft itself stays as it is.
func (s *setup) askChecked(question, suggestion string, change func(d *draft, answer string) error) (string, error) {
	answer, err := s.ask(question, suggestion, func(answer string) error {
		if answer == back {
			return nil
		}
		tried, err := s.clone()
		if err != nil {
			return err
		}
		if err := change(&tried, answer); err != nil {
			return err
		}
		return tried.fault()
	})
	if err == nil && answer == back {
		err = errBack
	}
	return answer, err
}

// keep changes the draft, where check has nothing against the change; else it says what, and
// the draft stays as it was.
func (s *setup) keep(change func(d *draft)) (kept bool) {
	tried, err := s.clone()
	if err == nil {
		change(&tried)
		err = tried.fault()
	}
	if err != nil {
		s.say("%v", err)
		return false
	}
	s.draft = tried
	return true
}

// A fieldQuestion asks for a field of what is added to the draft.
type fieldQuestion struct {
	question string
	field    *string // with the suggestion
}

// askFields asks for one field after another of what change adds to the draft, each until check
// has nothing against it.
func (s *setup) askFields(change func(d *draft), all ...fieldQuestion) error {
	for _, q := range all {
		suggestion := *q.field
		answer, err := s.askChecked(q.question, suggestion, func(d *draft, answer string) error {
			*q.field = answer
			change(d)
			return notEmpty(answer)
		})
		if err != nil {
			return err
		}
		*q.field = answer
	}
	return nil
}
