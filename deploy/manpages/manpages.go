// Package manpages writes a manual page for each command, from what the command says of
// itself. It is no part of the program: go run -tags manpages ./cmd/stationd FOLDER
package manpages

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Write writes the pages of all commands below root into a folder that is there, each as
// NAME.1: stationd-outbox-ls.1. The program's own page is not among them: a person wrote it.
func Write(root *cobra.Command, folder string, made time.Time) error {
	for _, c := range root.Commands() {
		if c.Hidden || c.Name() == "help" {
			continue
		}
		file, err := os.Create(filepath.Join(folder, name(c)+".1"))
		if err != nil {
			return err
		}
		page(file, c, made)
		if err := file.Close(); err != nil {
			return err
		}
		if err := Write(c, folder, made); err != nil {
			return err
		}
	}
	return nil
}

// name is the page's: stationd-outbox-ls.
func name(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// page writes the page of one command. An error shows when the file is closed.
func page(w io.Writer, c *cobra.Command, made time.Time) {
	fmt.Fprintf(w, ".\\\" What %s --help says.\n", c.CommandPath())
	fmt.Fprintf(w, ".TH %s 1 %s %s \"User commands\"\n", quoted(strings.ToUpper(name(c))), quoted(made.UTC().Format(time.DateOnly)), quoted(c.Root().Name()))
	fmt.Fprintf(w, ".SH NAME\n%s \\- %s\n", text(name(c)), text(c.Short))
	fmt.Fprintf(w, ".SH SYNOPSIS\n.B %s\n", text(c.CommandPath()))
	if _, args, has := strings.Cut(c.Use, " "); has {
		fmt.Fprintf(w, ".I %s\n", text(args))
	}
	if c.HasSubCommands() {
		fmt.Fprintf(w, ".I command\n")
	}
	fmt.Fprintf(w, ".RI [ options ]\n.SH DESCRIPTION\n")
	if c.Long == "" {
		fmt.Fprintf(w, "%s.\n", text(c.Short))
	} else {
		paragraphs(w, c.Long)
	}
	if c.HasSubCommands() {
		fmt.Fprintf(w, ".SH COMMANDS\n")
		for _, sub := range c.Commands() {
			if !sub.Hidden && sub.Name() != "help" {
				fmt.Fprintf(w, ".TP\n.B %s\n%s\n", text(sub.Name()), text(sub.Short))
			}
		}
	}
	if c.HasAvailableLocalFlags() {
		fmt.Fprintf(w, ".SH OPTIONS\n")
		c.LocalFlags().VisitAll(func(f *pflag.Flag) { option(w, f) })
	}
	fmt.Fprintf(w, ".SH SEE ALSO\n.BR %s (1)", text(c.Root().Name()))
	for up := c.Parent(); up != nil && up.HasParent(); up = up.Parent() {
		fmt.Fprintf(w, ",\n.BR %s (1)", text(name(up)))
	}
	for _, sub := range c.Commands() {
		if !sub.Hidden && sub.Name() != "help" {
			fmt.Fprintf(w, ",\n.BR %s (1)", text(name(sub)))
		}
	}
	fmt.Fprintln(w)
}

// option writes one flag: --limit int, how many of each kind (default 100).
func option(w io.Writer, f *pflag.Flag) {
	if f.Hidden {
		return
	}
	value, usage := pflag.UnquoteUsage(f)
	called := "--" + f.Name
	if f.Shorthand != "" {
		called = "-" + f.Shorthand + ", " + called
	}
	fmt.Fprintf(w, ".TP\n.BI %s", quoted(text(called)))
	if value != "" {
		fmt.Fprintf(w, " %s", quoted(" "+text(value)))
	}
	if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "[]" {
		usage += " (default " + f.DefValue + ")"
	}
	fmt.Fprintf(w, "\n%s\n", text(usage))
}

// paragraphs writes a help text: what is indented stands as it is.
func paragraphs(w io.Writer, long string) {
	indented, blank := false, false
	for line := range strings.Lines(strings.TrimRight(long, "\n") + "\n") {
		line = strings.TrimRight(line, "\n")
		switch inside := strings.HasPrefix(line, "  "); {
		case strings.TrimSpace(line) == "":
			blank = true
			continue
		case inside && indented && blank:
			fmt.Fprintln(w, ".sp")
		case !inside && !indented && blank:
			fmt.Fprintln(w, ".PP")
		case inside && !indented:
			fmt.Fprintln(w, ".PP\n.nf")
			indented = true
		case !inside && indented:
			fmt.Fprintln(w, ".fi\n.PP")
			indented = false
		}
		blank = false
		fmt.Fprintln(w, text(line))
	}
	if indented {
		fmt.Fprintln(w, ".fi")
	}
}

// text makes a text one that the typesetter takes for nothing else.
func text(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ", "'", `\(aq`, "…", "...").Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}

// quoted is one argument of a macro.
func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\(dq`) + `"` }
