package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"stationd/internal/plan/plantest"
)

// deployed is a file that is delivered with the program.
func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", name))
	must(t, err)
	return string(text)
}

// manualPart is a chapter of the manual page by the headings of its parts, each with
// what stands below it, without the marks of the typesetter.
func manualPart(t *testing.T, chapter string) map[string]string {
	t.Helper()
	_, text, found := strings.Cut(deployed(t, "stationd.1"), "\n.SH "+chapter+"\n")
	if !found {
		t.Fatalf("the manual has no chapter %s", chapter)
	}
	text, _, _ = strings.Cut(text, "\n.SH ")
	parts := make(map[string]string)
	for part := range strings.SplitSeq(text, "\n.SS ") {
		heading, below, _ := strings.Cut(strings.ReplaceAll(part, `\-`, "-"), "\n")
		parts[heading] = below
	}
	return parts
}

// commandLines are all commands that do something, by what is typed for them:
// "outbox ls".
func commandLines(c *cobra.Command, name string) map[string]*cobra.Command {
	all := make(map[string]*cobra.Command)
	for _, sub := range c.Commands() {
		line := strings.TrimSpace(name + " " + sub.Name())
		if sub.HasSubCommands() {
			maps.Copy(all, commandLines(sub, line))
		} else if sub.Name() != "help" {
			all[line] = sub
		}
	}
	return all
}

func TestTheManualHasEveryCommandWithItsFlagsAndNoOther(t *testing.T) {
	t.Parallel()
	parts := manualPart(t, "COMMANDS")
	all := commandLines(commands(), "")
	for line, c := range all {
		text := ""
		for heading, below := range parts {
			if heading == line || strings.HasPrefix(heading, line+" ") || ofVendor(line, heading, below) {
				text = heading + "\n" + below
			}
		}
		if strings.HasPrefix(line, "lagerkoll ") || strings.HasPrefix(line, "webhook ") { // have the options of l2l
			text += parts["l2l question|verb [field=value]..."]
		}
		if text == "" {
			t.Errorf("the manual has no command %q", line)
			continue
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			names := []string{"--" + f.Name}
			if f.Shorthand != "" {
				names = append(names, "-"+f.Shorthand)
			}
			for _, name := range names {
				if !regexp.MustCompile(`(?m)(^|[ \["|])` + name + `($|[] "])`).MatchString(text) {
					t.Errorf("the manual has no %s of %q", name, line)
				}
			}
		})
	}
	for heading := range parts {
		known := func(line string) bool {
			return heading == line || strings.HasPrefix(heading, line+" ") || ofVendor(line, heading, parts[heading])
		}
		if regexp.MustCompile(`^[a-z]`).MatchString(heading) && !slices.ContainsFunc(slices.Collect(maps.Keys(all)), known) {
			t.Errorf("the manual has a command %q, which there is not", heading)
		}
	}
	if len(all) < 10 {
		t.Errorf("only %d commands were found: %v", len(all), slices.Sorted(maps.Keys(all)))
	}
}

// ofVendor reports whether a part of the manual is about all operations of a vendor,
// and names the one that is typed as line.
func ofVendor(line, heading, below string) bool {
	vendor, operation, _ := strings.Cut(line, " ")
	return strings.HasPrefix(heading, vendor+" question|verb ") &&
		regexp.MustCompile(`(?m)[ "]`+regexp.QuoteMeta(operation)+`[ "]`).MatchString(strings.ReplaceAll(below, "\n", " "))
}

func TestTheManualAndTheExampleHaveEveryKeyOfTheConfiguration(t *testing.T) {
	t.Parallel()
	parts := manualPart(t, "CONFIGURATION")
	example := exampleTables(t)
	keys, n := plantest.Keys(t), 0
	for heading, names := range keys {
		for _, key := range names {
			n++
			// .B pin
			// .BR debounce ", " hold ", " double
			if !regexp.MustCompile(`(?m)^\.BR? (.* )?"?` + key + `( .*|")?$`).MatchString(parts[heading]) {
				t.Errorf("the manual has no %s in %s", key, heading)
			}
			// pin = 17
			// #pin_nc = 18
			//   clear   values put away afterwards, in the remarks on bindings
			// # An action may also say late and late_after
			if !regexp.MustCompile(`(?m)^#?` + key + `\s*=|^#   ` + key + `[ ,]|^#   late, ` + key + ` |^# An action .*\b` + key + `\b`).MatchString(example[heading]) {
				t.Errorf("the example has no %s in %s", key, heading)
			}
		}
	}
	for heading := range parts {
		if strings.HasPrefix(heading, "[") && keys[heading] == nil {
			t.Errorf("the manual has a table %s, which there is not", heading)
		}
	}
	if n < 60 {
		t.Errorf("only %d keys were found: %v", n, keys)
	}
}

// exampleTables is the example configuration by its tables; those that there may be
// several of are one text, with the remarks before them.
func exampleTables(t *testing.T) map[string]string {
	t.Helper()
	tables := make(map[string]string)
	heading := regexp.MustCompile(`^#?(\[+[a-z0-9]+\]+)`)
	text := deployed(t, "stationd.example.toml")
	_, remarks, _ := strings.Cut(text, "- bindings\n")
	remarks, _, _ = strings.Cut(remarks, "\n[[on]]")
	tables["[[on]]"] = remarks + "\n"
	at := ""
	for line := range strings.Lines(text) {
		if m := heading.FindStringSubmatch(line); m != nil {
			at = m[1]
		}
		tables[at] += line
	}
	return tables
}

func TestTheManualIsSetWithoutAWarning(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("groff is not here, so nothing was proved about how the manual page is set")
	}
	page := filepath.Join("..", "..", "deploy", "stationd.1")
	out, err := exec.CommandContext(t.Context(), "groff", "-man", "-Tutf8", "-ww", "-z", page).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("groff says (%v):\n%s", err, out)
	}
}
