package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"stationd/internal/station"
)

// This file has the stations that relays refuse because a person said so: one that was stolen,
// or that somebody took home. The relay that leads is told, and writes it into the engine; a
// relay takes nothing before it has read there whom it is to refuse, and reads it again each time
// that it renews its lease. An engine that loses its disk is told again by whichever relay has known it.
//
//	sd.revoke.PERSON.ASK    {"v":1,"station":"pack4-1"}
//	sd.done.PERSON.ASK      as the answer to a question
const (
	revokeSubject = "sd.revoke."
	doneSubject   = "sd.done."

	revokedBucket = "sd-revoked"
	revokedKey    = "stations"
	mostRevoked   = 1000
)

// A revokeQuestion asks for a station to be refused.
type revokeQuestion struct {
	Version int    `json:"v"`
	Station string `json:"station"`
	Allow   bool   `json:"allow,omitempty"` // the other way round
}

// A Revocation says who had a station refused, and when.
type Revocation struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// bucketFor returns a bucket of the engine, and makes it where there is none.
func (r *Relay) bucketFor(config *nats.KeyValueConfig) (nats.KeyValue, error) {
	js, err := r.conn.JetStream(nats.MaxWait(min(r.Lease/leaseTries, beat)))
	if err != nil {
		return nil, err
	}
	kv, err := js.KeyValue(config.Bucket)
	if errors.Is(err, nats.ErrBucketNotFound) {
		config.History, config.Replicas = 1, r.Replicas
		kv, err = js.CreateKeyValue(config)
	}
	return kv, err
}

// readRevoked reads which stations are refused, and has the engine keep what stations say.
// What the engine has lost is written again.
func (r *Relay) readRevoked() (nats.KeyValue, error) {
	if _, err := r.bucketFor(&nats.KeyValueConfig{Bucket: statusBucket, Description: "what stations said last", TTL: statusKept, MaxValueSize: mostStatus}); err != nil {
		return nil, err
	}
	kv, err := r.bucketFor(&nats.KeyValueConfig{Bucket: revokedBucket, Description: "stations that relays refuse"})
	if err != nil {
		return nil, err
	}
	all, revision, err := revokedFrom(kv)
	if err != nil {
		return nil, err
	}
	r.revokedAt = revision
	if known := r.Revoked(); revision == 0 && len(known) > 0 {
		return kv, r.writeRevoked(kv, known)
	} else if revision > 0 {
		r.mu.Lock()
		r.revoked = all
		r.mu.Unlock()
	}
	return kv, nil
}

// renewRevoked reads it again: what another relay has written last is known here soon.
func (r *Relay) renewRevoked() {
	if _, err := r.readRevoked(); err != nil {
		r.Log.Debug("which stations are refused cannot be read", "error", err)
	}
}

// revokedFrom reads which stations are refused; revision is 0 where nothing is written.
func revokedFrom(kv nats.KeyValue) (all map[string]Revocation, revision uint64, err error) {
	e, err := kv.Get(revokedKey)
	switch {
	case errors.Is(err, nats.ErrKeyNotFound):
		return nil, 0, nil
	case err != nil:
		return nil, 0, err
	}
	if err := json.Unmarshal(e.Value(), &all); err != nil {
		return nil, 0, fmt.Errorf("the bucket %s cannot be read: %w", revokedBucket, err)
	}
	return all, e.Revision(), nil
}

// revokedIn is revokedFrom where there may be no bucket yet.
func revokedIn(js nats.JetStreamContext) (map[string]Revocation, uint64, error) {
	kv, err := js.KeyValue(revokedBucket)
	switch {
	case errors.Is(err, nats.ErrBucketNotFound):
		return nil, 0, nil
	case err != nil:
		return nil, 0, err
	}
	return revokedFrom(kv)
}

// Revoked returns which stations are refused, as this relay knows it.
func (r *Relay) Revoked() map[string]Revocation {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[string]Revocation, len(r.revoked))
	maps.Copy(all, r.revoked)
	return all
}

// writeRevoked writes which stations are refused, in place of what was read last.
func (r *Relay) writeRevoked(kv nats.KeyValue, all map[string]Revocation) error {
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	revision, err := kv.Update(revokedKey, text, r.revokedAt)
	if err != nil {
		return err
	}
	r.revokedAt = revision
	r.mu.Lock()
	defer r.mu.Unlock()
	r.revoked = all
	return nil
}

// revoke takes up that a station is to be refused, or no longer, and answers.
func (r *Relay) revoke(m *nats.Msg) {
	part := strings.Split(m.Subject, ".") // sd.revoke.PERSON.ASK
	if len(part) != 4 || m.Reply != doneSubject+part[2]+"."+part[3] {
		return
	}
	a := told{Version: Version, Status: http.StatusOK}
	if err := r.setRevoked(part[2], m.Data); err != nil {
		a.Status, a.Body = http.StatusConflict, "nothing was done: "+err.Error()
	} else if !r.Leads() { // whoever leads now may have read the list before
		a.Status, a.Body = http.StatusConflict, "it is written down, and another relay takes over, which may not know it yet: ask again"
	}
	text, err := json.Marshal(a)
	if err == nil {
		err = r.conn.Publish(m.Reply, text)
	}
	if err != nil {
		r.Log.Warn("a person is not answered", "person", part[2], "error", err)
	}
}

// setRevoked changes which stations are refused. An error says that nothing was done.
func (r *Relay) setRevoked(person string, text []byte) error {
	var q revokeQuestion
	if !r.Leads() { // it stood still, and what it was asked may be long over
		return errors.New("this relay does not lead any more: ask again")
	}
	if len(text) > mostAnnouncement || json.Unmarshal(text, &q) != nil {
		return errors.New("the relay cannot read it")
	}
	if q.Version < Least || q.Version > Version {
		return fmt.Errorf("the relay understands the versions %d to %d, and this is %d: update the older", Least, Version, q.Version)
	}
	if why := CheckName(q.Station); why != "" {
		return fmt.Errorf("the name %q %s", station.OneLine(q.Station, 64), why)
	}
	kv, err := r.readRevoked()
	if err != nil {
		return fmt.Errorf("the engine does not have it written down: %w", err)
	}
	all := r.Revoked()
	_, was := all[q.Station]
	switch {
	case q.Allow == !was:
		return nil // it is so
	case q.Allow:
		delete(all, q.Station)
	case len(all) >= mostRevoked:
		return fmt.Errorf("%d stations are refused, and no more can be: take their users out of the engine", len(all))
	default:
		all[q.Station] = Revocation{By: person, At: time.Now().UTC().Truncate(time.Second)}
	}
	if err := r.writeRevoked(kv, all); err != nil {
		return fmt.Errorf("the engine does not have it written down: %w", err)
	}
	r.Log.Warn("a person changed which stations are refused", "person", person, "station", q.Station, "refused", !q.Allow)
	return nil
}

// refuses is why a station is refused altogether; "" where it is not.
func (r *Relay) refuses(name string) string {
	r.mu.Lock()
	by, revoked := r.revoked[name]
	r.mu.Unlock()
	if !revoked {
		return ""
	}
	return fmt.Sprintf("%s had the station refused at %s (stationd fleet revoke --undo)", by.By, by.At.Format(time.RFC3339))
}
