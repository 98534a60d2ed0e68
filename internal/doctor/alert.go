package doctor

import "context"

// alertChecks returns the checks of the address to which alerts are posted. Whether it
// accepts them stays unknown: doctor posts nothing.
func (d *doctor) alertChecks() []check {
	section := d.plan.Alert
	if section == nil {
		return nil
	}
	v := &vendorChecks{name: "alert", url: section.URL, route: section.Route}
	if section.Key.Given() {
		v.checks = append(v.checks, single("alert key file", func(context.Context) Finding {
			found, _ := d.findKey("alert key file", section.Key)
			return found
		}))
	}
	if section.URL != "" {
		v.addConnection()
		v.checks = append(v.checks, single("alert", func(context.Context) Finding {
			return undetermined("alert", "faults that last %v are posted to %s; whether it accepts them cannot be checked without posting", section.After, section.Host())
		}))
	}
	return v.checks
}
