// Package dump is the command stationd dump: it puts everything that somebody elsewhere needs
// to know about a station into one file, without its keys.
package dump

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/atomicfile"
	"stationd/internal/config"
	"stationd/internal/doctor"
	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/station"
	"stationd/internal/terminal"
	"stationd/internal/version"
)

// partLimit is how long one part may take.
const partLimit = 90 * time.Second

// Command returns stationd dump. Its error carries an exit code.
func Command() *cobra.Command {
	var path, output string
	var asJSON bool
	c := &cobra.Command{
		Use:   "dump",
		Short: "Write one file for support, without keys",
		Long: `dump writes one file, NAME.tar.gz, for whoever helps from elsewhere: versions, the
configuration without keys and remarks, what doctor finds, the state, what waits and is on
hold, the last lines of the log, the metrics, the history of a day, and how the computer is.
It holds what was scanned, and names; no key, however it is spelled.

It works beside a running station and without one. Run it as root, or as a member of the
group stationd, who gets less: the file says what is missing and why. It can be read by
whoever wrote it and nobody else, and has a few megabytes at most.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			d := collect(c.Context(), path, time.Now(), func(p part) {
				if !asJSON {
					fmt.Fprintln(c.ErrOrStderr(), terminal.Visible(p.line()))
				}
			})
			text, err := d.archive()
			if err != nil {
				return exit.Wrap(err)
			}
			if output == "-" {
				_, err := terminal.Raw(c.OutOrStdout()).Write(text)
				return exit.Wrap(err)
			}
			file := cmp.Or(output, d.name+".tar.gz")
			if err := atomicfile.Create(file, text, 0o600); err != nil {
				if errors.Is(err, os.ErrExist) {
					err = fmt.Errorf("%s is there already: name another file with -o", file)
				}
				return exit.Wrap(err)
			}
			if asJSON {
				return exit.Wrap(terminal.WriteJSON(c.OutOrStdout(), map[string]any{"file": file, "bytes": len(text), "parts": d.parts}))
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: %d kB\n", file, (len(text)+1023)/1024)
			return nil
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().StringVarP(&output, "output", "o", "", "the file to write, which must not be there; - is the standard output (default stationd-dump-STATION-TIME.tar.gz)")
	c.Flags().BoolVar(&asJSON, "json", false, "say as JSON what was written and what is missing")
	return c
}

// A part is one file of the archive, or what there is instead.
type part struct {
	Name    string `json:"name"`
	What    string `json:"what"`              // it is
	Bytes   int    `json:"bytes"`             // of its text
	Missing string `json:"missing,omitempty"` // why there is none, or not all of it

	text []byte
}

func (p part) line() string {
	if p.Missing != "" && p.Bytes == 0 {
		return fmt.Sprintf("%-18s  not there: %s", p.Name, p.Missing)
	}
	if p.Missing != "" {
		return fmt.Sprintf("%-18s  %s (%s)", p.Name, p.What, p.Missing)
	}
	return fmt.Sprintf("%-18s  %s", p.Name, p.What)
}

// A dump is what was collected.
type dump struct {
	name  string // of the archive, and of the folder in it
	at    time.Time
	parts []part
}

// A source collects one part. What it returns beside an error is kept.
type source struct {
	name, what string
	most       int // bytes of it; of a longer one the end stays
	read       func(ctx context.Context, w io.Writer) error
}

// collect collects every part, and tells of each.
func collect(ctx context.Context, path string, now time.Time, tell func(part)) *dump {
	var s stationReader
	s.find(ctx, path)
	hide := doctor.KeysOf(s.plan)
	d := &dump{at: now, name: fmt.Sprintf("stationd-dump-%s-%s", fileName(s.plan.Station.Name), now.UTC().Format("20060102T150405Z"))}
	for _, source := range s.sources(path, now) {
		own, cancel := context.WithTimeout(ctx, partLimit)
		p := source.collect(own)
		cancel()
		for _, hidden := range hide {
			p.text = []byte(hidden.Redact(string(p.text)))
			p.Missing = hidden.Redact(p.Missing)
		}
		p.Bytes = len(p.text)
		d.parts = append(d.parts, p)
		tell(p)
	}
	return d
}

// collect collects a part.
func (s source) collect(ctx context.Context) part {
	p := part{Name: s.name, What: s.what}
	out := tail{most: s.most}
	if err := s.read(ctx, &out); err != nil {
		p.Missing = station.OneLine(err.Error(), 0)
	}
	p.text = out.bytes()
	switch {
	case out.cut && p.Missing == "":
		p.Missing = fmt.Sprintf("the last %d kB of it", s.most>>10)
	case len(p.text) == 0 && p.Missing == "":
		p.Missing = "there is none"
	}
	return p
}

// fileName makes a station's name one of a file.
func fileName(name string) string {
	return cmp.Or(regexp.MustCompile(`[^\pL\pN_-]+`).ReplaceAllString(name, "-"), "station")
}

// archive returns the tar file.
func (d *dump) archive() ([]byte, error) {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	files := tar.NewWriter(zip)
	for _, p := range append(slices.Clone(d.parts), d.contents()) {
		if len(p.text) == 0 {
			continue
		}
		err := files.WriteHeader(&tar.Header{Name: d.name + "/" + p.Name, Mode: 0o600, Size: int64(len(p.text)), ModTime: d.at})
		if err == nil {
			_, err = files.Write(p.text)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := errors.Join(files.Close(), zip.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// contents is the part that says what the others are.
func (d *dump) contents() part {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s, of %s\n\n", d.name, d.at.Format(time.RFC1123Z))
	t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, p := range d.parts {
		missing := p.Missing
		if missing != "" && p.Bytes == 0 {
			missing = "not there: " + missing
		}
		fmt.Fprintf(t, "%s\t%d bytes\t%s\t%s\n", p.Name, p.Bytes, p.What, missing)
	}
	_ = t.Flush() // it writes to memory
	return part{Name: "CONTENTS.txt", text: text.Bytes()}
}

// A tail keeps the end of what is written to it, from the beginning of a line on.
type tail struct {
	most int
	text []byte
	cut  bool
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if len(t.text) > 2*t.most {
		t.shorten()
	}
	return len(p), nil
}

func (t *tail) shorten() {
	if len(t.text) <= t.most {
		return
	}
	rest := t.text[len(t.text)-t.most:]
	if at := bytes.IndexByte(rest, '\n'); at >= 0 {
		rest = rest[at+1:]
	}
	t.text, t.cut = append([]byte(nil), rest...), true
}

func (t *tail) bytes() []byte {
	t.shorten()
	return t.text
}

// versions says which program this is, and which runs.
func versions(s *stationReader) func(context.Context, io.Writer) error {
	return func(_ context.Context, w io.Writer) error {
		commit, made := version.Commit()
		all := map[string]string{"stationd": version.Current(), "commit": commit, "date": made, "running": "not running"}
		if s.running {
			all["running"] = s.snapshot.Version
		}
		return terminal.WriteJSON(w, all)
	}
}

// configuration is a file of the configuration without what nobody must see.
func configuration(path string) func(context.Context, io.Writer) error {
	return func(_ context.Context, w io.Writer) error {
		text, err := os.ReadFile(path)
		if err == nil {
			_, err = w.Write(config.Public(text))
		}
		return err
	}
}
