package l2l

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"stationd/internal/station"
)

// withoutFurther returns the fields that are the verb's own, without the
// parameters that are passed on:
//
//	with = { due = "2026-03-02 12:00", parent_dispatch_id = "90017" }
//
// stands in With as with.due and with.parent_dispatch_id.
func withoutFurther(with map[string]string) map[string]string {
	if !hasFurther(with) {
		return with
	}
	own := make(map[string]string, len(with))
	for name, value := range with {
		if !strings.HasPrefix(name, station.PassedThrough) {
			own[name] = value
		}
	}
	return own
}

// hasFurther reports whether anything is to be passed on; most often nothing is.
func hasFurther(with map[string]string) bool {
	for name := range with {
		if strings.HasPrefix(name, station.PassedThrough) {
			return true
		}
	}
	return false
}

// parameterName leaves out what begins with an underscore: L2L's _action=delete
// turns a making into a deleting.
var parameterName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`) })

// reservedParameter says of a parameter why it is not passed on; "" when it may be.
func reservedParameter(name string) string {
	switch name {
	case "auth", "site":
		return "it is the station's own: the table [l2l] says it"
	case "format":
		return "the answer must be in JSON to be understood"
	case "description", "dispatchtypecode", "machinecode", "dispatchtype", "machine", "trade", "reported", "completed":
		return "the action's own fields and its event say it"
	}
	if !parameterName().MatchString(name) {
		return "it is no name of a parameter"
	}
	return ""
}

// putFurther adds the further parameters of a delivery to a form. What L2L's
// library documents is checked (L2L_Ignition_Scripting_Library, dispatches/open);
// a name that it does not know is passed on as it is.
func (b *Backend) putFurther(form *form, d station.Delivery) error {
	if !hasFurther(d.With) {
		return nil
	}
	for _, field := range slices.Sorted(maps.Keys(d.With)) {
		name, further := strings.CutPrefix(field, station.PassedThrough)
		if !further {
			continue
		}
		value, why := d.With[field], reservedParameter(name)
		switch {
		case why != "":
		case form.Has(name):
			why = "a field of the action says the same"
		default:
			value, why = b.furtherValue(name, value)
		}
		if why != "" {
			return fmt.Errorf("%s is not passed on: %s", field, why)
		}
		form.Set(name, value)
	}
	return nil
}

// furtherValue returns a parameter's value as it is sent, or why it cannot be.
func (b *Backend) furtherValue(name, value string) (sent, why string) {
	switch name {
	case "reason_id", "parent_dispatch_id":
		if n, err := strconv.ParseUint(value, 10, 63); err != nil || n == 0 {
			return "", fmt.Sprintf("%q is no id, which is a whole number", value)
		}
	case "trade_required":
		if value != "true" && value != "false" {
			return "", fmt.Sprintf("%q is neither true nor false", value)
		}
	case "material_quarantined":
		if value != "Y" && value != "N" {
			return "", fmt.Sprintf("%q is neither Y nor N", value)
		}
	case "due":
		at, err := b.moment(value)
		if err != nil {
			return "", err.Error()
		}
		return at.In(b.zone).Format("2006-01-02 15:04"), ""
	}
	return value, ""
}
