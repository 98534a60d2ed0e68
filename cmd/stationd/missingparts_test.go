package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/station"
)

// expectFault waits until the running station reports a fault of a part, or with "" that it
// has none, in every place where a person may look.
func expectFault(t *testing.T, b *demo.Simulation, part, says string) {
	t.Helper()
	said := ""
	must(t, demo.Until(t.Context(), part+" says "+says, func() bool {
		s, err := b.Control().Snapshot(t.Context())
		if err != nil {
			return false
		}
		fault, known := s.Health.Devices[part]
		said = fault
		return known && (says == "") == (fault == "") && strings.Contains(fault, says)
	}))
	well := "1"
	if says != "" {
		well = "0"
	}
	for where, wants := range map[string]string{
		"metrics": fmt.Sprintf("stationd_device_well{device=%q} %s\n", part, well),
		"healthz": "\n" + part + ": ",
		"":        part,
	} {
		text := getText(t, http.DefaultClient, b.Log.PageURL()+where)
		text = strings.ReplaceAll(text, " · ", " ") // as the page writes a part of a vendor
		if has := strings.Contains(strings.ToLower(text), strings.ToLower(wants)); !has && (says != "" || where == "metrics") || has && says == "" && where == "healthz" {
			t.Errorf("%s says %q, and /%s:\n%s", part, said, where, text)
		}
		if where == "healthz" && !strings.HasPrefix(text, "ok\n") {
			t.Errorf("what is pressed is recorded, and /healthz says:\n%s", text)
		}
	}
	if says == "" {
		return
	}
	must(t, demo.Until(t.Context(), "the station's lamp blinks quickly", func() bool {
		l, ok := b.Lamps.Light(demo.PinWhite)
		return ok && l == station.Quick
	}))
}

func TestAStationWhoseKeyCannotBeUsedRecordsAndDeliversTheRest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ key, says string }{
		"it is missing":                {"", "no such file"},
		"it is an empty line":          {"\n", "it is empty"},
		"it is a file of settings":     {"LAGERKOLL_KEY=sekret-lagerkoll-1\n", "a name stands in front of the key"},
		"it has two lines":             {"sekret-lagerkoll-1\nsekret-lagerkoll-2\n", "2 lines"},
		"it has one quotation mark":    {"\"sekret-lagerkoll-1\n", "quotation mark"},
		"it is saved as UTF-16":        {"\xff\xfes\x00e\x00", "UTF-16"},
		"it is a certificate by fault": {strings.Repeat("sekret-lagerkoll\n", 400), "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newStation(t, nil)
			key := filepath.Join(b.KeysPath(), "lagerkoll.key")
			must(t, os.Remove(key))
			if c.key != "" {
				must(t, os.WriteFile(key, []byte(c.key), 0o600))
			}
			must(t, b.Power(t.Context(), true))
			expectFault(t, b, "lagerkoll key", c.says)
			pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
			must(t, demo.Until(t.Context(), "L2L has the call", func() bool { return len(b.Plant.Dispatches()) == 1 }))
			scanAndWait(t, b, "PO4711")
			scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B7", Serial: "K1"}.Symbol())
			if waiting, ok := b.Waiting(t.Context()); !ok || len(waiting) != 1 || waiting[0].Backend() != "lagerkoll" {
				t.Errorf("one trace waits for Lagerkoll, and it is %+v", waiting)
			}
			must(t, demo.Until(t.Context(), "what waits is said to wait for a person", func() bool {
				s, err := b.Control().Snapshot(t.Context())
				return err == nil && s.Health.Backends["lagerkoll"].Fault != ""
			}))
			// A vendor that fails at one entry has it held after some tries, and this one
			// was never asked.
			if log := readLog(t, b); strings.Contains(log, station.ErrFailed.Error()) {
				t.Errorf("the vendor is said to have failed:\n%s", log)
			}
			// As an editor of another system saves it.
			must(t, os.WriteFile(key, []byte("\xef\xbb\xbf\r\n\""+plant.Demo().APIKey+"\"\r\n\r\n"), 0o600))
			must(t, b.WaitDelivered(t.Context()))
			expectFault(t, b, "lagerkoll key", "")
			if got := b.Plant.Traces(); len(got) != 1 {
				t.Errorf("the part is traced %d times", len(got))
			}
			if strings.Contains(readLog(t, b), "sekret-") {
				t.Error("the log has a key")
			}
		})
	}
}

func TestAReloadIsTakenUpWhileAKeyIsStillMissing(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	must(t, os.Remove(filepath.Join(b.KeysPath(), "lagerkoll.key")))
	must(t, b.Power(t.Context(), true))
	editConfig(t, b, `"Help needed at {station}"`, `"Hurry"`)
	reloadStation(t, b, heardReload)
	pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
	must(t, demo.Until(t.Context(), "L2L has the call as it is meant now", func() bool {
		d := b.Plant.Dispatches()
		return len(d) == 1 && strings.HasSuffix(d[0].Description, "Hurry")
	}))
}

func TestAStationWhosePortIsTakenRecords(t *testing.T) {
	t.Parallel()
	other, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	b := newStation(t, func(s *demo.Config) { s.Page = other.Addr().String() })
	must(t, b.Power(t.Context(), true))
	pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
	must(t, b.WaitDelivered(t.Context()))
	s, err := b.Control().Snapshot(t.Context())
	must(t, err)
	if fault := s.Health.Devices["page"]; !strings.Contains(fault, "another program listens at "+other.Addr().String()) {
		t.Errorf("the page's fault is %q", fault)
	}
	must(t, demo.Until(t.Context(), "the station's lamp blinks quickly", func() bool {
		l, ok := b.Lamps.Light(demo.PinWhite)
		return ok && l == station.Quick
	}))
	must(t, other.Close())
	must(t, demo.Until(t.Context(), "the page is open", func() bool { return b.Log.Count("the page is open") > 0 }))
	must(t, demo.Until(t.Context(), "nothing is missing", func() bool {
		return getText(t, http.DefaultClient, "http://"+other.Addr().String()+"/healthz") == "ok\n"
	}))
}

func TestAStationWhoseControlSocketCannotBeMadeRecords(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	must(t, os.Mkdir(b.SocketPath(), 0o700)) // a folder is where the socket should be
	must(t, b.Power(t.Context(), true))
	must(t, demo.Until(t.Context(), "L2L has the call", func() bool {
		b.Push(demo.PinMaintenance, demo.PressTime)
		return len(b.Plant.Dispatches()) == 1
	}))
	if text := getText(t, http.DefaultClient, b.Log.PageURL()+"healthz"); !strings.HasPrefix(text, "ok\ncontrol: ") {
		t.Errorf("healthz says %q", text)
	}
	must(t, os.Remove(b.SocketPath()))
	must(t, demo.Until(t.Context(), "the commands reach it", func() bool {
		_, err := b.Control().Snapshot(t.Context())
		return err == nil
	}))
	expectFault(t, b, "control", "")
}

func TestAStationWhoseHistoryCannotBeWrittenRecords(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	history := filepath.Join(b.DataPath(), "history")
	must(t, os.WriteFile(history, nil, 0o600)) // a file is where the folder should be
	must(t, b.Power(t.Context(), true))
	pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
	must(t, b.WaitDelivered(t.Context()))
	expectFault(t, b, "history", "not written down")
	must(t, os.Remove(history))
	pressAndWait(t, b, "material.press", demo.PinMaterial)
	expectFault(t, b, "history", "")
}

func TestAStationWhosePrinterIsNotThereRecords(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	editConfig(t, b, "[web]", "[[printer]]\nname = \"office\"\nurl = \"ipp://"+refusingAddress(t)+"/ipp/print\"\n[web]")
	must(t, b.Power(t.Context(), true))
	expectFault(t, b, "office", "it cannot print now")
	pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
	must(t, b.WaitDelivered(t.Context()))
}

// A board whose lamps' chip is not there takes what is pressed on another.
func TestALampWithoutItsChipKeepsNoPressFromBeingRecorded(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	editConfig(t, b, "name = \"red\"\npin  = 22", "name = \"red\"\npin  = 22\nchip = \"sim:"+filepath.Join(b.Dir, "expander")+"\"")
	must(t, b.Power(t.Context(), true))
	expectFault(t, b, "red", "no such file")
	expectFault(t, b, "maintenance", "")
	pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
	must(t, b.WaitDelivered(t.Context()))
}

func TestAChipThatAppearsLaterIsTakenUp(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	away := b.ChipPath() + ".away"
	must(t, os.Rename(b.ChipPath(), away))
	must(t, b.Power(t.Context(), true))
	for _, name := range []string{"maintenance", "material", "red", "white"} {
		must(t, demo.Until(t.Context(), name+" has no chip", func() bool {
			s, err := b.Control().Snapshot(t.Context())
			return err == nil && strings.Contains(s.Health.Devices[name], "no such file")
		}))
	}
	scanAndWait(t, b, "PO4711") // the reader goes on
	must(t, os.Rename(away, b.ChipPath()))
	expectFault(t, b, "maintenance", "")
	pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
	must(t, b.WaitDelivered(t.Context()))
	must(t, demo.Until(t.Context(), "the red lamp is steady", func() bool {
		l, ok := b.Lamps.Light(demo.PinRed)
		return ok && l == station.Steady
	}))
}
