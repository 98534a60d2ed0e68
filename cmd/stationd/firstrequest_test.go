package main

import (
	"net/http"
	"testing"
	"time"

	"stationd/internal/demo"
)

// What is pressed as the station starts is the first that a vendor hears, and all: one request,
// and no reads before it.
func TestAPressAfterAStartIsTheFirstThatTheVendorHears(t *testing.T) {
	t.Parallel()
	b := startStation(t, func(s *demo.Config) { s.Watch = time.Hour })
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.WaitDelivered(t.Context()))
	heard := b.Plant.Requests()
	if len(heard) != 1 || heard[0].Method != http.MethodPost {
		t.Errorf("the plant heard %v", heard)
	}
}
