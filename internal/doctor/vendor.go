package doctor

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"stationd/internal/api"
	"stationd/internal/api/l2l"
	"stationd/internal/api/lagerkoll"
	"stationd/internal/plan"
	"stationd/internal/station"
)

// clockSlack is how far the vendor's clock may be from this one: the Date of a header has
// whole seconds, and was sent a while ago.
const clockSlack = 30 * time.Second

// A vendorChecks builds the checks of one vendor, which run one after the other. Those
// that run later use what the earlier ones found.
type vendorChecks struct {
	name       string // l2l
	url        string
	route      api.Route
	skipReason string // why the vendor cannot be asked; "" while it can
	blocked    bool   // the check of the connection failed
	checks     []check
	backend    station.Backend // nil until its key was read
}

// add adds a check that asks the vendor; it is skipped where the vendor cannot be asked.
func (v *vendorChecks) add(name string, ask func(ctx context.Context) []Finding) {
	v.checks = append(v.checks, check{name, func(ctx context.Context) []Finding {
		if v.skipReason != "" {
			return []Finding{skipped(name, "%s", v.skipReason)}
		}
		return ask(ctx)
	}})
}

// vendorChecks returns the checks of one vendor: its key, the connection, whether it accepts
// the key, and what else can be read there without changing anything.
func (d *doctor) vendorChecks(vendor plan.Vendor) []check {
	if vendor.ByRelay {
		return d.relayChecks(vendor)
	}
	base, route := vendor.Section.Reached()
	v := &vendorChecks{name: vendor.Name, url: base, route: route}
	name := v.name + " key file"
	v.checks = append(v.checks, single(name, func(context.Context) (found Finding) {
		found, key := d.findKey(name, vendor.Section.Secret())
		if key != nil {
			var err error
			v.backend, err = vendor.Section.Open(api.Opening{Log: slog.New(slog.DiscardHandler), Zone: d.plan.Zone, Key: key, Brisk: true})
			if err == nil {
				return found
			}
			found = failed(name, "", "%v", err)
		}
		v.skipReason = "the key cannot be read"
		return found
	}))
	v.addConnection()
	v.add(v.name+" key", v.checkKey)
	switch section := vendor.Section.(type) {
	case *l2l.Section:
		d.addL2L(v, section)
	case *lagerkoll.Section:
		d.addLagerkoll(v, section)
	default:
		v.addWrites("whether it accepts what the bindings name")
	}
	return v.checks
}

// addWrites adds the check of what only a write to the vendor shows; doctor writes nothing.
func (v *vendorChecks) addWrites(unchecked ...string) {
	name := v.name + " writes"
	v.add(name, func(context.Context) []Finding {
		return []Finding{undetermined(name, "cannot be checked without writing: %s", strings.Join(unchecked, "; "))}
	})
}

// checkKey checks that the vendor accepts the key, and its clock.
func (v *vendorChecks) checkKey(ctx context.Context) []Finding {
	prober, ok := v.backend.(station.Prober)
	if !ok {
		return nil
	}
	name := v.name + " key"
	receipt := prober.Probe(ctx)
	switch {
	case errors.Is(receipt.Err, station.ErrKey):
		v.skipReason = "the key is not accepted"
		return []Finding{failed(name, "write the right key into its file, then systemctl reload stationd (restart if it is a credential)", "%v", receipt.Err), v.checkTime()}
	case receipt.Outcome == station.Refused:
		return []Finding{failed(name, "see the next lines; if they do not say why, have the key given the right to read", "accepted, but it may see nothing: %v", receipt.Err), v.checkTime()}
	case receipt.Outcome != station.Delivered:
		v.skipReason = "the vendor was not reached"
		cause := "could not be tried: %v"
		if v.blocked {
			return []Finding{skipped(name, cause, explainTimeout(receipt.Err)), v.checkTime()}
		}
		return []Finding{failed(name, "check the url in ["+v.name+"]", cause, explainTimeout(receipt.Err)), v.checkTime()}
	}
	return []Finding{passed(name, "accepted"), v.checkTime()}
}

// checkTime compares the vendor's clock with this one.
func (v *vendorChecks) checkTime() Finding {
	name := v.name + " time"
	vendorClock, ok := v.backend.(station.VendorClock)
	if !ok {
		return skipped(name, "this vendor sends no time")
	}
	vendor, at := vendorClock.VendorTime()
	if vendor.IsZero() {
		return skipped(name, "no answer carried a time")
	}
	off := at.Sub(vendor).Round(time.Second)
	side := "ahead of"
	if off < 0 {
		off, side = -off, "behind"
	}
	if off > clockSlack {
		return failed(name, "set the clock: timedatectl set-ntp true", "this station's clock is %v %s the vendor's", off, side)
	}
	return passed(name, "both clocks agree within %v", max(off, time.Second))
}

// refusal returns the text with which the vendor refused a read, most often because the key
// lacks a right.
func refusal(err error) (text string, refused bool) {
	if r, ok := errors.AsType[*api.Refusal](err); ok {
		return r.Error(), true
	}
	if r, ok := errors.AsType[*lagerkoll.Error](err); ok && r.Code != lagerkoll.CodeCommon && r.Code != lagerkoll.CodeTooMany {
		return r.Error(), true
	}
	return "", false
}

// permissionFinding is the finding of a read of what, with its error, that needs a right of
// its own; consequence is what does not work without it.
func permissionFinding(check, what, consequence string, err error) Finding {
	text, refused := refusal(err)
	switch {
	case err == nil:
		return passed(check, "the key may read %s", what)
	case refused:
		return failed(check, "give the key the right to read "+what+": "+consequence, "the key may not read %s: %s", what, text)
	}
	return undetermined(check, "%s: %v", what, explainTimeout(err))
}
