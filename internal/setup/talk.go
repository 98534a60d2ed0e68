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

// errEnded says that the person has ended a talk: Ctrl-C, Ctrl-D, or the line is
// gone.
var errEnded = errors.New("cancelled, nothing written")

// A talk is a dialogue in plain lines: whole lines are read and written, no cursor
// moves and no mode of the terminal is changed, so it works over any connection and
// there is nothing to put back when it ends.
type talk struct {
	ctx   context.Context // a talk lives as long as it: every question ends with it
	out   io.Writer
	lines <-chan string // closed at the end of the input

	asking func() // called before each question; may be nil
}

// newTalk begins a talk. What reads the input ends with the process: a read of a
// terminal cannot be called off.
func newTalk(ctx context.Context, in io.Reader, out io.Writer) *talk {
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
	return &talk{ctx: ctx, out: out, lines: lines}
}

func (t *talk) say(format string, args ...any) {
	fmt.Fprintln(t.out, terminal.Wrap(fmt.Sprintf(format, args...), 0))
}

// heading begins a part of the talk.
func (t *talk) heading(text string) { t.say("\n%s\n%s", text, strings.Repeat("-", len(text))) }

// clean makes an answer of a line. One with characters that no file should hold is
// none.
func (t *talk) clean(line string, more bool) (string, error) {
	if !more {
		return "", errEnded
	}
	line = strings.TrimSpace(line)
	if !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl) {
		t.say("That has characters in it that cannot be written; type it again.")
		return "", errUnclean
	}
	return line, nil
}

var errUnclean = errors.New("not an answer")

// ask asks until there is an answer that valid, which may be nil, has nothing
// against. An empty answer is the suggestion, where there is one.
func (t *talk) ask(question, suggestion string, valid func(string) error) (string, error) {
	if t.asking != nil {
		t.asking()
	}
	if suggestion != "" {
		question += " [" + suggestion + "]"
	}
	for {
		fmt.Fprint(t.out, terminal.Wrap(question+": ", 0))
		var line string
		var more bool
		select {
		case <-t.ctx.Done():
			return "", errEnded
		case line, more = <-t.lines:
		}
		answer, err := t.clean(line, more)
		if errors.Is(err, errUnclean) {
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

// choose lets one of several things be picked by its number, and returns its place
// counted from 0. An empty answer is the first.
func (t *talk) choose(question string, options ...string) (int, error) {
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

// yes asks a question that is answered with y or n; an empty answer is no.
func (t *talk) yes(question string) (bool, error) { return t.yesOr(question, "n") }

// yesOr is yes with the answer that an empty one stands for.
func (t *talk) yesOr(question, otherwise string) (yes bool, err error) {
	_, err = t.ask(question+" (y/n)", otherwise, func(answer string) error {
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

// filled refuses an empty answer.
func filled(answer string) error {
	if answer == "" {
		return errors.New("something must stand here")
	}
	return nil
}
