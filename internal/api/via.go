package api

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ByRelayWord is what via says where a vendor is reached by the relay of the plant.
const ByRelayWord = "relay"

// A Via is what a vendor's table says of who asks the vendor.
type Via struct {
	Via string `toml:"via"` // relay: the plant's, which has key, pace and way; "": this station itself
}

// ByRelay reports whether a relay asks the vendor in the station's place.
func (v Via) ByRelay() bool { return v.Via == ByRelayWord }

// CheckVia reports what is wrong with via, and which of the keys that are given have no
// meaning beside it: the relay has them.
func (v Via) CheckVia(given map[string]bool, fault func(key, text string)) {
	if v.Via != "" && !v.ByRelay() {
		fault("via", fmt.Sprintf("%q is not %q; left out, the station asks the vendor itself", v.Via, ByRelayWord))
	}
	var out []string
	for key, is := range given {
		if is && v.ByRelay() {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	if len(out) > 0 {
		fault(out[0], fmt.Sprintf(`has no meaning beside via = "relay": leave out %s here, the relay has it`, strings.Join(out, ", ")))
	}
}

// LeastSettle is SettleLeast, or for a station that asks a relay SettleByRelay.
func (v Via) LeastSettle(byProxy bool) time.Duration {
	if v.ByRelay() {
		return SettleByRelay(false)
	}
	return SettleLeast(byProxy)
}
