package config

import "stationd/internal/station"

// checkRole checks who may do what a binding does. A call for help is never kept from
// anybody.
func (c *compiler) checkRole(n *node, raw binding, source string) {
	at := n.fields["role"]
	if at == nil || at.faulty {
		return
	}
	switch {
	case raw.Role != station.Technician:
		c.faultOf(at, `"role" must be %q; leave it out for whoever stands there`, station.Technician)
	case c.opensCall(n):
		c.faultOf(at, "this binding opens a call, and a call for help is never kept from anybody: leave role out, or give the call a binding of its own")
	case source == station.FromStation:
		c.faultOf(at, "the event comes from the station itself, where nobody shows a badge: leave role out")
	case raw.Ignore:
		c.faultOf(at, "this binding ignores what it fits: whoever stands there may do nothing; leave role out")
	case c.root.fields["access"] == nil:
		c.faultOf(at, "a technician is known by a badge or a PIN: write a table [access] too, and give out badges with stationd badge new NAME")
	}
}
