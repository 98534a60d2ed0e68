package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"stationd/internal/station"
)

// This file decides which of several relays leads. The lease is one key in the engine, which
// forgets it a lease after it was written last. Whoever writes it anew leads until a lease
// after the moment at which the last write that succeeded was begun, by its own clock, and
// begins nothing after that.
//
// An engine that loses its disk forgets the lease while its holder still leads. Whoever wins
// therefore stays quiet for a whole lease before it announces itself: by then the other has
// failed to renew, or has come to its end.

const (
	leaseBucket = "sd-lease"
	leaseKey    = "lead"

	// LeaseLeast is the shortest lease that is accepted.
	LeaseLeast = 2 * time.Second

	// leaseTries is how often a lease is renewed in its time.
	leaseTries = 3
)

// A lease is the engine's key, as a relay writes it.
type lease struct {
	js       nats.JetStreamContext
	bucket   string
	holder   string
	wait     time.Duration // how long the engine may take
	revision uint64        // of what was written last; 0: nothing stands there
}

// openLease returns the engine's key of the lease, and makes its bucket where there is none.
func (r *Relay) openLease() (*lease, error) {
	l := &lease{bucket: r.bucketName, holder: r.Name, wait: min(r.Lease/leaseTries, beat)}
	var err error
	if l.js, err = r.conn.JetStream(nats.MaxWait(l.wait)); err != nil {
		return nil, err
	}
	kv, err := l.js.KeyValue(l.bucket)
	if errors.Is(err, nats.ErrBucketNotFound) {
		kv, err = l.js.CreateKeyValue(&nats.KeyValueConfig{
			Bucket: l.bucket, Description: "which relay leads", TTL: r.Lease, History: 1, Replicas: r.Replicas, MaxValueSize: 256,
		})
	}
	if err != nil {
		return nil, err
	}
	status, err := kv.Status()
	if err != nil {
		return nil, err
	}
	if status.TTL() != r.Lease {
		return nil, fmt.Errorf("the engine keeps a lease for %v, and lease here is %v: all relays need the same; to change it stop all and delete the bucket %s", status.TTL(), r.Lease, r.bucketName)
	}
	return l, nil
}

// checkReplicas is an error where the engine keeps what relays need on fewer nodes than it is to:
// it had fewer when that was made. A relay does not change it: a node that is lost in that moment
// was seen to leave the lease without any that answers.
func (r *Relay) checkReplicas(l *lease) error {
	for _, bucket := range []string{l.bucket, revokedBucket, statusBucket} {
		info, err := l.js.StreamInfo("KV_" + bucket)
		if err != nil {
			return err
		}
		if info.Config.Replicas < r.Replicas {
			return fmt.Errorf("the engine keeps %s on %d of its nodes, and replicas is %d: nats stream edit KV_%s --replicas=%d", bucket, info.Config.Replicas, r.Replicas, bucket, r.Replicas)
		}
	}
	return nil
}

func (l *lease) subject() string { return "$KV." + l.bucket + "." + leaseKey }

// write writes the lease where nobody else has since it was written last, also after the end
// of ctx: a relay that is being stopped still finishes what is under way.
func (l *lease) write(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.wait)
	defer cancel()
	ack, err := l.js.Publish(l.subject(), []byte(l.holder), nats.ExpectLastSequencePerSubject(l.revision), nats.Context(ctx))
	if err == nil {
		l.revision = ack.Sequence
	}
	return err
}

// giveUp removes what was written last.
func (l *lease) giveUp() error {
	return l.js.PurgeStream("KV_"+l.bucket, &nats.StreamPurgeRequest{Subject: l.subject(), Sequence: l.revision + 1})
}

// Run takes the lease where it is free, and leads while it has it, until ctx is done. Then it
// takes nothing more, waits up to a minute for what is under way, and gives the lease up.
func (r *Relay) Run(ctx context.Context) error {
	said := ""
	for ctx.Err() == nil {
		began := time.Now()
		l, err := r.openLease()
		if err == nil {
			err = l.write(ctx)
		}
		if err == nil {
			said = ""
			r.lead(ctx, l, began)
			continue
		}
		if text := err.Error(); text != said && !taken(err) {
			said = text
			r.Log.Warn("the lease cannot be asked for", "error", err)
		}
		if taken(err) { // another leads: what it knows is known here too
			r.renewRevoked()
		}
		wait := time.NewTimer(r.Lease / leaseTries)
		select {
		case <-ctx.Done():
		case <-wait.C:
		}
		wait.Stop()
	}
	r.dismiss("it is being stopped", true)
	return nil
}

// lead leads for one term: it renews the lease, announces itself, and takes asks.
func (r *Relay) lead(ctx context.Context, l *lease, began time.Time) {
	t := r.newTerm(ctx, nil, began, began.Add(r.Lease))
	defer func() { r.resign(t) }()
	r.Log.Info("this relay has the lease, and leads after one more lease", "term", t.id, "lease", r.Lease)
	every := time.NewTicker(min(beat, r.Lease/leaseTries))
	defer every.Stop()
	quiet, renewed := began.Add(r.Lease), began
	var asks, revokes *nats.Subscription
	revocations := make(chan *nats.Msg, mostQuestions)
	defer func() {
		for _, of := range []*nats.Subscription{asks, revokes} {
			if of != nil {
				_ = of.Unsubscribe() // of a term that is over nobody asks
			}
		}
	}()
	var stop time.Time // zero: it goes on
	unread := ""       // why it is not known which stations are refused, as the log has it
	stopping := ctx.Done()
	for {
		select {
		case <-stopping:
			stop, stopping = time.Now().Add(stopTime), nil
			if asks != nil {
				if err := asks.Unsubscribe(); err != nil {
					r.Log.Warn("the engine may still send asks", "error", err)
				}
			}
			r.dismiss("it is being stopped", true)
		case m := <-revocations: // here, so that none is read and changed at once
			r.revoke(m)
		case <-every.C:
		}
		now := time.Now()
		if now.Sub(renewed) >= r.Lease/leaseTries {
			switch err := l.write(ctx); {
			case err == nil:
				renewed = now
				r.mu.Lock()
				t.until = now.Add(r.Lease)
				r.mu.Unlock()
				if asks != nil {
					r.renewRevoked()
				}
			case lostLease(err):
				r.Log.Warn("the lease is another's, or the engine has lost it", "error", err)
				return
			default:
				r.Log.Warn("the lease could not be renewed", "error", err)
			}
		}
		r.mu.Lock()
		over := !time.Now().Before(t.until)
		r.mu.Unlock()
		switch {
		case over:
			r.Log.Warn("the lease has run out")
			return
		case !stop.IsZero() && (!r.busy() || now.After(stop)):
			if err := l.giveUp(); err != nil {
				r.Log.Warn("the lease could not be given up; it ends by itself", "error", err)
			}
			return
		case now.Before(quiet):
			continue
		}
		if r.cut.Load() && r.conn.IsConnected() && stop.IsZero() {
			// Answers may be lost, and those who wait for them hear of it by a new term.
			r.cut.Store(false)
			if asks != nil {
				_ = asks.Unsubscribe() // it hears nothing any more: nobody knows the new term yet
				asks = nil
			}
			before := t
			r.mu.Lock()
			until := t.until
			r.mu.Unlock()
			t = r.newTerm(ctx, firstOf(before), time.Now(), until)
			r.end(before)
		}
		if asks == nil && stop.IsZero() {
			if _, err := r.readRevoked(); err != nil {
				if err.Error() != unread {
					unread = err.Error()
					r.Log.Warn("which stations are refused cannot be read: nothing is taken yet", "error", err)
				}
				continue
			}
			if err := r.checkReplicas(l); err != nil {
				r.Log.Warn("nobody leads where the engine loses a node", "error", err)
			}
			var err error
			of := t
			if revokes == nil {
				if revokes, err = r.conn.ChanSubscribe(revokeSubject+"*.*", revocations); err != nil {
					r.Log.Warn("persons cannot have stations refused", "error", err)
				}
			}
			if asks, err = r.conn.Subscribe(askSubject(t.id, "*", "*", "*"), func(m *nats.Msg) { r.receive(of, m) }); err != nil {
				r.Log.Warn("asks cannot be taken", "error", err)
				return
			}
			r.Log.Info("this relay leads", "term", t.id)
		}
		r.reap()
		r.announce(t)
	}
}

// taken reports whether an error of writing the lease says that another has it.
func taken(err error) bool {
	refused, is := errors.AsType[*nats.APIError](err)
	return is && refused.ErrorCode == nats.JSErrCodeStreamWrongLastSequence
}

// lostLease reports whether an error of renewing says that the lease is not ours any more.
func lostLease(err error) bool {
	refused, is := errors.AsType[*nats.APIError](err)
	return is && refused.ErrorCode != 0 && refused.Code != 503
}

// newTerm begins a term. first is that in which this relay took the lease; nil: it does now.
func (r *Relay) newTerm(ctx context.Context, first *term, began, until time.Time) *term {
	r.counted.term()
	t := &term{id: string(station.NewID()), first: first, began: began, until: until, context: context.WithoutCancel(ctx)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = t
	return t
}

// end ends a term: nothing more is begun in it.
func (r *Relay) end(t *term) {
	r.mu.Lock()
	t.until = time.Time{}
	r.mu.Unlock()
}

// resign ends a term, and this relay does not lead any more.
func (r *Relay) resign(t *term) {
	r.end(t)
	r.mu.Lock()
	r.current = nil
	r.mu.Unlock()
	r.dismiss("it does not lead any more", false)
}

func (r *Relay) announce(t *term) {
	text, err := json.Marshal(announcement{Version: r.version, Least: r.oldest, Term: t.id, Tick: t.tick(), Relay: r.Name})
	if err == nil {
		err = r.conn.Publish(leadSubject, text)
	}
	if err != nil {
		r.Log.Debug("the relay could not announce itself", "error", err)
	}
}
