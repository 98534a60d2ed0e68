// Package demo is the command stationd demo: a station and its plant on any computer. The
// station is this program, in a process of its own with a real outbox; what it is connected
// to is simulated: buttons, lamps, a scanner, the network cable and the plant's vendors.
//
// A Simulation is all of that; the tests of the running program use it too. The command shows
// it on a page (Page), or plays a shift with it and compares (PlayShift).
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
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/exit"
	"stationd/internal/plant"
)

// stationListen is the address of the station's own page in the demo, if it is free.
const stationListen = "127.0.0.1:8420"

// Command returns the command demo. Its error carries an exit code.
func Command() *cobra.Command {
	var listen, keep string
	var shift, whole bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run a station and its plant on this computer, without hardware",
		Long: `demo runs a real stationd with its outbox on disk and a simulated plant with both
vendors, and shows a page in your browser with its buttons, lamps, scanner, network cable
and power switch.

With --shift it needs no hands: it plays a quarter of an hour of an operator's work in
less than a minute, with everything that goes wrong on a floor, and compares what the
operator did with what the plant saw. It exits with 1 when the two differ.

With --plant it is a plant of ` + strconv.Itoa(plantStations) + ` stations that reach the vendors by two relays and a NATS
server, which must be installed (Debian's nats-server), and a page with every plug to
pull. --plant and --shift play that.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			binary, err := os.Executable()
			if err != nil {
				return exit.Wrap(err)
			}
			dir, clear, err := simulationFolder(keep)
			if err != nil {
				return exit.Wrap(err)
			}
			defer clear()
			if whole {
				return exit.Wrap(runWholePlant(c.Context(), PlantConfig{Dir: dir, Command: []string{binary}, Plant: plant.Demo(), Stations: plantStations}, listen, shift, c.OutOrStdout()))
			}
			setting := Config{Dir: dir, Command: []string{binary}, Plant: plant.Demo()}
			if shift {
				return exit.Wrap(PlayShift(c.Context(), setting, c.OutOrStdout()))
			}
			return exit.Wrap(runDemo(c.Context(), setting, listen, c.OutOrStdout()))
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8421", "address of the demo's page, on this computer only; port 0 is any free one")
	c.Flags().StringVar(&keep, "keep", "", "an empty or new folder for all files, which is kept")
	c.Flags().BoolVar(&shift, "shift", false, "play a shift without a browser, and compare")
	c.Flags().BoolVar(&whole, "plant", false, "a plant of stations with relays, in place of one station")
	c.MarkFlagsMutuallyExclusive("listen", "shift")
	return c
}

// plantStations is how many stations a simulated plant has.
const plantStations = 20

// runWholePlant runs a plant of stations: its shift, or its page until ctx is done.
func runWholePlant(ctx context.Context, config PlantConfig, listen string, shift bool, out io.Writer) (err error) {
	if config.Engine, err = FindEngine(); err != nil {
		return err
	}
	if shift {
		return PlayPlantShift(ctx, config, out)
	}
	return servePlant(ctx, config, listen, out)
}

// simulationFolder returns the folder for a simulation, and a function that removes it unless
// it is to be kept.
func simulationFolder(keep string) (dir string, clear func(), err error) {
	if keep == "" {
		if dir, err = os.MkdirTemp("", "stationd-demo-"); err != nil {
			return "", nil, err
		}
		return dir, func() { _ = os.RemoveAll(dir) }, nil // a temporary folder
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

// runDemo runs the simulation and its page until ctx is done.
func runDemo(ctx context.Context, setting Config, listen string, out io.Writer) (err error) {
	listener, err := listenLoopback(ctx, listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	if setting.Page, err = freeAddress(ctx, stationListen); err != nil {
		return err
	}
	s, err := Open(ctx, setting)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Power(ctx, true); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) } // the demo goes on without its terminal
	say(welcome, "http://"+listener.Addr().String()+"/")
	if err := serveDemo(ctx, s, listener); err != nil {
		return err
	}
	say("\nStopped cleanly.\n")
	return nil
}

const welcome = `A station and its plant are running on this computer:

    %s

Try this:
  1. Press maintenance: the red lamp lights, the screen shows the call, and at the plant a dispatch is open.
  2. Scan Soup: the screen says what is missing. Scan PO4711, and Soup again.
  3. Pull the network cable, press material and scan Soup twice: the lamps blink slowly, and nothing is lost.
  4. Pull the plug of the station: the screen says so. Switch it on and put the cable back: each arrives once.
  5. Lose the next answer, then scan Soup: the station looks before it sends anything twice.
  6. Scan Carton, which nobody knows, and hold maintenance for two seconds: the call is closed.

Press Ctrl-C to stop.
`

// listenLoopback listens on an address of this computer: whoever reaches the demo's page can
// press its buttons.
func listenLoopback(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("--listen %s: %w; for example 127.0.0.1:8421", address, err))
	}
	if ip := net.ParseIP(host); host == "" {
		address = "127.0.0.1" + address
	} else if host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, exit.With(exit.Usage, fmt.Errorf("--listen %s: the demo listens on this computer only; for example 127.0.0.1:8421", address))
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("the demo's page: %w; choose another port, such as --listen 127.0.0.1:0", err)
	}
	return listener, nil
}

// freeAddress returns the wanted address if it is free, and otherwise one with a free port.
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

// newServer returns a server of the demo's, whose requests end with ctx.
func newServer(ctx context.Context, handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
}

// serveDemo serves the demo's page until ctx is done.
func serveDemo(ctx context.Context, s *Simulation, listener net.Listener) error {
	page := NewPage(s)
	stopScreen, err := page.ShowScreen(ctx)
	if err != nil {
		return err
	}
	defer stopScreen()
	server := newServer(ctx, page.Handler())
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); ctx.Err() == nil {
		return fmt.Errorf("the demo's page: %w", err)
	}
	return nil
}
