package relay

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	// fetchKeep is how long what was fetched serves whoever fetches the same. It is
	// shorter than the time between two rounds of a station's watch: what a round reads
	// was read after the round before had begun.
	fetchKeep = 4 * time.Second

	// mostKept is how many bodies are kept at most.
	mostKept = 256
)

// fetched are records that were read not long ago, for all stations.
type fetched struct {
	mu   sync.Mutex // guards kept
	kept map[string]keptBody
}

type keptBody struct {
	body []byte
	at   time.Time // when it was asked for
}

// fetchKey tells what is fetched from everything else.
func (j *job) fetchKey() string {
	return "fetch " + j.backend + " " + j.Question + "?" + j.query().Encode()
}

func (j *job) query() url.Values {
	query := url.Values{}
	for name, value := range j.With {
		query.Set(name, value)
	}
	return query
}

// get returns what was fetched, by another station or for this one, as far as it is within the
// places of the station; nil: wherever it is.
func (f *fetched) get(ctx context.Context, v Vendor, j *job, within func(api.Place) bool) ([]byte, station.Receipt) {
	body, rc := f.whole(ctx, v, j)
	if rc.Outcome != station.Delivered || within == nil {
		return body, rc
	}
	if placing, can := v.Backend.(api.Placing); can {
		if left, ok := placing.Withhold(j.Question, j.query(), body, within); ok {
			return left, rc
		}
	}
	return nil, station.Receipt{Outcome: station.Unreached, Answered: true, Err: fmt.Errorf("the relay does not allow the station %s to read %s/%s there: it takes an [[allow]] with verbs = [%q] and neither lines nor machines in relay.toml: %w, %w",
		j.station, j.backend, j.Question, j.backend+"/"+Watch, station.ErrKey, station.ErrForbidden)}
}

// whole is get of all that there is.
func (f *fetched) whole(ctx context.Context, v Vendor, j *job) ([]byte, station.Receipt) {
	key, now := j.fetchKey(), time.Now()
	f.mu.Lock()
	for old, k := range f.kept {
		if now.Sub(k.at) > fetchKeep {
			delete(f.kept, old)
		}
	}
	k, is := f.kept[key]
	f.mu.Unlock()
	if is {
		return k.body, station.Receipt{Outcome: station.Delivered}
	}
	fetcher, can := v.Backend.(api.Fetcher)
	if !can {
		return nil, station.Receipt{Outcome: station.Unreached, Err: station.ErrMisfit}
	}
	body, rc := fetcher.Fetch(ctx, j.Question, j.query())
	if rc.Outcome == station.Delivered {
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.kept) < mostKept {
			f.kept[key] = keptBody{body, now}
		}
	}
	return body, rc
}
