package setup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"stationd/internal/atomicfile"
	"stationd/internal/config"
	"stationd/internal/terminal"
)

// savedAnswers are the answers so far, as they are saved beside the file to write until it is
// written: a setup that is cancelled, or loses its connection, continues where it was. They
// hold no secret.
type savedAnswers struct {
	Done  int    `json:"done"` // parts of the dialogue that are finished
	Draft draft  `json:"draft"`
	Label string `json:"label"`
	Bare  bool   `json:"bare"`
}

// draftPath returns the file of the saved answers: stationd.toml.draft.
func (s *setup) draftPath() string { return s.draftFor + ".draft" }

// saveAnswers saves the answers so far. A failure does not stop the dialogue; reportSaved
// reports it.
func (s *setup) saveAnswers() {
	if s.Name == "" {
		return // nothing was answered
	}
	text, err := json.MarshalIndent(savedAnswers{s.partsDone, s.draft, s.chipLabel, s.noGPIO}, "", "  ")
	if err == nil {
		err = atomicfile.Replace(s.draftPath(), append(text, '\n'), 0o600)
	}
	s.saved, s.saveErr = err == nil, err
}

// reportSaved says where the answers of a cancelled setup are.
func (s *setup) reportSaved() {
	switch {
	case s.saveErr != nil:
		s.say("\nThe answers could not be saved: %v", s.saveErr)
	case s.saved:
		s.say("\nThe answers are saved in %s; the next setup continues with them.", s.draftPath())
	}
}

// resume loads the saved answers of an earlier setup, if there are any and the person agrees.
func (s *setup) resume() error {
	text, err := os.ReadFile(s.draftPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var saved savedAnswers
	if err == nil {
		err = json.Unmarshal(text, &saved)
	}
	if err != nil || saved.Draft.Name == "" {
		s.say("%s cannot be read and is ignored.", s.draftPath())
		return nil //nolint:nilerr // it was said
	}
	draft := saved.Draft
	yes, err := s.confirmOr(fmt.Sprintf("Found the answers of an unfinished setup: station %s, %s, %s. Continue with them?", draft.Name,
		terminal.Count(len(draft.Buttons), "button"), terminal.Count(len(draft.Readers), "reader")), "y")
	if err != nil || !yes {
		return err
	}
	s.partsDone, s.draft, s.chipLabel, s.noGPIO = saved.Done, draft, saved.Label, saved.Bare
	s.registerNames()
	return nil
}

// registerNames tells nameCheck the names that the draft uses already.
func (s *setup) registerNames() {
	for i, b := range s.Buttons {
		s.nameCheck.Name(config.At("button", i, "name"), b.Name)
	}
	for i, l := range s.Lamps {
		s.nameCheck.Name(config.At("lamp", i, "name"), l.Name)
	}
	for i, b := range s.Buzzers {
		s.nameCheck.Name(config.At("buzzer", i, "name"), b.Name)
	}
	for i, r := range s.Readers {
		s.nameCheck.Name(config.At("scanner", i, "name"), r.Name)
	}
	if s.Stack != nil {
		s.nameCheck.Name(config.At("stack", 0, "name"), s.Stack.Name)
	}
}

// removeAnswers deletes the saved answers.
func (s *setup) removeAnswers() {
	if err := os.Remove(s.draftPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.say("%v", err)
	}
}
