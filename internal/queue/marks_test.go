package queue

import (
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

func TestWhatAVendorDoesWithMarksIsKeptOverAPowerCutAndWrittenOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, v := open1(t), &vendor{}
		shows := func(marks station.Marks) {
			v.then(func(station.Delivery) (bool, station.Receipt) {
				return true, station.Receipt{Outcome: station.Delivered, Ref: "ref", Marks: marks}
			})
		}
		deliver := func(code string) station.Delivery {
			s.scan(code)
			s.deliver(v, time.Minute)
			all := v.attempts()
			return all[len(all)-1]
		}
		shows("")
		if d := deliver("0/a"); d.Marks != "" {
			t.Errorf("nothing is known, and the backend is told %q", d.Marks)
		}
		shows(station.MarksLost)
		deliver("0/b")
		if s.box.Advice()["l2l"] == "" {
			t.Error("nobody is told")
		}
		s.crash()
		s.start()
		if s.box.Advice()["l2l"] == "" {
			t.Error("after a power cut nobody is told")
		}
		shows("") // an answer that shows nothing changes nothing
		if d := deliver("0/c"); d.Marks != station.MarksLost {
			t.Errorf("marks are lost, and the backend is told %q", d.Marks)
		}
		shows(station.MarksKept)
		deliver("0/d")
		if s.box.Advice()["l2l"] != "" {
			t.Error("marks are kept again, and somebody is told otherwise")
		}
		before := s.commits()
		deliver("0/e")
		if n := s.commits() - before; n != 2 {
			t.Errorf("%d commits for a record and its delivery", n)
		}
	})
}
