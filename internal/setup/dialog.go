package setup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"stationd/internal/terminal"
)

// errCancelled means that the person cancelled with Ctrl-C or Ctrl-D, or that the terminal is
// gone.
var errCancelled = errors.New("cancelled, nothing written")

// A dialog asks questions in plain lines of text. It moves no cursor and changes no mode of
// the terminal, so that it works over any connection and needs no cleaning up.
type dialog struct {
	ctx   context.Context // ends every question; a dialog lives no longer
	out   io.Writer
	lines <-chan string // closed at the end of the input

	beforeAsk func() // called before each question; may be nil
}

// newDialog returns a dialog that reads in. Its goroutine ends at the end of the input or with
// the process: a read of a terminal cannot be cancelled.
func newDialog(ctx context.Context, in io.Reader, out io.Writer) *dialog {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return &dialog{ctx: ctx, out: out, lines: lines}
}

// say prints a text, wrapped.
func (t *dialog) say(format string, args ...any) {
	fmt.Fprintln(t.out, terminal.Wrap(fmt.Sprintf(format, args...), 0))
}

// heading prints the heading of a part of the dialogue.
func (t *dialog) heading(text string) { t.say("\n%s\n%s", text, strings.Repeat("-", len(text))) }

// parseAnswer returns the answer in a line. After saying so it returns errBadAnswer for one
// with control characters.
func (t *dialog) parseAnswer(line string, open bool) (string, error) {
	if !open {
		return "", errCancelled
	}
	line = strings.TrimSpace(line)
	if !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl) {
		t.say("That contains control characters; type it again.")
		return "", errBadAnswer
	}
	return line, nil
}

var errBadAnswer = errors.New("not an answer")

// ask asks until valid, which may be nil, accepts the answer. An empty answer is the
// suggestion. The error is errCancelled.
func (t *dialog) ask(question, suggestion string, valid func(string) error) (string, error) {
	if t.beforeAsk != nil {
		t.beforeAsk()
	}
	if suggestion != "" {
		question += " [" + suggestion + "]"
	}
	for {
		fmt.Fprint(t.out, terminal.Wrap(question+": ", 0))
		var line string
		var open bool
		select {
		case <-t.ctx.Done():
			return "", errCancelled
		case line, open = <-t.lines:
		}
		answer, err := t.parseAnswer(line, open)
		if errors.Is(err, errBadAnswer) {
			continue
		}
		if err != nil {
			return "", err
		}
		if answer == "" {
			answer = suggestion
		}
		if valid != nil {
			if err := valid(answer); err != nil {
				t.say("%v", err)
				continue
			}
		}
		return answer, nil
	}
}

// choose asks for one of several options by its number and returns its index. An empty answer
// is the first.
func (t *dialog) choose(question string, options ...string) (int, error) {
	t.say("%s", question)
	for i, option := range options {
		fmt.Fprintln(t.out, terminal.Wrap(fmt.Sprintf("  %d  %s", i+1, option), 5))
	}
	var picked int
	_, err := t.ask("Choose", "1", func(answer string) error {
		n, err := strconv.Atoi(answer)
		if err != nil || n < 1 || n > len(options) {
			return fmt.Errorf("type a number from 1 to %d", len(options))
		}
		picked = n - 1
		return nil
	})
	return picked, err
}

// confirm asks a yes-or-no question; an empty answer is no.
func (t *dialog) confirm(question string) (bool, error) { return t.confirmOr(question, "n") }

// confirmOr is confirm with the answer that an empty one means: y or n.
func (t *dialog) confirmOr(question, suggestion string) (yes bool, err error) {
	_, err = t.ask(question+" (y/n)", suggestion, func(answer string) error {
		switch strings.ToLower(answer) {
		case "y", "yes":
			yes = true
		case "n", "no":
			yes = false
		default:
			return errors.New("type y or n")
		}
		return nil
	})
	return yes, err
}

// notEmpty refuses an empty answer.
func notEmpty(answer string) error {
	if answer == "" {
		return errors.New("an answer is needed")
	}
	return nil
}
