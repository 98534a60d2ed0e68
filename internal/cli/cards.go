package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/atomicfile"
	"stationd/internal/cards"
	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/sheet"
	"stationd/internal/station"
	"stationd/internal/terminal"
	"stationd/internal/words"
)

// A cardsCommand is stationd cards.
type cardsCommand struct {
	pdfFile
	config   string
	language string
	offline  bool
	json     bool
}

// CardsCommand returns stationd cards.
func CardsCommand() *cobra.Command {
	k := &cardsCommand{}
	c := &cobra.Command{
		Use:   "cards [NAME=VALUE,VALUE… | NAME=@FILE] …",
		Short: "Print the codes that the station understands: commands, badges, orders, products",
		Long: `cards writes a PDF of A4 sheets with the codes that the bindings of scans take, each with
what scanning it does: commands as UNDO, and a card for each value of a list, as the
badges of people. A card is only made of a code that the station takes for what the card
says.

A list is given by the name that a binding reads from the code, as user=EVA,OLLE. A
file (user=@people.txt) has one value a line, and behind a semicolon what people call it:

  EVA;Eva Lindqvist

Lists that are not given are read from the vendors where they have them, through the
running station: the production orders that are in progress, and the products and orders
that a line is to run. Where a vendor cannot be read its cards are missing, and the exit
code is 1. What no card is made of is said.

Bars (Code 128) are drawn where they are short enough, because every reader reads
them; else Data Matrix, or QR Code for letters beyond ASCII, for readers with a camera.`,
		Example: `  stationd cards -o cards.pdf user=@people.txt
  stationd cards -o - --offline product=COOKIE-200G | lp`,
		RunE: k.run,
	}
	plan.PathFlag(c.Flags(), &k.config)
	k.addFlags(c)
	c.Flags().StringVar(&k.language, "language", "", "the language of the cards; left out, that of the station: "+strings.Join(words.Languages(), ", "))
	c.Flags().BoolVar(&k.offline, "offline", false, "ask no vendor for lists")
	c.Flags().BoolVar(&k.json, "json", false, "the cards as JSON in place of a PDF")
	return c
}

func (k *cardsCommand) run(c *cobra.Command, args []string) error {
	p, err := plan.Load(k.config, c.ErrOrStderr())
	if err != nil {
		return err
	}
	if !k.json {
		if err := k.check(); err != nil {
			return err
		}
	}
	language, err := languageOf(k.language, p.Station.Language)
	if err != nil {
		return err
	}
	lists, err := listsOf(args)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	var unread map[string]error
	if !k.offline {
		lists, unread = cards.Offered(c.Context(), p.Program, lists, plan.Queries(), askVendor(p))
	}
	made := cards.Make(p.Cards(p.Program, language), lists)
	if k.json {
		if err := terminal.WriteJSON(c.OutOrStdout(), made); err != nil {
			return exit.Wrap(err)
		}
	} else {
		heading := cards.Heading{Station: cmp.Or(p.Program.Labels.Station, p.Station.Name), Date: time.Now().In(p.Zone).Format(time.DateOnly), Words: language}
		heading.Unread = slices.Sorted(maps.Keys(unread))
		if err := k.write(c.OutOrStdout(), sheet.Document{Title: language.Say("cards.title"), Language: language.Tag()}, cards.Draw(heading, made)); err != nil {
			return exit.Wrap(err)
		}
	}
	report(c.ErrOrStderr(), made)
	var faults []string
	for _, vendor := range slices.Sorted(maps.Keys(unread)) {
		faults = append(faults, fmt.Sprintf("%s: %v", vendor, unread[vendor]))
	}
	if len(faults) > 0 {
		return exit.Wrap(fmt.Errorf("cards are missing: %s", strings.Join(faults, "; ")))
	}
	return nil
}

// report says how many cards were made, and of what none is.
func report(w io.Writer, made cards.Sheets) {
	n, lacks := 0, ""
	for _, g := range made.Groups {
		n += len(g.Cards)
		for _, card := range g.Cards {
			for _, letter := range sheet.Lacks(card.Title + strings.Join(card.Does, "") + card.Code) {
				if !strings.ContainsRune(lacks, letter) {
					lacks += string(letter)
				}
			}
		}
	}
	fmt.Fprintf(w, "%d cards\n", n)
	for _, left := range made.Left {
		of := fmt.Sprintf("[[on]] number %d", left.Binding)
		if left.Code != "" {
			of += ", " + terminal.OneLine(left.Code)
		}
		hint := ""
		if left.Lacks != "" {
			hint = fmt.Sprintf(": %s=…", left.Lacks)
		}
		fmt.Fprintf(w, "no card of %s: %s%s\n", of, terminal.Visible(left.Why), hint)
	}
	if lacks != "" {
		fmt.Fprintf(w, "the font has no %s: boxes stand there; /cards prints with the fonts of the browser\n", terminal.OneLine(lacks))
	}
}

// languageOf is the catalogue of a language that was asked for, or of the station's.
func languageOf(asked, stations string) (*words.Catalogue, error) {
	if asked == "" {
		asked = stations
	} else if !slices.Contains(words.Languages(), asked) {
		return nil, exit.With(exit.Usage, fmt.Errorf("--language %q: there are %s", asked, strings.Join(words.Languages(), ", ")))
	}
	return words.In(asked), nil
}

// mostList is how large a file of values may be.
const mostList = 1 << 20

// listsOf reads the lists of a command line.
func listsOf(args []string) (cards.Lists, error) {
	lists := make(cards.Lists)
	for _, arg := range args {
		name, text, found := strings.Cut(arg, "=")
		if !found || name == "" || text == "" {
			return nil, fmt.Errorf("%q is no list: write NAME=VALUE,VALUE or NAME=@FILE, as user=EVA,OLLE", arg)
		}
		path, isFile := strings.CutPrefix(text, "@")
		if !isFile {
			for value := range strings.SplitSeq(text, ",") {
				lists[name] = append(lists[name], cards.Value{Text: value})
			}
			continue
		}
		info, err := os.Stat(path)
		if err == nil && info.Size() > mostList {
			err = fmt.Errorf("%s: it is larger than %d bytes", path, mostList)
		}
		var content []byte
		if err == nil {
			content, err = os.ReadFile(path)
		}
		if err != nil {
			return nil, err
		}
		lists[name] = append(lists[name], cards.ReadList(string(content))...)
	}
	return lists, nil
}

// askVendor asks the running station, or the vendor itself where none runs.
func askVendor(p *plan.Plan) cards.Ask {
	return func(ctx context.Context, backend, query string, with map[string]string) (station.Answer, error) {
		for _, b := range plan.Backends() {
			for _, q := range b.Queries {
				if b.Name != backend || q.Name != query {
					continue
				}
				v, err := vendorOf(p, b)
				if err != nil {
					return station.Answer{}, err
				}
				return (&queryCommand{backend: b, Query: q}).ask(ctx, p, v, with)
			}
		}
		return station.Answer{}, errors.New("it cannot be asked for that")
	}
}

// A pdfFile is where a command writes the PDF that it makes.
type pdfFile struct {
	output string
	force  bool
}

// addFlags adds -o and --force.
func (f *pdfFile) addFlags(c *cobra.Command) {
	c.Flags().StringVarP(&f.output, "output", "o", "", "the PDF that is written; - is the standard output")
	c.Flags().BoolVar(&f.force, "force", false, "replace the file if it is there")
}

// check refuses to begin where nothing could be written.
func (f *pdfFile) check() error {
	if f.output == "" {
		return exit.With(exit.Usage, errors.New("say with -o which PDF is written, or -o - for the standard output"))
	}
	return (&queryCommand{output: f.output, force: f.force}).askDirectly()
}

// write writes the PDF, whole or not at all.
func (f *pdfFile) write(stdout io.Writer, d sheet.Document, sheets []*sheet.Sheet) error {
	return f.save(stdout, d, sheets, 0o644)
}

// writeSecret is write of a file that nobody else may read.
func (f *pdfFile) writeSecret(stdout io.Writer, d sheet.Document, sheets []*sheet.Sheet) error {
	return f.save(stdout, d, sheets, 0o600)
}

func (f *pdfFile) save(stdout io.Writer, d sheet.Document, sheets []*sheet.Sheet, perm fs.FileMode) error {
	var b bytes.Buffer
	if err := sheet.WritePDF(&b, d, sheets); err != nil {
		return err
	}
	switch {
	case f.output == "-":
		_, err := terminal.Raw(stdout).Write(b.Bytes())
		return err
	case f.force:
		return atomicfile.Replace(f.output, b.Bytes(), perm)
	}
	return atomicfile.Create(f.output, b.Bytes(), perm)
}
