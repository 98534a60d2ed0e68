package doctor

import (
	"context"
)

// alertChecks check the connection to the address of the alerts. Whether one is
// accepted there stays unknown: doctor posts nothing.
func (d *doctor) atAlert() []check {
	section := d.plan.Alert
	if section == nil {
		return nil
	}
	w := &vendorChecks{name: "alert", url: section.URL, route: section.Route}
	if section.Key.Given() {
		w.checks = append(w.checks, one("alert key file", func(context.Context) Finding {
			found, _ := d.key("alert key file", section.Key)
			return found
		}))
	}
	if section.URL != "" {
		w.way()
		w.checks = append(w.checks, one("alert", func(context.Context) Finding {
			return undetermined("alert", "faults that last %v are posted to %s; whether it accepts them cannot be checked without posting", section.After, section.Host())
		}))
	}
	return w.checks
}
