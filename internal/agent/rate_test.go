package agent

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAnInputThatRecordsFasterThanPeopleDoIsAFaultUntilItIsSlowAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r eventRates
		faulty := func() bool { return r.faults()["hand"] != "" }
		for range mostEvents { // a burst, as after an outage of the scanner's radio
			r.add("hand")
		}
		if faulty() {
			t.Errorf("%d events are a fault", mostEvents)
		}
		time.Sleep(time.Minute + rateSlot)
		for range 3 * 60 {
			for range 15 {
				r.add("hand")
			}
			r.add("maintenance")
			time.Sleep(time.Second)
		}
		if all := r.faults(); !faulty() || all["maintenance"] != "" {
			t.Errorf("15 events a second for minutes, and one: %v", all)
		}
		time.Sleep(time.Minute + rateSlot)
		if faulty() {
			t.Error("it is slow again, and still a fault")
		}
		r.add("hand")
		time.Sleep(24 * time.Hour)
		r.add("hand")
		if faulty() {
			t.Error("one event a day is a fault")
		}
	})
}
