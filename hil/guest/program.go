//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

const (
	restartAfter = time.Second
	stopWithin   = 60 * time.Second
)

// A program is kept running as stationd's unit keeps it: started again a second
// after it ends, unless it was stopped by order or its exit code says that
// starting again is useless (RestartPreventExitStatus=2 78).
type program struct {
	command []string
	starts  chan struct{}
	stops   chan chan<- string
}

func newProgram(command ...string) *program {
	return &program{command: command, starts: make(chan struct{}), stops: make(chan chan<- string)}
}

// start starts the program unless it runs already.
func (p *program) start() { p.starts <- struct{}{} }

// stop ends the program with SIGTERM, leaves it stopped and returns how it
// ended; "not running" where there was nothing to stop.
func (p *program) stop() (string, error) {
	ended := make(chan string, 1)
	p.stops <- ended
	select {
	case how := <-ended:
		return how, nil
	case <-time.After(stopWithin):
		return "", fmt.Errorf("%s did not end within %v of SIGTERM", p.command[0], stopWithin)
	}
}

// run never returns: it lives as long as the board.
func (p *program) run() {
	var (
		running *exec.Cmd
		exited  = make(chan error)
		again   <-chan time.Time
		asked   []chan<- string // who waits to hear how it ended
	)
	begin := func() {
		again = nil
		if running != nil {
			return
		}
		cmd := exec.Command(p.command[0], p.command[1:]...)
		cmd.Env = environment()
		cmd.Dir = "/"
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
		if err := cmd.Start(); err != nil {
			fmt.Println("hil: program:", err)
			return
		}
		running = cmd
		go func() { exited <- cmd.Wait() }()
	}
	for {
		select {
		case <-p.starts:
			begin()
		case <-again:
			begin()
		case ended := <-p.stops:
			again = nil
			if running == nil {
				ended <- "not running"
				continue
			}
			asked = append(asked, ended)
			_ = running.Process.Signal(unix.SIGTERM) // an error means that it has just ended
		case err := <-exited:
			running = nil
			how := ending(err)
			fmt.Println("hil: program ended:", how)
			if len(asked) == 0 && !final(err) {
				again = time.After(restartAfter)
			}
			for _, ended := range asked {
				ended <- how
			}
			asked = nil
		}
	}
}

func ending(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// final reports whether the unit would leave the program stopped after this end.
func final(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && (exit.ExitCode() == 2 || exit.ExitCode() == 78)
}
