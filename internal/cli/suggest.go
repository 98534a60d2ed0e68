package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"stationd/internal/config"
)

// Suggest has each command below and with c say which of its commands or flags was perhaps
// meant by a word that it does not know.
func Suggest(c *cobra.Command) {
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		unknown, is := errors.AsType[*pflag.NotExistError](err)
		if !is {
			return err
		}
		var flags []string
		c.Flags().VisitAll(func(f *pflag.Flag) { flags = append(flags, f.Name) })
		return maybe(err, "--", unknown.GetSpecifiedName(), flags)
	})
	for _, sub := range c.Commands() {
		Suggest(sub)
	}
	if !c.HasSubCommands() {
		return
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		names := []string{"help"}
		for _, sub := range c.Commands() {
			names = append(names, sub.Name())
		}
		return maybe(fmt.Errorf("unknown command %q for %q", args[0], c.CommandPath()), c.CommandPath()+" ", args[0], names)
	}
}

// maybe adds to an error about a word what was perhaps meant.
func maybe(err error, before, word string, known []string) error {
	if meant := config.Nearest(word, known); meant != "" {
		return fmt.Errorf("%w (did you mean %s%s?)", err, before, meant)
	}
	return err
}
