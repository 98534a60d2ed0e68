package api

import "context"

// A Guard says why something that changes anything must not be begun now, nil when it may.
// It must not block.
type Guard func() error

// guardKey is the key of a context's Guard.
type guardKey struct{}

// WithGuard returns a context of which the guard is asked before each request that changes
// anything, when it has its turn and a connection: right before it is written. What the
// guard forbids is not sent, and the receipt is Unreached. Reads are not guarded.
func WithGuard(ctx context.Context, g Guard) context.Context {
	return context.WithValue(ctx, guardKey{}, g)
}

// guardOf is the guard that a request of this context has, which forbids nothing where it
// changes nothing.
func guardOf(ctx context.Context, r Request) Guard {
	if g, is := ctx.Value(guardKey{}).(Guard); is && r.changes() {
		return g
	}
	return func() error { return nil }
}
