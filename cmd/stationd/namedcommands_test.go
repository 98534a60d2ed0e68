package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// commandIn finds commands where they are written to be typed: between backticks, at
// the beginning of a line of an example, and behind sudo.
var commandIn = regexp.MustCompile("(?m)(?:`|^|sudo |&& |\\$ )stationd ((?:[a-z][a-z0-9_.-]*)(?: [a-z][a-z0-9_.-]*)?)")

// subCommandIn finds commands with a sub-command in anything that the program says.
var subCommandIn = regexp.MustCompile(`stationd ((?:outbox|call|l2l|lagerkoll) [a-z][a-z0-9_.-]*)`)

// prose goes on after the name of a command in a sentence.
var prose = []string{"and", "or", "och"}

func TestEveryCommandThatATextNamesIsThere(t *testing.T) {
	t.Parallel()
	root := commands()
	found := 0
	for pattern, find := range map[string]*regexp.Regexp{
		"../../README.md": commandIn, "../../CONTRIBUTING.md": commandIn, "../../CHANGELOG.md": commandIn, "../../docs/*.md": commandIn, "../../deploy/*.md": commandIn,
		"../../deploy/*.toml": commandIn, "*.go": subCommandIn, "../../internal/*/*.go": subCommandIn,
	} {
		files, err := filepath.Glob(pattern)
		must(t, err)
		for _, name := range files {
			text, err := os.ReadFile(name)
			must(t, err)
			for _, typed := range find.FindAllStringSubmatch(string(text), -1) {
				if _, second, _ := strings.Cut(typed[1], " "); slices.Contains(prose, second) {
					continue
				}
				found++
				if !isCommand(root, strings.Fields(typed[1])) {
					t.Errorf("%s says stationd %s, and there is no such command", name, typed[1])
				}
			}
		}
	}
	if found < 60 {
		t.Errorf("only %d commands were found: there was nothing to prove", found)
	}
}

// isCommand reports whether the words begin with a command, and go on with one of its
// own where it has any.
func isCommand(c *cobra.Command, words []string) bool {
	if len(words) == 0 || !c.HasSubCommands() {
		return true
	}
	for _, sub := range c.Commands() {
		if sub.Name() == words[0] {
			return isCommand(sub, words[1:])
		}
	}
	return false
}
