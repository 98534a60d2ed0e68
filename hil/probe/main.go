//go:build linux

// Probe stands in for stationd when the rig tests itself: the simplest program
// that touches everything the emulated board has. It is started as stationd is;
// its configuration is the URL it asks.
//
// A contact closed on GPIO17 lights the lamp on GPIO22. The lamps on GPIO23,
// GPIO24 and GPIO25 blink slowly, blink quickly and are lit. Each scanned line is
// printed, and added to two files on the card, of which only the first is synced.
// Scanning "get" asks the URL. It says READY=1 to nobody, so that no watchdog waits
// for it.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/driver/driverreg"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/host/v3/gpioioctl"
)

const (
	scanner  = "/dev/ttyUSB0"
	synced   = "/var/lib/stationd/synced"
	unsynced = "/var/lib/stationd/unsynced"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("probe: ")
	log.SetOutput(os.Stdout)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	if os.Args[1] != "run" {
		return nil // what follows it has nothing to do
	}
	flags := flag.NewFlagSet("probe", flag.ContinueOnError)
	config := flags.String("config", "", "file that holds the URL")
	if err := flags.Parse(os.Args[2:]); err != nil {
		return err
	}
	url, err := os.ReadFile(*config)
	if err != nil {
		return err
	}
	kept, err := os.ReadFile(synced)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := driverreg.Init(); err != nil {
		return err
	}
	if len(gpioioctl.Chips) != 1 {
		return fmt.Errorf("%d GPIO chips, one expected", len(gpioioctl.Chips))
	}
	chip := gpioioctl.Chips[0]
	log.Printf("chip %s, kept %d scans", chip.Label(), strings.Count(string(kept), "\n"))

	failed := make(chan error)
	go func() { failed <- lightWhilePressed(chip, "GPIO17", "GPIO22") }()
	go func() { failed <- blink(chip, "GPIO23", time.Second) }()
	go func() { failed <- blink(chip, "GPIO24", 200*time.Millisecond) }()
	go func() { failed <- scans(strings.TrimSpace(string(url))) }()
	if err := chip.ByName("GPIO25").Out(gpio.High); err != nil {
		return err
	}
	return <-failed
}

// lightWhilePressed lights the lamp while the button is closed.
func lightWhilePressed(chip *gpioioctl.GPIOChip, button, lamp string) error {
	buttons, err := chip.LineSet(gpioioctl.LineInput, gpio.BothEdges, gpio.PullUp, button)
	if err != nil {
		return err
	}
	out := chip.ByName(lamp)
	if err := out.Out(gpio.Low); err != nil {
		return err
	}
	log.Print("watching")
	for {
		_, edge, err := buttons.WaitForEdge(time.Minute)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			return err
		}
		if err := out.Out(edge == gpio.FallingEdge); err != nil {
			return err
		}
	}
}

func blink(chip *gpioioctl.GPIOChip, lamp string, half time.Duration) error {
	out := chip.ByName(lamp)
	for level := gpio.High; ; level = !level {
		if err := out.Out(level); err != nil {
			return err
		}
		<-time.After(half)
	}
}

// scans reads the scanner whenever it is there.
func scans(url string) error {
	for {
		f, err := os.OpenFile(scanner, os.O_RDWR|unix.O_NOCTTY, 0)
		if err != nil {
			<-time.After(50 * time.Millisecond)
			continue
		}
		if err := raw(f); err != nil {
			log.Print("scanner: ", err)
		}
		log.Print("scanner plugged in")
		in := bufio.NewScanner(f)
		for in.Scan() {
			if err := scan(in.Text(), url); err != nil {
				return err
			}
		}
		log.Print("scanner gone: ", in.Err())
		f.Close()
	}
}

func scan(code, url string) error {
	if err := appendCode(synced, code, true); err != nil {
		return err
	}
	if err := appendCode(unsynced, code, false); err != nil {
		return err
	}
	log.Printf("scanned %q", code)
	if code == "get" {
		log.Print(get(url))
	}
	return nil
}

func appendCode(path, code string, sync bool) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, code); err != nil || !sync {
		return err
	}
	return f.Sync()
}

func get(url string) string {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return "no answer: " + err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "half an answer: " + err.Error()
	}
	return fmt.Sprintf("answered %d %s", resp.StatusCode, body)
}

// raw sets the port to 9600 8N1 without the terminal's own editing and echo.
func raw(f *os.File) error {
	t, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B9600
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, t)
}
