package web

import (
	"errors"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
	"stationd/internal/words"
)

// sentence returns the page's big sentence.
func sentence(t *testing.T, page string) string {
	t.Helper()
	found := regexp.MustCompile(`<span id="sentence">(.*?)</span></p>`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no big sentence on the page:\n%s", page)
	}
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(found[1], ""))
}

// The order of the ranks: each case is at work in those before it too, and the first wins.
func TestTheSentenceThatFillsTheScreenIsWhatThePersonInFrontMustDo(t *testing.T) {
	t.Parallel()
	contact := func(name string, c station.Contact) func(*operatortest.Station) {
		return func(f *operatortest.Station) { f.Shown.Health.Backends[name] = c }
	}
	steps := []struct {
		name string
		add  func(*operatortest.Station) // to everything that stands below
		want string
	}{
		{"nothing is going on", func(*operatortest.Station) {}, "Everything delivered"},
		{"the clock is not set: a dot and no more", func(f *operatortest.Station) { f.Shown.Health.Clock = false }, "Everything delivered"},
		{"an unknown code was scanned an hour ago", func(f *operatortest.Station) { f.Shown.Kept = 1 }, "Everything delivered"},
		{"the next scan needs an order", func(f *operatortest.Station) { delete(f.Shown.State.Values, "order") }, "Scan the order"},
		{"a changed configuration was rejected", func(f *operatortest.Station) { f.Shown.Health.Devices["configuration"] = "13:8: there is no GPIO99" }, "Configuration rejected"},
		{"three wait for their turn", func(f *operatortest.Station) { f.Shown.Waiting, f.Shown.Oldest = 3, operatortest.At("14:20") }, "3 waiting to be delivered"},
		{"one of them may have arrived", contact("l2l", station.Contact{Kind: station.Confirming, Last: "no trace of it yet"}), "Confirming with L2L"},
		{"the vendor answers that it failed", contact("l2l", station.Contact{Kind: station.Confirming, Trouble: station.Failing, Last: "500: the vendor failed"}), "L2L answers with errors"},
		{"the other one cannot be reached", contact("lagerkoll", station.Contact{Kind: station.NoContact, Last: "no route to host"}), "No contact with Lagerkoll"},
		{"a call is open that somebody is on", func(f *operatortest.Station) {
			c := call()
			c.Attended = true
			f.Shown.State.Calls = []station.Call{c}
		}, "MAINT, SEAL-1: 18 min"},
		{"and one that nobody is on", func(f *operatortest.Station) {
			c := call()
			c.Entry, c.Subject, c.At = "02.1", map[string]string{"machine": "SEAL-2", "type": "MATERIAL"}, operatortest.At("14:25")
			f.Shown.State.Calls = append(f.Shown.State.Calls, c)
		}, "MATERIAL, SEAL-2: 5 min"},
		{"a scanner is unplugged", func(f *operatortest.Station) { f.Shown.Health.Devices["hand"] = "it is unplugged" }, "Fault: hand"},
		{"the key is wrong", contact("l2l", station.Contact{Kind: station.Connected, Fault: "401: the key is wrong"}), "L2L does not accept the key"},
		{"two are on hold", func(f *operatortest.Station) { f.Shown.Held = 2 }, "Action needed: 2 on hold"},
		{"a code was scanned that nobody knows", func(f *operatortest.Station) { f.Shown.State.Notes = said(station.NoteUnknown, "7310865004703") }, "Unknown code 7310865004703"},
		{"something must be scanned first", func(f *operatortest.Station) { f.Shown.State.Notes = said(station.NoteNeeds, "order") }, "Scan the order first"},
		{"the card died", func(f *operatortest.Station) { f.Shown.Health.Storage = "input/output error" }, "Not recorded: storage failed. Call the old way"},
	}
	f := working()
	p := operatortest.Program()
	asksForOrder(&p)
	for _, step := range steps {
		step.add(f)
		on := shown(f, "en")
		on.Program = func() station.Program { return p }
		s, err := Open("127.0.0.1:0", on, quietLog())
		if err != nil {
			t.Fatal(err)
		}
		if got := sentence(t, ask(s, http.MethodGet, "/", "").Body.String()); got != step.want {
			t.Errorf("%s: the page says %q, want %q", step.name, got, step.want)
		}
		s.listener.Close()
	}
}

func TestTheSentenceSaysWhatElseCanBe(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		change func(*operatortest.Station)
		want   string
	}{
		{"the outbox is full", func(f *operatortest.Station) { f.Shown.Health.Fill, f.Shown.Health.Storage = 1, "the outbox is full" }, "Not recorded: the outbox is full. Call the old way"},
		{"the outbox cannot be read", func(f *operatortest.Station) { f.Shown.Waiting, f.Unread = 1, errors.New("damaged record") }, "1 waiting to be delivered"},
		{"the station stops", func(f *operatortest.Station) { f.Shown.Lights["red"] = station.OffDuty }, "Not recorded: the station is stopping"},
		{"a third vendor is out of reach", func(f *operatortest.Station) {
			f.Shown.Health.Backends["mes"] = station.Contact{Kind: station.NoContact}
		}, "No contact with mes"},
		{"a vendor's key is missing", func(f *operatortest.Station) { f.Shown.Health.Devices["l2l key"] = "key file: it is empty" }, "No key for L2L"},
		{"the vendor answers that there are too many requests", func(f *operatortest.Station) {
			f.Shown.Waiting = 3
			f.Shown.Health.Backends["l2l"] = station.Contact{Kind: station.Connected, Last: "429 Too Many Requests: too many requests"}
		}, "3 waiting to be delivered"},
		{"a press was not recorded, and the next one would be", func(f *operatortest.Station) {
			f.Shown.State.Notes = said(station.NoteUnrecorded, "outbox: write: input/output error")
		}, "Not recorded: do it again"},
		{"what was counted cannot be told", func(f *operatortest.Station) {
			f.Shown.Waiting = 1
			f.Shown.State.Counters = map[string]station.Counter{"made": {Count: 3}}
			f.Shown.State.Notes = map[string]station.Note{station.FromStation: {Kind: station.NoteUnread, Text: "l2l.product", At: f.Shown.Now}}
		}, "What was counted is not sent yet"},
		{"a call has been open for too long, and a newer one is attended", func(f *operatortest.Station) {
			late, newer := call(), call()
			late.Overdue, newer.Attended, newer.Entry = []time.Duration{5 * time.Minute}, true, "09.1"
			f.Shown.State.Calls = []station.Call{newer, late}
			f.Shown.Health.Devices["page"] = "gone"
		}, "MAINT, SEAL-1: 18 min"},
		{"no other machine sees the page", func(f *operatortest.Station) {
			f.Shown.Health.Devices[station.PageElsewhere] = "nobody said who may"
		}, "Everything delivered"},
		{"a scan must be done once more", func(f *operatortest.Station) { f.Shown.State.Notes = said(station.NoteConfirm, "AWAY") }, "Once more to confirm: AWAY"},
		{"a scan must be confirmed with a button", func(f *operatortest.Station) {
			notes := said(station.NoteConfirm, "AWAY")
			for source, n := range notes {
				n.Why = &station.Reason{Kind: "confirm-by", Values: map[string]string{"part": "maintenance", "seconds": "10"}}
				notes[source] = n
			}
			f.Shown.State.Notes = notes
		}, "Confirm within 10 seconds: maintenance"},
		{"a long code was scanned", func(f *operatortest.Station) {
			f.Shown.State.Notes = said(station.NoteUnknown, strings.Repeat("12345", 9))
		}, "Unknown code 12345123451234512345…"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := working()
			c.change(f)
			if got := sentence(t, ask(open(t, f, "en"), http.MethodGet, "/", "").Body.String()); got != c.want {
				t.Errorf("the page says %q, want %q", got, c.want)
			}
		})
	}
}

func TestARefusalEndsAfterTwentySecondsOrWithTheNextScanOfThatReader(t *testing.T) {
	t.Parallel()
	f := working()
	f.Shown.State.Notes = said(station.NoteUnknown, "7310865004703") // two seconds ago
	s := open(t, f, "en")
	later := func(by time.Duration) string {
		f.Shown.Now.Up += by
		f.Shown.Now.Wall = f.Shown.Now.Wall.Add(by)
		return sentence(t, ask(s, http.MethodGet, "/", "").Body.String())
	}
	if got := later(17 * time.Second); got != "Unknown code 7310865004703" {
		t.Errorf("after 19 seconds the page says %q", got)
	}
	if got := later(time.Second); got != "Everything delivered" {
		t.Errorf("after 20 seconds the page says %q", got)
	}
	f.Shown.State.Notes = said(station.NoteUnknown, "7310865004703")
	f.Shown.State.Notes["hand"] = station.Note{Kind: station.NoteNeeds, Text: "order", At: f.Shown.Now}
	if got := later(time.Second); got != "Scan the order first" {
		t.Errorf("after the next scan the page says %q", got)
	}
	f.Shown.State.Notes = map[string]station.Note{"hand": {Kind: station.NoteSet, Text: "PO4711", At: f.Shown.Now}}
	if got := later(time.Second); got != "Everything delivered" {
		t.Errorf("after a scan that was taken the page says %q", got)
	}
}

func TestThePageSaysWhatBecameOfTheLastFivePressesAndScans(t *testing.T) {
	t.Parallel()
	for language, want := range map[string][]string{
		"en": {
			"14:29 Article …3850019, batch A1, order 4711 recorded",
			"14:28 Article …3850019, batch A1, order 4711 delivered",
			"14:27 Unknown code 7310865004703",
			"14:12 Open dispatch MAINT, SEAL-1 delivered",
			"14:10 Article …3850019, batch A1, order 4711 delivered",
		},
		"sv": {
			"14:29 Artikel …3850019, batch A1, order 4711 sparat",
			"14:28 Artikel …3850019, batch A1, order 4711 levererat",
			"14:27 Okänd kod 7310865004703",
			"14:12 Öppna dispatch MAINT, SEAL-1 levererat",
			"14:10 Artikel …3850019, batch A1, order 4711 levererat",
		},
	} {
		s := open(t, working(), language)
		var got []string
		for _, l := range s.viewBuilder(s.station.Snapshot(), nil).view().Recent {
			got = append(got, strings.TrimSpace(l.Clock+" "+l.Text+" "+l.Fate))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", language, diff)
		}
	}
}

func TestAScanThatWasCorrectedIsNotCalledDiscarded(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(e *station.RecentEntry){
		"corrected as a new entry, recorded":  func(e *station.RecentEntry) { e.Corrected, e.Fate = true, "" },
		"corrected as a new entry, on hold":   func(e *station.RecentEntry) { e.Corrected, e.Fate, e.Held = true, "", true },
		"corrected as a new entry, delivered": func(e *station.RecentEntry) { e.Corrected = true },
	} {
		f := working()
		change(&f.Shown.Recent[1].Entries[0])
		s := open(t, f, "en")
		if got := s.viewBuilder(s.station.Snapshot(), nil).view().Recent[1].Fate; got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}

// The station itself is looked at every five seconds where nothing changes.
func TestARefusalEndsInTimeBetweenTwoLooks(t *testing.T) {
	t.Parallel()
	f := working()
	f.Shown.State.Notes = said(station.NoteUnknown, "7310865004703") // two seconds ago
	f.Shown.Now.Up += 15 * time.Second
	s := open(t, f, "en")
	now := f.Shown.Now
	s.station.Stamp = func(time.Time) station.Stamp { return now }
	if got := sentence(t, ask(s, http.MethodGet, "/", "").Body.String()); got != "Unknown code 7310865004703" {
		t.Errorf("after 17 seconds the page says %q", got)
	}
	now.Up += 4 * time.Second
	if got := sentence(t, ask(s, http.MethodGet, "/", "").Body.String()); got != "Everything delivered" {
		t.Errorf("after 21 seconds the page says %q", got)
	}
}

// One press may make several entries. Where their fates differ each has its own, in their order.
func TestWhichOfSeveralEntriesIsOnHoldIsSaid(t *testing.T) {
	t.Parallel()
	held := station.RecentEntry{Held: true}
	delivered := station.RecentEntry{Fate: station.FateDelivered}
	for want, entries := range map[string][]station.RecentEntry{
		"delivered":                     {delivered, delivered},
		"delivered; delivered; on hold": {delivered, delivered, held},
	} {
		f := working()
		f.Shown.Recent[1].Entries = entries
		if got := open(t, f, "en").viewBuilder(f.Shown, nil).view().Recent[1].Fate; got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}

func TestAfterAStartThePageShowsWhatEachReaderWasToldLast(t *testing.T) {
	t.Parallel()
	f := working()
	f.Shown.Recent = nil
	f.Shown.State.Notes = map[string]station.Note{
		"hand": {Kind: station.NoteSet, Text: "PO4711", At: operatortest.At("14:02")}, "maintenance": {Kind: station.NoteDelivered, At: operatortest.At("14:12")},
		"web": {Kind: station.NoteRecorded, At: operatortest.At("14:20")},
	}
	s := open(t, f, "en")
	var got []string
	for _, l := range s.viewBuilder(s.station.Snapshot(), nil).view().Recent {
		got = append(got, l.Clock+" "+l.Text)
	}
	if diff := cmp.Diff([]string{"14:12 maintenance: Delivered", "14:02 Noted: PO4711"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheCallSaysWhetherSomebodyIsOnItByTheNumberThatPeopleLookUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		so     string
		change func(*station.Call)
		want   string
	}{
		{"it is on disk alone", func(c *station.Call) { c.Ref, c.Number = "", "" }, "recorded, not yet in L2L"},
		{"it is open there", func(*station.Call) {}, "open in L2L, no. 2871836"},
		{"and its number is not known yet", func(c *station.Call) { c.Number = "" }, "open in L2L"},
		{"somebody is on it", func(c *station.Call) { c.Attended = true }, "somebody is on it, L2L no. 2871836"},
		{"its close waits", func(c *station.Call) { c.Closing = "9.1" }, "closing"},
		{"L2L refused it", func(c *station.Call) { c.Hold = station.HoldRefused }, "action needed"},
	} {
		f := working()
		one := call()
		c.change(&one)
		f.Shown.State.Calls = []station.Call{one}
		s := open(t, f, "en")
		calls := s.viewBuilder(s.station.Snapshot(), nil).view().Calls
		if len(calls) != 1 || calls[0].Text != "14:12 · "+c.want {
			t.Errorf("%s: %+v, want %q", c.so, calls, c.want)
		}
		if page := ask(s, http.MethodGet, "/", "").Body.String(); strings.Contains(page, "88123") {
			t.Errorf("%s: the page shows the vendor's own identifier", c.so)
		}
	}
}

// That somebody is on a call is what L2L was last seen to show, and nobody knows how long ago
// that was once it is out of reach.
func TestNobodyIsSaidToBeOnACallWhileItsVendorCannotBeAsked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		so      string
		contact station.Contact
		want    string
	}{
		{"it answers", station.Contact{Kind: station.Connected}, "somebody is on it, L2L no. 2871836"},
		{"it is out of reach", station.Contact{Kind: station.NoContact}, "open in L2L, no. 2871836"},
		{"it does not accept the key any more", station.Contact{Kind: station.Connected, Fault: "401"}, "open in L2L, no. 2871836"},
	} {
		f := working()
		one := call()
		one.Attended = true
		f.Shown.State.Calls = []station.Call{one}
		f.Shown.Health.Backends["l2l"] = c.contact
		s := open(t, f, "en")
		b := s.viewBuilder(s.station.Snapshot(), nil)
		class := map[bool]string{true: "good", false: "wait"}[strings.Contains(c.want, "somebody")]
		if calls := b.view().Calls; calls[0].Text != "14:12 · "+c.want || calls[0].Class != class {
			t.Errorf("%s: the list has %+v, want %q", c.so, calls[0], c.want)
		}
		if f := b.openCalls()[0]; f.Do != c.want || f.Class != class {
			t.Errorf("%s: the headline is %+v, want %q", c.so, f, c.want)
		}
	}
}

// What a program says to a program is no operator's business: it is folded.
func TestNoTransportErrorAndNoGoTextIsInAnOperatorsSight(t *testing.T) {
	t.Parallel()
	for _, st := range states() {
		for _, language := range words.Languages() {
			on, _ := st.station(language)
			s, err := Open("127.0.0.1:0", on, quietLog())
			if err != nil {
				t.Fatal(err)
			}
			page := ask(s, http.MethodGet, "/", "").Body.String()
			s.listener.Close()
			screen, _, found := strings.Cut(page, `<div id="more">`)
			if !found {
				t.Fatal("the page has no first screen")
			}
			screen = regexp.MustCompile(`(?s)</summary>.*?</details>`).ReplaceAllString(screen, "")
			for _, bad := range []string{"dial tcp", "lookup ", "GET ", "POST ", "401", "422", "input/output", "usb:", "/etc/", "/var/", "GPIO", "%!", "{"} {
				if strings.Contains(screen, bad) {
					t.Errorf("%s in %s: the first screen contains %q", st.name, language, bad)
				}
			}
			if got := sentence(t, page); got == "" || strings.Contains(got, "how.") {
				t.Errorf("%s in %s: the page says %q", st.name, language, got)
			}
		}
	}
}

func TestAStationThatDoesNotRespondIsNotShownAsOK(t *testing.T) {
	t.Parallel()
	f := operatortest.Quiet()
	stuck := shown(f, "en")
	stuck.Stamp = func(time.Time) station.Stamp { return operatortest.At("14:31") } // the last look was at 14:30
	s, err := Open("127.0.0.1:0", stuck, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	defer s.listener.Close()
	if got := sentence(t, ask(s, http.MethodGet, "/", "").Body.String()); !strings.HasPrefix(got, "The station does not respond") {
		t.Errorf("the page says %q", got)
	}
	if w := ask(s, http.MethodGet, "/healthz", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("healthz answers %d", w.Code)
	}
}

func TestTheNetworkIsDownSinceItWasFirstSeenDown(t *testing.T) {
	t.Parallel()
	f := working()
	s := open(t, f, "en")
	f.Shown.Health.Backends["l2l"] = station.Contact{Kind: station.NoContact}
	s.refresh()
	says := func(want string) {
		t.Helper()
		if page := ask(s, http.MethodGet, "/", "").Body.String(); sentence(t, page) != "No contact with L2L" || !strings.Contains(page, want) {
			t.Errorf("%s: the page does not say %q", f.Shown.Now.Wall, want)
		}
	}
	for _, clock := range []string{"14:40", "15:10"} {
		f.Shown.Now = operatortest.At(clock)
		says("Since 14:30. Go on working")
	}
	f.Shown.Health.Backends["l2l"] = station.Contact{Kind: station.Connected}
	s.refresh()
	f.Shown.Health.Backends["l2l"] = station.Contact{Kind: station.NoContact}
	says("Since 15:10. Go on working")
}

func TestWhatASourceSaysIsShownAndNotObeyed(t *testing.T) {
	t.Parallel()
	page := ask(open(t, operatortest.Hostile(), "en"), http.MethodGet, "/", "").Body.String()
	for _, bad := range []string{"<script>d", "<img", "<i ", "<b>pack", "\x1d", "\x00", "\u202e", `" onload`} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	for _, shown := range []string{"&lt;script&gt;", "‹GS›‹NUL›‹U+202E›‹U+2028›"} {
		if !strings.Contains(page, shown) {
			t.Errorf("the page does not show %q", shown)
		}
	}
}

func TestTextFromOutsideIsMadeVisible(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, text, want string }{
		{"a GS1 separator", "0109501101530003\x1d10AB-123", "0109501101530003‹GS›10AB-123"},
		{"a line end", "PO4711\r\n", "PO4711‹CR›‹LF›"},
		{"the last of the controls", "\x1f ", "‹US› "},
		{"delete", "\x7f", "‹DEL›"},
		{"a C1 control", "\u0085", "‹U+0085›"},
		{"text turned around", "abc\u202edef", "abc‹U+202E›def"},
		{"nothing wide at all", "a\u200bb", "a‹U+200B›b"},
		{"bytes that are no text", "\xff\xfe", "‹FF›‹FE›"},
		{"letters of the Nordic countries", "Åsa Öberg", "Åsa Öberg"},
		{"too much", strings.Repeat("x", 300), strings.Repeat("x", 200) + "…"},
	}
	for _, c := range cases {
		if got := visible(c.text); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestEveryWordOfTheStationHasAText(t *testing.T) {
	t.Parallel()
	var keys []words.Key
	for _, light := range []station.Light{station.Off, station.Steady, station.Slow, station.Quick, station.OffDuty} {
		keys = append(keys, "light."+words.Key(strings.ReplaceAll(light.String(), " ", "-")))
	}
	for _, kind := range station.NoteKinds() {
		keys = append(keys, "note."+words.Key(kind))
	}
	for _, hold := range []station.HoldReason{station.HoldRefused, station.HoldUndecided, station.HoldMisfit} {
		keys = append(keys, "hold."+words.Key(hold))
	}
	for _, kind := range []string{"connected", "confirming", "no-contact"} {
		keys = append(keys, "contact."+words.Key(kind))
	}
	for _, key := range keys {
		if _, found := words.In("en").Find(key); !found {
			t.Errorf("%s has no text", key)
		}
	}
}

func TestAPageInAnUnknownLanguageIsEnglish(t *testing.T) {
	t.Parallel()
	page := ask(open(t, working(), "tlh"), http.MethodGet, "/", "").Body.String()
	if !strings.Contains(page, `<html lang="en">`) || !strings.Contains(page, "Everything delivered") {
		t.Error("the page is not in English")
	}
}

func TestALongOutboxIsCutShortAndSaysSo(t *testing.T) {
	t.Parallel()
	f := operatortest.Quiet()
	for n := range mostWaiting + 30 {
		f.Entries = append(f.Entries, operatortest.Trace(uint32(0x100+n)))
	}
	f.Shown.Waiting = len(f.Entries)
	page := ask(open(t, f, "en"), http.MethodGet, "/", "").Body.String()
	if n := strings.Count(page, "Trace article"); n != mostWaiting {
		t.Errorf("%d entries are listed, want %d", n, mostWaiting)
	}
	if !strings.Contains(page, "and 30 more") {
		t.Error("the page does not say that there are 30 more")
	}
}

func TestAnOutboxThatFailedIsNotCalledNearlyEmpty(t *testing.T) {
	t.Parallel()
	f := operatortest.Broken()
	s := open(t, f, "en")
	for _, d := range s.viewBuilder(f.Shown, nil).view().Dots {
		if d.Name == "Outbox" && (d.Text != "fault" || d.Class != "look") {
			t.Errorf("the foot says %q of it", d.Text)
		}
	}
}

func TestThePageShowsWhatTheLineRunsWhoIsThereAndWhatIsInHand(t *testing.T) {
	t.Parallel()
	f := working()
	f.Shown.State.Values["pallet"] = station.Value{Text: `[{"article":"7350","serial":"1"},"7351","3","4","5","6","7","8"]`, List: 8, At: operatortest.At("14:00")}
	f.Shown.State.Counters["scrap"] = station.Counter{Until: operatortest.At("14:29")}
	s := open(t, f, "en")
	var got []string
	for _, l := range s.viewBuilder(f.Shown, nil).view().Now {
		got = append(got, l.Name+": "+l.Text)
	}
	want := []string{"Line PACK4: PC-200", "Order: 4711", "Pallet: 8: …, 3, 4, 5, 6, 7, 8", "Parts: 3: 7350, 7351, 7352", "Operator: anna.ek", "Made: 17"}
	if diff := cmp.Diff(want, got); diff != "" { // the batch has expired
		t.Error(diff)
	}
}

func TestThePageShowsHowMuchOfTheOrderIsDoneWhereTheVendorSaysSo(t *testing.T) {
	t.Parallel()
	f := working()
	f.Shown.State.Values = nil
	f.Shown.State.Counters = nil
	f.Shown.State.Readings = map[string]station.Reading{
		"l2l":       {Line: "PACK4", Order: "8801", Reference: "PO-100-1", Product: "PC-200", At: operatortest.At("14:29")},
		"lagerkoll": {Order: "990017", Reference: "4711", Done: "1200", Amount: "4000", At: operatortest.At("14:29")},
	}
	p := operatortest.Program()
	for name, v := range p.Vendors {
		v.Reads, v.Fresh = true, 5*time.Minute
		p.Vendors[name] = v
	}
	on := shown(f, "en")
	on.Program = func() station.Program { return p }
	s, err := Open("127.0.0.1:0", on, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	defer s.listener.Close()
	look := func() (got []string) {
		for _, l := range s.viewBuilder(f.Shown, nil).view().Now {
			got = append(got, l.Name+": "+l.Text)
		}
		return got
	}
	if diff := cmp.Diff([]string{"Line PACK4: PC-200 · PO-100-1", "Lagerkoll: 4711 · 1,200 of 4,000"}, look()); diff != "" {
		t.Error(diff)
	}
	f.Shown.Now = operatortest.At("15:00") // nothing was read since
	if diff := cmp.Diff([]string{"Line PACK4: PC-200"}, look()); diff != "" {
		t.Errorf("when the readings are old: %s", diff)
	}
}

func TestThePageSaysWhatWaitsBehindAHeldEntryAndWhatCountsTheSame(t *testing.T) {
	t.Parallel()
	for language, want := range map[string][]string{
		"en": {"waits behind 9f86d081.1, which is on hold", "It counts the same as 00000033.1: if both are sent, it is counted twice.", "It counts the same as 9f86d081.1"},
		"sv": {"väntar bakom 9f86d081.1, som är pausad", "Den räknar samma som 00000033.1: skickas båda räknas det två gånger.", "Den räknar samma som 9f86d081.1"},
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			f := operatortest.Held()
			first, waits := &f.Entries[0], &f.Entries[2]
			first.Twice, waits.Twice = waits.ID, first.ID
			waits.Behind = &station.Behind{Entry: first.ID, Hold: first.Hold, Reason: first.Reason}
			page := ask(open(t, f, language), http.MethodGet, "/", "").Body.String()
			for _, text := range want {
				if !strings.Contains(page, text) {
					t.Errorf("the page does not say %q", text)
				}
			}
		})
	}
}
