package l2l

import (
	"strings"

	"stationd/internal/station"
)

// L2L has no numbers for its errors. These are sentences of its that public code and logs
// show (docs/assumptions.md), with the kind of station.Reason that each is of.
func sentences() map[string]string {
	return map[string]string{
		"already has an open critical dispatch":   "l2l-machine-down",
		"already down for critical dispatch type": "l2l-machine-down",
		"already completed":                       "l2l-completed",
		"already closed":                          "l2l-closed",
		"cannot modify completed or closed":       "l2l-closed",
		"unable to find user":                     "l2l-no-user",
		"no lines found":                          "l2l-no-line",
	}
}

// explained gives a refusal its reason where L2L's sentence is a known one.
func explained(rc station.Receipt) station.Receipt {
	said := station.ReasonOf(rc.Err)
	if rc.Outcome != station.Refused || said == nil || said.Kind != "" {
		return rc
	}
	text := strings.ToLower(said.Quote)
	for sentence, kind := range sentences() {
		if strings.Contains(text, sentence) {
			rc.Err = station.Because(rc.Err, kind)
			return rc
		}
	}
	return rc
}
