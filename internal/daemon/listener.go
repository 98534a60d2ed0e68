package daemon

import "context"

// A server answers on a port or a socket until ctx is done.
type server interface {
	Run(ctx context.Context) error
}

// A listener is a part that has to be opened before it runs, and whose place another
// program may have taken: the page, the control socket. The station goes on without it,
// and says so.
type listener struct {
	part   string // as faults call it
	faults *faults
	open   func() (server, error)
	server server // that is open and does not run yet; nil: it could not be opened
}

// newListener returns a part that has been opened, where that was possible.
func newListener(part string, faults *faults, open func() (server, error)) *listener {
	l := &listener{part: part, faults: faults, open: open}
	l.tryOpen()
	return l
}

// tryOpen opens the part, or says what keeps it from being open.
func (l *listener) tryOpen() {
	s, err := l.open()
	if err != nil {
		l.server = nil
		l.faults.set(l.part, err.Error())
		return
	}
	l.server = s
	l.faults.set(l.part, "")
}

// run answers until ctx is done. Where the part is not open, or is open no more, it is
// tried again every second.
func (l *listener) run(ctx context.Context) error {
	for {
		if l.server != nil {
			err := l.server.Run(ctx)
			l.server = nil
			if ctx.Err() != nil {
				return err
			}
			if err != nil {
				l.faults.set(l.part, err.Error())
			}
		}
		if !wait(ctx, retryEvery) {
			return nil
		}
		l.tryOpen()
	}
}
