package daemon

import (
	"fmt"
	"reflect"
	"slices"

	"stationd/internal/gpio"
	"stationd/internal/plan"
	"stationd/internal/relay"
)

// restartKeys is a table of the configuration whose devices or addresses are opened only at
// the start: a change of its keys needs a restart, except of those that live lists.
type restartKeys struct {
	table    string   // as a person writes it: [station], [[button]]
	live     []string // the keys that a reload applies
	was, now any      // a struct, or a slice of structs that are told apart by their key name
}

// needRestart names what differs between two configurations and cannot be changed while the
// station runs:
//
//	[station] days
//	[[button]] maintenance: pin
//	[[scanner]] hand is new
func needRestart(was, now *plan.Plan) []string {
	var keys []string
	for _, k := range []restartKeys{
		{"[station]", []string{"lamp", "buzzer", "last_good", "label"}, was.Station, now.Station},
		{"[web]", nil, was.Web, now.Web},
		{"[metrics]", nil, was.Metrics, now.Metrics},
		{"[gpio]", nil, was.Chips, now.Chips},
		{"[[button]]", []string{"lamp", "buzzer", "latch", "label"}, was.Buttons, now.Buttons},
		{"[[lamp]]", []string{"label"}, was.Lamps, now.Lamps},
		{"[[buzzer]]", []string{"remind"}, was.Buzzers, now.Buzzers},
		{"[[scanner]]", []string{"lamp", "buzzer", "label"}, was.Scanners, now.Scanners},
		{"[[printer]]", nil, was.Printers, now.Printers},
		{"[relay]", nil, engineOf(was), engineOf(now)},
	} {
		keys = append(keys, k.differences()...)
	}
	for _, v := range now.Vendors {
		if _, known := was.Vendor(v.Name); !known {
			keys = append(keys, fmt.Sprintf("[%s] is new", v.Name))
		}
	}
	for _, v := range was.Vendors {
		if _, known := now.Vendor(v.Name); !known {
			keys = append(keys, fmt.Sprintf("[%s] is gone", v.Name))
		}
	}
	return append(keys, bindingsChanged(was.Buttons, now.Buttons)...)
}

// engineOf is how a plan has the relay reached.
func engineOf(p *plan.Plan) relay.Engine {
	if p.Relay == nil {
		return relay.Engine{}
	}
	return *p.Relay
}

// bindingsChanged names the buttons that wait for other events than before: a hold that no
// binding asked for was told as a press.
func bindingsChanged(was, now []gpio.Button) []string {
	var all []string
	for _, b := range now {
		i := slices.IndexFunc(was, func(o gpio.Button) bool { return o.Name == b.Name })
		if i < 0 {
			continue // it is new, and said so
		}
		for _, bound := range []struct {
			event    string
			was, now bool
		}{
			{"hold", was[i].HoldBound, b.HoldBound},
			{"double", was[i].DoubleBound, b.DoubleBound},
			{"release", was[i].ReleaseBound, b.ReleaseBound},
		} {
			switch {
			case bound.now && !bound.was:
				all = append(all, fmt.Sprintf("[[on]] the first binding of %s.%s", b.Name, bound.event))
			case bound.was && !bound.now:
				all = append(all, fmt.Sprintf("[[on]] the last binding of %s.%s", b.Name, bound.event))
			}
		}
	}
	return all
}

// differences names what of the table needs a restart.
func (k restartKeys) differences() []string {
	was, now := reflect.ValueOf(k.was), reflect.ValueOf(k.now)
	if was.Kind() != reflect.Slice {
		return k.keys(k.table+" ", was, now)
	}
	var all []string
	for i := range now.Len() {
		item := now.Index(i)
		name := item.FieldByName("Name").String()
		old, known := named(was, name)
		if !known {
			all = append(all, fmt.Sprintf("%s %s is new", k.table, name))
			continue
		}
		all = append(all, k.keys(fmt.Sprintf("%s %s: ", k.table, name), old, item)...)
	}
	for i := range was.Len() {
		name := was.Index(i).FieldByName("Name").String()
		if _, known := named(now, name); !known {
			all = append(all, fmt.Sprintf("%s %s is gone", k.table, name))
		}
	}
	return all
}

// named returns the struct of that name in a slice.
func named(all reflect.Value, name string) (reflect.Value, bool) {
	for i := range all.Len() {
		if all.Index(i).FieldByName("Name").String() == name {
			return all.Index(i), true
		}
	}
	return reflect.Value{}, false
}

// keys names the keys of one struct that differ and are not live.
func (k restartKeys) keys(before string, was, now reflect.Value) []string {
	var all []string
	for i := range was.NumField() {
		key := was.Type().Field(i).Tag.Get("toml")
		if key == "" || key == "-" || slices.Contains(k.live, key) {
			continue
		}
		if !reflect.DeepEqual(was.Field(i).Interface(), now.Field(i).Interface()) {
			all = append(all, before+key)
		}
	}
	return all
}
