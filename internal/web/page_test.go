package web

import (
	"errors"
	"flag"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
	"stationd/internal/words"
)

var update = flag.Bool("update", false, "write the golden pages again")

func TestThePageSaysHowThingsAre(t *testing.T) {
	t.Parallel()
	pages := []struct {
		name, language string
		floor          *operatortest.Station
	}{
		{"quiet", "en", operatortest.Quiet()},
		{"offline", "en", operatortest.Offline()},
		{"held", "en", operatortest.Held()},
		{"broken", "en", operatortest.Broken()},
		{"hostile", "en", operatortest.Hostile()},
		{"held-sv", "sv", operatortest.Held()},
		{"offline-sv", "sv", operatortest.Offline()},
	}
	for _, p := range pages {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			got := ask(open(t, p.floor, p.language), http.MethodGet, "/", "").Body.String()
			golden := filepath.Join("testdata", p.name+".html")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("the page differs from %s (-want +got):\n%s", golden, diff)
			}
			if strings.Contains(got, "%!") {
				t.Error("a text of the page is filled in wrongly")
			}
		})
	}
}

// sentence returns the page's big sentence.
func sentence(t *testing.T, page string) string {
	t.Helper()
	found := regexp.MustCompile(`<p class="big"><span class="spoken">[^<]*</span>([^<]*)</p>`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no big sentence on the page:\n%s", page)
	}
	return found[1]
}

func TestTheBigSentenceIsTheMostSeriousThing(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		change func(*operatortest.Station)
		want   string
	}{
		{"nothing waits", func(*operatortest.Station) {}, "Everything delivered"},
		{"three wait and the vendor answers", func(f *operatortest.Station) { f.Shown.Waiting, f.Shown.Oldest = 3, operatortest.At("14:20") }, "3 waiting to be delivered"},
		{"three wait and the network is down", func(f *operatortest.Station) {
			f.Shown.Waiting = 3
			f.Shown.Health.Backends["l2l"] = station.Contact{Kind: station.NoContact, Last: "no route to host"}
		}, "3 waiting: no contact with L2L since 14:30"},
		{"three wait and one of them may have arrived", func(f *operatortest.Station) {
			f.Shown.Waiting = 3
			f.Shown.Health.Backends["l2l"] = station.Contact{Kind: station.Confirming, Last: "no trace of it yet"}
		}, "3 waiting: confirming with L2L"},
		{"the network is down, and one may have arrived elsewhere", func(f *operatortest.Station) {
			f.Shown.Waiting = 3
			f.Shown.Health.Backends["l2l"] = station.Contact{Kind: station.Confirming, Last: "no trace of it yet"}
			f.Shown.Health.Backends["lagerkoll"] = station.Contact{Kind: station.NoContact}
		}, "3 waiting: no contact with Lagerkoll since 14:30"},
		{"the vendor answers with a page", func(f *operatortest.Station) {
			f.Shown.Waiting = 3
			f.Shown.Health.Backends["l2l"] = station.Contact{Kind: station.Unreadable, Last: "413: it answers, and the answer cannot be read"}
		}, "3 waiting: the answer of L2L cannot be read"},
		{"the vendor answers that it failed", func(f *operatortest.Station) {
			f.Shown.Waiting = 1
			f.Shown.Health.Backends["l2l"] = station.Contact{Kind: station.Failing, Last: "500: the vendor failed"}
		}, "1 waiting: L2L answers with errors"},
		{"the vendor answers that there are too many requests", func(f *operatortest.Station) {
			f.Shown.Waiting = 3
			f.Shown.Health.Backends["l2l"] = station.Contact{Kind: station.Connected, Last: "429 Too Many Requests: too many requests"}
		}, "3 waiting to be delivered"},
		{"the network is down and nothing waits", func(f *operatortest.Station) {
			f.Shown.Health.Backends["lagerkoll"] = station.Contact{Kind: station.NoContact}
		}, "No contact with Lagerkoll since 14:30"},
		{"one is held while others wait", func(f *operatortest.Station) { f.Shown.Waiting, f.Shown.Held = 3, 1 }, "Action needed: 1 on hold"},
		{"the key is wrong", func(f *operatortest.Station) {
			f.Shown.Waiting = 2
			f.Shown.Health.Backends["l2l"] = station.Contact{Kind: station.Connected, Fault: "401: the key is wrong"}
		}, "Action needed: L2L does not accept the key"},
		{"a scanner is unplugged", func(f *operatortest.Station) { f.Shown.Health.Devices["hand"] = "it is unplugged" }, "Action needed: hand"},
		{"storage failed while one is held", func(f *operatortest.Station) { f.Shown.Held, f.Shown.Health.Storage = 1, "input/output error" }, "Storage failed: nothing pressed here is recorded"},
		{"the outbox is full", func(f *operatortest.Station) { f.Shown.Health.Fill, f.Shown.Health.Storage = 1, "the outbox is full" }, "The outbox is full: nothing new is recorded"},
		{"the outbox cannot be read", func(f *operatortest.Station) { f.Shown.Waiting, f.Unread = 1, errors.New("damaged record") }, "The outbox cannot be read"},
		{"the clock is not set", func(f *operatortest.Station) { f.Shown.Health.Clock = false }, "The clock is not set"},
		{"an unknown scan is kept", func(f *operatortest.Station) { f.Shown.Kept = 1 }, "1 unknown code was scanned"},
		{"the station stops", func(f *operatortest.Station) { f.Shown.Lights["red"] = station.OffDuty }, "stationd is stopping: nothing pressed here is recorded"},
		{"a third vendor is out of reach", func(f *operatortest.Station) {
			f.Shown.Health.Backends["mes"] = station.Contact{Kind: station.NoContact}
		}, "No contact with mes since 14:30"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := operatortest.Quiet()
			c.change(f)
			if got := sentence(t, ask(open(t, f, "en"), http.MethodGet, "/", "").Body.String()); got != c.want {
				t.Errorf("the page says %q, want %q", got, c.want)
			}
		})
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
	f := operatortest.Quiet()
	s := open(t, f, "en")
	f.Shown.Health.Backends["l2l"] = station.Contact{Kind: station.NoContact}
	s.refresh()
	for _, clock := range []string{"14:40", "15:10"} {
		f.Shown.Now = operatortest.At(clock)
		if got, want := sentence(t, ask(s, http.MethodGet, "/", "").Body.String()), "No contact with L2L since 14:30"; got != want {
			t.Errorf("at %s: %q, want %q", clock, got, want)
		}
	}
	f.Shown.Health.Backends["l2l"] = station.Contact{Kind: station.Connected}
	s.refresh()
	f.Shown.Health.Backends["l2l"] = station.Contact{Kind: station.NoContact}
	if got, want := sentence(t, ask(s, http.MethodGet, "/", "").Body.String()), "No contact with L2L since 15:10"; got != want {
		t.Errorf("after it came back and went again: %q, want %q", got, want)
	}
}

func TestWhatASourceSaysIsShownAndNotObeyed(t *testing.T) {
	t.Parallel()
	page := ask(open(t, operatortest.Hostile(), "en"), http.MethodGet, "/", "").Body.String()
	for _, bad := range []string{"<script>d", "<img", "<i ", "<b>pack", "\x1d", "\x00", "\u202e", `" onload`} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	for _, shown := range []string{"&lt;script&gt;", "‹GS›‹NUL›‹U&#43;202E›‹U&#43;2028›"} {
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
	for _, kind := range []string{"connected", "unreadable", "failing", "confirming", "no-contact"} {
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
	page := ask(open(t, operatortest.Quiet(), "tlh"), http.MethodGet, "/", "").Body.String()
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

func TestAListInHandAndACountAreShownAsHowMany(t *testing.T) {
	t.Parallel()
	f := operatortest.Quiet()
	f.Shown.State.Values["parts"] = station.Value{Text: `[{"article":"7350"},{"article":"7351"}]`, List: 2, At: operatortest.At("14:00")}
	f.Shown.State.Counters = map[string]station.Counter{"made": {Count: 17, Since: operatortest.At("14:29")}, "scrap": {Until: operatortest.At("14:29")}}
	s := open(t, f, "en")
	got := map[string]string{}
	for _, l := range s.viewBuilder(f.Shown, nil).view().Job {
		got[l.Name] = l.Text
	}
	if want := map[string]string{"Order": "4711", "Parts": "2", "Made": "17"}; !maps.Equal(got, want) {
		t.Errorf("in hand: %v, want %v", got, want)
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
