package api

import (
	"errors"
	"testing"

	"stationd/internal/station"
)

func TestWhatTheVendorIsNotAskedIsAMisfit(t *testing.T) {
	t.Parallel()
	const to = "https://acme.leading2lean.com/api/1.0/ site 12"
	verbs := []station.Verb{{Name: "dispatch.open", Fields: []station.Field{{Name: "machine", Required: true}, {Name: "type"}}}}
	with := map[string]string{"machine": "SEAL-1"}
	for sentence, test := range map[string]struct {
		action station.Action
		why    string
	}{
		"what fits is none": {station.Action{To: to, Verb: "dispatch.open", With: with}, ""},
		"what was meant for another site": {station.Action{To: "https://acme.leading2lean.com/api/1.0/ site 13", Verb: "dispatch.open", With: with},
			"not sent: meant for https://acme.leading2lean.com/api/1.0/ site 13: this station now speaks to " + to},
		"a verb that nobody knows": {station.Action{To: to, Verb: "dispatch.paint", With: with},
			"not sent: this station knows no verb dispatch.paint"},
		"a field that is missing": {station.Action{To: to, Verb: "dispatch.open", With: map[string]string{"type": "MAINT"}},
			"not sent: machine is missing ()"},
		"a field that nobody knows": {station.Action{To: to, Verb: "dispatch.open", With: map[string]string{"machine": "SEAL-1", "colour": "red"}},
			"not sent: dispatch.open has no field colour"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			err := CheckDelivery(station.Delivery{Entry: station.Entry{Action: test.action}}, to, verbs)
			if test.why == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || err.Error() != test.why || !errors.Is(err, station.ErrMisfit) {
				t.Fatalf("the error is %v, want %s", err, test.why)
			}
			if hold := Refuse(err).Holds(); hold != station.HoldMisfit {
				t.Errorf("the entry is held as %q", hold)
			}
		})
	}
}
