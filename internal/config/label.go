package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"stationd/internal/station"
)

// This file checks what a binding asks of a scanned code: the values of a label (di, hibc,
// store), the values in JSON and in pairs, their length (max), and ignore.

// dataIdentifier matches a data identifier, and a text element identifier.
var dataIdentifier = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9]{0,3}[A-Z]|[A-Z0-9]{3})$`) })

// hibcValues and storeValues list the values that a HIBC label, and a shop's own label,
// may carry.
func hibcValues() []string {
	return []string{"lic", "item", "unit", "lot", "serial", "quantity", "expiry", "produced", "link"}
}

func storeValues() []string { return []string{"item", "weight", "price"} }

// notOnLabel says why no label of that kind carries a value; "" where it may.
func notOnLabel(kind, value string) string {
	switch kind {
	case "di":
		if !dataIdentifier().MatchString(value) {
			return fmt.Sprintf("%q is no data identifier; one is up to three digits and a capital letter, as \"P\" or \"1T\"", value)
		}
	case "hibc":
		if !slices.Contains(hibcValues(), value) {
			return fmt.Sprintf("hibc has no %q%s", value, choice(value, hibcValues()))
		}
	case "store":
		if !slices.Contains(storeValues(), value) {
			return fmt.Sprintf("store has no %q%s", value, choice(value, storeValues()))
		}
	}
	return ""
}

// onlyScans reports whether a key that asks for what was read is there and belongs to a
// scan; at any other kind of event the key is a fault.
func (c *compiler) onlyScans(n *node, key, kind string) bool {
	if n == nil || n.faulty {
		return false
	}
	if kind != "" && kind != station.Scan {
		n.faulty = true
		c.fault(n.key, "%s asks what was read, and a %s reads nothing; it belongs to a scan", key, kind)
		return false
	}
	return true
}

// labelValues returns the names of what the label must carry besides GS1's elements.
func (c *compiler) labelValues(n *node, raw binding, kind string) []string {
	var names []string
	for _, asked := range []struct {
		kind   string
		values []string
		as     string
	}{{"di", raw.DI, `["P", "Q"]`}, {"hibc", raw.HIBC, `["lic", "item"]`}, {"store", raw.Store, `["item", "weight"]`}} {
		at := n.fields[asked.kind]
		if !c.onlyScans(at, asked.kind, kind) {
			continue
		}
		if len(asked.values) == 0 {
			c.faultOf(at, "%q is empty; list what the label must carry, as %s", asked.kind, asked.as)
		}
		for i, value := range asked.values {
			if why := notOnLabel(asked.kind, value); why != "" && !at.items[i].faulty {
				c.faultOf(at.items[i], "%s", why)
			}
			names = append(names, asked.kind+"."+value)
		}
	}
	return names
}

// json compiles the paths of a binding's values.
func (c *compiler) json(n *node, raw map[string]string, kind string) map[string]station.JSONPath {
	if !c.onlyScans(n, "json", kind) || n.kind != table {
		return nil
	}
	paths := make(map[string]station.JSONPath)
	for _, name := range n.names {
		value := n.fields[name]
		if value.faulty || !c.checkReadName(value, name) {
			continue
		}
		path, err := station.ParseJSONPath(raw[name])
		if err != nil {
			c.faultOf(value, "%v", err)
			continue
		}
		paths[name] = path
	}
	return paths
}

// pairs checks the names of a binding's values.
func (c *compiler) pairs(n *node, raw map[string]string, kind string) map[string]string {
	if !c.onlyScans(n, "pairs", kind) || n.kind != table {
		return nil
	}
	for _, name := range n.names {
		value := n.fields[name]
		if !value.faulty && c.checkReadName(value, name) && strings.TrimSuffix(raw[name], "?") == "" {
			c.faultOf(value, `%q needs the name that the code has for it, as %s = "PO"`, name, name)
		}
	}
	return raw
}

// checkReadName checks the name that a binding gives to what it reads.
func (c *compiler) checkReadName(n *node, name string) bool {
	if valueName(name) && !slices.Contains(reservedNames(), name) {
		return true
	}
	n.faulty = true
	c.fault(n.key, "%q: a name has only letters, digits and _, does not begin with a digit, and is none of the program's own", name)
	return false
}

// mostValue is the most that max may say: the largest QR Code holds 7089 digits.
const mostValue = 7089

// checkMax checks a max that is a number, and returns it.
func (s scope) checkMax(n *node) int {
	switch {
	case n.faulty:
	case n.kind != whole:
		s.faultOf(n, `"max" must be a whole number, how many characters a value from a label has at most, or a table, as max = { amount = 500 }, not %s`, n.kind)
	case s.source != "" && !s.scan:
		n.faulty = true
		s.fault(n.key, "max asks what was read, and nothing is read here; it belongs to a scan")
	case n.whole < 1 || n.whole > mostValue:
		s.faultOf(n, "max is how many characters a value from a label has at most, from 1 to %d", mostValue)
	default:
		return int(n.whole)
	}
	return 0
}

// checkIgnore checks a binding that does nothing on purpose.
func (c *compiler) checkIgnore(n *node, raw binding) {
	if !raw.Ignore {
		return
	}
	besides := slices.DeleteFunc(append(effectKeys(), "needs", "undo"), func(key string) bool { return n.fields[key] == nil })
	if len(besides) > 0 {
		c.fault(n.fields["ignore"].key, "ignore does nothing with an event, and this binding also has %s; make two bindings of it", strings.Join(besides, ", "))
	}
}

// usesLabel reports whether a binding's templates use a value that a label may lack or have
// wrong: then it leaves some of the scans that fit its keys to later bindings.
func usesLabel(b station.Binding) bool {
	for _, templates := range []map[string]station.Template{b.Set, b.Append, b.Count} {
		for _, t := range templates {
			if onLabel(t) {
				return true
			}
		}
	}
	return slices.ContainsFunc(b.Do, func(do station.Do) bool {
		for _, t := range do.With {
			if onLabel(t) {
				return true
			}
		}
		return false
	})
}

func onLabel(t station.Template) bool {
	return slices.ContainsFunc(t.Names(), func(n station.Name) bool { return station.OnLabel(n.Name) })
}
