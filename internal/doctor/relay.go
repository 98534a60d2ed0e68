package doctor

import (
	"context"
	"log/slog"

	"stationd/internal/plan"
)

// relayChecks returns the checks of a vendor that the relay of the plant asks: whether a
// relay is heard, and whether the vendor answers it.
func (d *doctor) relayChecks(vendor plan.Vendor) []check {
	v := &vendorChecks{name: vendor.Name}
	end := func() {}
	name := v.name + " relay"
	v.checks = append(v.checks, single(name, func(ctx context.Context) Finding {
		v.skipReason = "no relay is heard"
		link, err := d.plan.Dial(slog.New(slog.DiscardHandler), nil)
		if err != nil {
			return failed(name, "put the right file there, then systemctl restart stationd", "%v", err)
		}
		end = link.Close
		leader, err := link.Await(ctx)
		if err != nil {
			return failed(name, "see that a relay runs (stationd relay doctor there), and that the engine lets this station in", "%v: %v", d.plan.Relay.Servers, err)
		}
		if v.backend, err = vendor.Open(slog.New(slog.DiscardHandler), link); err != nil {
			return failed(name, "", "%v", err)
		}
		v.skipReason = ""
		return passed(name, "the relay %s leads", leader)
	}))
	v.add(v.name+" key", v.checkKey)
	v.addWrites("whether it accepts what the bindings name")
	v.checks = append(v.checks, check{name, func(context.Context) []Finding { end(); return nil }})
	return v.checks
}
