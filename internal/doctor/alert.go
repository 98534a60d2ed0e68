package doctor

import (
	"context"
)

// atAlert looks at the way to where alerts are posted. That one arrives only the first
// of them shows: the doctor posts nothing.
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
			return undetermined("alert", "what lasts for %v is posted to %s: whether that is taken the first one shows", section.After, section.Host())
		}))
	}
	return w.checks
}
