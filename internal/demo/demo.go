// Package demo is stationd demo: a whole station on any computer. The station is this
// program in a process of its own with a real outbox; its far ends are simulated: a
// person's hand and eyes, a scanner, a network cable and the plant.
//
// The tests of the running program use the same Box.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/exit"
	"stationd/internal/plant"
)

// stationListen is where the station's own page is in the demo, if it is free.
const stationListen = "127.0.0.1:8420"

func Command() *cobra.Command {
	var listen, keep string
	var shift bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run a whole station and its plant on this computer, without hardware",
		Long: `demo puts a station in a box: buttons, lamps and a scanner on a page of your
browser, a real stationd with its outbox on disk, a simulated plant of both vendors,
and a network cable and a power switch between your fingers.

With --shift nobody has to press anything: an operator's quarter of an hour is played
in well under a minute, with everything that goes wrong on a floor, and what the
operator did is laid beside what the plant saw. It exits with 1 when the two differ.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			binary, err := os.Executable()
			if err != nil {
				return exit.Wrap(err)
			}
			dir, clear, err := boxFolder(keep)
			if err != nil {
				return exit.Wrap(err)
			}
			defer clear()
			setting := BoxSetting{Dir: dir, Command: []string{binary}, Plant: plant.Demo()}
			if shift {
				return exit.Wrap(PlayShift(c.Context(), setting, c.OutOrStdout()))
			}
			return exit.Wrap(runDemo(c.Context(), setting, listen, c.OutOrStdout()))
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8421", "where the demo's page listens, on this computer alone; port 0 is any free one")
	c.Flags().StringVar(&keep, "keep", "", "an empty or new folder for all files, which stays afterwards")
	c.Flags().BoolVar(&shift, "shift", false, "play a shift without a browser and compare")
	c.MarkFlagsMutuallyExclusive("listen", "shift")
	return c
}

// boxFolder returns the folder for a box and how to clear it away afterwards.
func boxFolder(keep string) (dir string, clear func(), err error) {
	if keep == "" {
		if dir, err = os.MkdirTemp("", "stationd-demo-"); err != nil {
			return "", nil, err
		}
		return dir, func() { _ = os.RemoveAll(dir) }, nil // it is a folder for passing things
	}
	if dir, err = filepath.Abs(keep); err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, err
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		return "", nil, err
	}
	if len(found) > 0 {
		return "", nil, fmt.Errorf("folder %s is not empty; name an empty or a new one", dir)
	}
	return dir, func() {}, nil
}

// runDemo runs the box and its page until ctx is done.
func runDemo(ctx context.Context, setting BoxSetting, listen string, out io.Writer) (err error) {
	listener, err := listenHere(ctx, listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	if setting.Page, err = freeAddress(ctx, stationListen); err != nil {
		return err
	}
	b, err := OpenBox(ctx, setting)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := b.Power(ctx, true); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) } // the demo goes on without a reader
	say(demoWelcome, "http://"+listener.Addr().String()+"/")
	if err := serveDemo(ctx, b, listener); err != nil {
		return err
	}
	say("\nStopped cleanly.\n")
	return nil
}

const demoWelcome = `A whole station and its plant are running on this computer:

    %s

Try this:
  1. Press maintenance. The red lamp lights, and at the plant a dispatch is open.
  2. Pull the network cable, press material, scan a few parts: slow lamps, and nothing is lost.
  3. Pull the plug of the station, switch it on again, put the cable back: each arrives once.
  4. Lose an answer, then scan a part: the station looks before it sends anything twice.
  5. Scan a label that nobody knows, and hold maintenance for two seconds to close the call.

Ctrl-C ends it.
`

// listenHere listens for the demo's page. Whoever reaches it presses the buttons,
// so it listens for this computer alone.
func listenHere(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("--listen %s: %w; write it as 127.0.0.1:8421", address, err))
	}
	if ip := net.ParseIP(host); host == "" {
		address = "127.0.0.1" + address
	} else if host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, exit.With(exit.Usage, fmt.Errorf("--listen %s: the demo is for this computer alone; write it as 127.0.0.1:8421", address))
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("the demo's page: %w; name another port, as --listen 127.0.0.1:0", err)
	}
	return listener, nil
}

// freeAddress returns the address that is wanted if nobody listens there, and
// otherwise one with any free port.
func freeAddress(ctx context.Context, wanted string) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", wanted)
	if err != nil {
		if listener, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
			return "", fmt.Errorf("the station's page: %w", err)
		}
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// serveDemo serves the demo's page until ctx is done.
func serveDemo(ctx context.Context, b *Box, listener net.Listener) error {
	server := &http.Server{
		Handler:           NewPage(b).Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); ctx.Err() == nil {
		return fmt.Errorf("the demo's page: %w", err)
	}
	return nil
}
