//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/systemd"
)

const (
	restartAfter = time.Second
	stopWithin   = 60 * time.Second
	watchdog     = 30 * time.Second // the unit's WatchdogSec=
	afterwards   = 10 * time.Second // that the unit's ExecStopPost= may take here
)

// A program is kept running as stationd's unit keeps it: ended when it does not say
// that it makes progress, followed by another program whenever it has ended, and
// started again a second after that, unless it was stopped by order or its exit code
// says that starting again is useless (RestartPreventExitStatus=78).
type program struct {
	command, after []string
	manager        *systemd.Manager
	starts         chan struct{}
	stops          chan chan<- string
	says           chan said
}

// said is a line that a process said to its service manager.
type said struct {
	pid  int
	line string
}

func newProgram(manager *systemd.Manager, command, after []string) *program {
	return &program{
		command: command, after: after, manager: manager,
		starts: make(chan struct{}), stops: make(chan chan<- string), says: make(chan said),
	}
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
		silent  <-chan time.Time
	)
	go func() {
		err := p.manager.Run(context.Background(), func(pid int, line string) { p.says <- said{pid, line} })
		fmt.Println("hil: the service manager's socket:", err)
	}()
	begin := func() {
		again = nil
		if running != nil {
			return
		}
		cmd := exec.Command(p.command[0], p.command[1:]...)
		cmd.Env = append(environment(), p.manager.Environ(watchdog)...)
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
		case s := <-p.says:
			switch {
			case running == nil || s.pid != running.Process.Pid:
			case s.line == "READY=1" || s.line == "WATCHDOG=1":
				silent = time.After(watchdog)
			case s.line == "STOPPING=1":
				silent = nil
			}
		case <-silent:
			fmt.Println("hil: the watchdog ends the program")
			silent = nil
			_ = running.Process.Signal(unix.SIGABRT) // an error means that it has just ended
		case err := <-exited:
			running, silent = nil, nil
			how := ending(err)
			fmt.Println("hil: program ended:", how)
			p.followed()
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

// followed runs what follows the program, as the unit's ExecStopPost= does.
func (p *program) followed() {
	ctx, cancel := context.WithTimeout(context.Background(), afterwards)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.after[0], p.after[1:]...)
	cmd.Env = environment()
	out, err := cmd.CombinedOutput()
	fmt.Printf("hil: program followed: %v %s\n", err, out)
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
	return errors.As(err, &exit) && exit.ExitCode() == 78
}
