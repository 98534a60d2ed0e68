package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"stationd/internal/api/l2l"
)

// addL2L adds the checks of what L2L shows: the site, the key's rights, and each line, machine
// and dispatch type that the configuration names.
func (d *doctor) addL2L(v *vendorChecks, section *l2l.Section) {
	backend := func() *l2l.Backend {
		b, _ := v.backend.(*l2l.Backend)
		return b
	}
	v.add("l2l site", func(ctx context.Context) []Finding {
		sites, err := backend().ReadSites(ctx)
		found := siteFinding(fmt.Sprint(section.Site), sites, err)
		if found.Verdict == Fail {
			v.skipReason = "the site is wrong"
		}
		return []Finding{found}
	})
	readable := false // the key may list dispatches, so that a refused list is refused for its code
	v.add("l2l dispatches", func(ctx context.Context) []Finding {
		newest, err := backend().ReadDispatches(ctx, l2l.DispatchQuery{OrderBy: "-created", Limit: 1})
		readable = err == nil
		return []Finding{
			permissionFinding("l2l dispatches", "dispatches", "without it stationd cannot settle a lost answer or see that a call was closed", err),
			d.checkTimeZone(newest, err),
		}
	})
	if advice := d.snapshot.Health.Advice["l2l"]; d.running && advice != "" {
		v.checks = append(v.checks, single("l2l marks", func(context.Context) Finding {
			return warned("l2l marks", "have L2L store descriptions unchanged", "%s", advice)
		}))
	}
	fromScans := make(map[string]bool)
	addCodes := func(field string, find func(ctx context.Context, name, code string) Finding) {
		codes, scanned := d.configuredCodes(field)
		fromScans[field] = scanned
		for _, code := range codes {
			name := "l2l " + field + " " + code
			v.add(name, func(ctx context.Context) []Finding { return []Finding{find(ctx, name, code)} })
		}
	}
	addCodes("line", func(ctx context.Context, name, code string) Finding {
		o, err := backend().ReadOrder(ctx, l2l.Line{Code: code})
		return lineFinding(name, o, err)
	})
	addCodes("machine", func(ctx context.Context, name, code string) Finding {
		rows, err := backend().ReadDispatches(ctx, l2l.DispatchQuery{Machine: code, Limit: 1})
		shown := slices.ContainsFunc(rows, func(r l2l.Dispatch) bool { return r.Machine == code })
		return codeFinding(name, readable, shown, err)
	})
	addCodes("type", func(ctx context.Context, name, code string) Finding {
		rows, err := backend().ReadDispatches(ctx, l2l.DispatchQuery{Type: code, Limit: 1})
		shown := slices.ContainsFunc(rows, func(r l2l.Dispatch) bool { return r.Type == code })
		return codeFinding(name, readable, shown, err)
	})
	trades, scanned := d.configuredCodes("trade")
	fromScans["trade"] = scanned
	v.addWrites(l2lWrites(trades, fromScans)...)
}

// configuredCodes returns the codes that the configuration gives for a field of L2L, its
// default among them. scanned tells that others come from scans.
func (d *doctor) configuredCodes(field string) (codes []string, scanned bool) {
	if value := d.plan.Program.Vendors["l2l"].Defaults[field]; value != "" {
		codes = append(codes, value)
	}
	for _, b := range d.plan.Program.Bindings {
		for _, do := range b.Do {
			template, present := do.With[field]
			if do.Backend != "l2l" || !present {
				continue
			}
			if value, constant := template.Constant(); constant {
				codes = append(codes, value)
			} else {
				scanned = true
			}
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes), scanned
}

// l2lWrites lists what only a write to L2L shows; fromScans has the fields whose codes come
// from scans.
func l2lWrites(trades []string, fromScans map[string]bool) []string {
	unchecked := []string{"whether the key may open, close and start what the bindings name"}
	for _, trade := range trades {
		unchecked = append(unchecked, "whether the trade "+trade+" exists")
	}
	for _, field := range slices.Sorted(maps.Keys(fromScans)) {
		if fromScans[field] {
			unchecked = append(unchecked, "every "+field+" that comes from a scan")
		}
	}
	return unchecked
}

// siteFinding is the finding of a list of sites, with its error, of which number is ours.
func siteFinding(number string, sites []l2l.Site, err error) Finding {
	const name = "l2l site"
	if err != nil {
		if text, refused := refusal(err); refused {
			return undetermined(name, "the key may not read sites (%s): whether site %s is right cannot be checked without writing", text, number)
		}
		return undetermined(name, "%v", explainTimeout(err))
	}
	var numbers []string
	for _, s := range sites {
		if s.Number != number {
			numbers = append(numbers, strings.TrimSpace(s.Number+" "+s.Name))
			continue
		}
		switch {
		case s.Active != nil && !*s.Active:
			return failed(name, "set site in [l2l] to an active one", "%s (%s) is not active", number, s.Name)
		case s.Test != nil && *s.Test:
			return passed(name, "%s is %s, a test site", number, s.Name)
		}
		return passed(name, "%s is %s", number, s.Name)
	}
	if len(numbers) == 0 {
		return failed(name, "use a key of this site", "this key sees no site, not even %s", number)
	}
	return failed(name, "set site in [l2l] to one of them", "this key does not see %s; it sees %s", number, strings.Join(numbers, ", "))
}

// lineFinding is the finding of the order that a line runs, with the error of its read.
func lineFinding(name string, o l2l.Order, err error) Finding {
	if text, refused := refusal(err); refused {
		return failed(name, "check the spelling of the line's code in L2L, and that the key may read build sequences", "L2L does not show it: %s", text)
	}
	switch {
	case err != nil:
		return undetermined(name, "%v", explainTimeout(err))
	case o.ID == "":
		return passed(name, "no order is running")
	}
	return passed(name, "build sequence %s is running, product %s (%s)", o.ID, o.Product, o.StatusName())
}

// codeFinding is the finding of a list of the dispatches with a code: that it is refused is
// about the code only where the key may list dispatches (readable).
func codeFinding(name string, readable, shown bool, err error) Finding {
	text, refused := refusal(err)
	switch {
	case refused && readable:
		return failed(name, "check the spelling of the code in L2L", "L2L does not know it: %s", text)
	case err != nil:
		return undetermined(name, "%v", explainTimeout(err))
	case !shown:
		return undetermined(name, "L2L accepts the code but shows no dispatch with it: check in L2L whether it exists")
	}
	return passed(name, "L2L shows a dispatch with it")
}

// checkTimeZone compares the configured time zone with the site's. L2L shows none with a
// site, but its newest dispatch was created in the site's local time, a while ago.
func (d *doctor) checkTimeZone(newest []l2l.Dispatch, err error) Finding {
	const name = "l2l time zone"
	configured := d.plan.Station.Timezone
	var latest time.Time
	for _, row := range newest {
		if row.Created.After(latest) {
			latest = row.Created
		}
	}
	switch {
	case err != nil, latest.IsZero():
		return undetermined(name, "L2L shows no dispatch to compare %s with", configured)
	case time.Until(latest) > clockSlack+time.Minute:
		return failed(name, `set timezone in [station] to that of the L2L site, such as "Europe/Stockholm"`,
			"the newest dispatch was created at %s by the site's clock, which in %s is in %v: the site is in another time zone", latest.Format(time.DateTime), configured, time.Until(latest).Round(time.Minute))
	case time.Since(latest) > 45*time.Minute:
		return undetermined(name, "the newest dispatch, of %s, is too old to compare %s with", latest.Format(time.DateTime), configured)
	}
	return passed(name, "the newest dispatch was created %v ago by the site's clock, which fits %s", time.Since(latest).Round(time.Minute), configured)
}
