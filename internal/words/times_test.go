package words

import (
	"testing"
	"time"

	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
)

func TestTimesAreTrueOrNotSaid(t *testing.T) {
	t.Parallel()
	unset := station.Stamp{Wall: time.Date(1970, 1, 1, 0, 10, 0, 0, time.UTC), Boot: "b1", Up: 10 * time.Hour}
	other := station.Stamp{Wall: unset.Wall, Boot: "b0", Up: time.Hour}
	old := operatortest.At("14:30")
	old.Boot, old.Wall = "b0", old.Wall.Add(-50*time.Hour)
	cases := []struct {
		name       string
		now, at    station.Stamp
		since, ago string
	}{
		{"today", operatortest.At("14:30"), operatortest.At("14:12"), "since 14:12", "14:12, 18 min ago"},
		{"just now", operatortest.At("14:30"), operatortest.At("14:30"), "since 14:30", "14:30, just now"},
		{"hours ago", operatortest.At("14:30"), operatortest.At("06:05"), "since 06:05", "06:05, 8 h 25 min ago"},
		{"another day and boot", operatortest.At("14:30"), old, "since 2026-03-12 12:30", "2026-03-12 12:30, 2 d 2 h ago"},
		{"before the clock was set, in this boot", operatortest.At("14:30"), station.Stamp{Wall: unset.Wall, Boot: "b1", Up: 9 * time.Hour}, "since 14:00", "14:00, 30 min ago"},
		{"while the clock is not set", unset, station.Stamp{Boot: "b1", Up: 10*time.Hour - 5*time.Minute}, "for 5 min", "5 min ago"},
		{"before the clock was set, in another boot", operatortest.At("14:30"), other, "since an unknown time", "time unknown"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			clock := Times{Now: c.now, Zone: operatortest.Stockholm(), Words: In("en")}
			if got := clock.Since(c.at); got != c.since {
				t.Errorf("since: %q, want %q", got, c.since)
			}
			if got := clock.Ago(c.at); got != c.ago {
				t.Errorf("ago: %q, want %q", got, c.ago)
			}
		})
	}
}

func TestWhatEndsByItselfIsSaidWithTheTimeOfItsEnd(t *testing.T) {
	t.Parallel()
	now := operatortest.At("14:30")
	clock := Times{Now: now, Zone: operatortest.Stockholm(), Words: In("en")}
	if got := clock.Until(10 * time.Minute); got != "until 14:40" {
		t.Error(got)
	}
	clock.Now.Trusted = false
	if got := clock.Until(10 * time.Minute); got != "for 10 min more" {
		t.Errorf("while the clock is not set: %q", got)
	}
}

func TestTimesAreWrittenAsTheLanguageDoes(t *testing.T) {
	t.Parallel()
	now := operatortest.At("14:30")
	yesterday := now
	yesterday.Boot, yesterday.Wall = "b0", now.Wall.Add(-26*time.Hour)
	unset := station.Stamp{Boot: "b1", Up: 10 * time.Hour}
	for tag, want := range map[string][4]string{
		"en": {"14:12, 18 min ago", "since 14:12", "since 2026-03-13 12:30", "for 5 min"},
		"sv": {"14:12, för 18 min sedan", "sedan 14:12", "sedan 2026-03-13 12:30", "i 5 min"},
		"de": {"14:12, vor 18 min", "seit 14:12", "seit 13.03.2026 12:30", "seit 5 min"},
		"pl": {"14:12, 18 min temu", "od 14:12", "od 13.03.2026 12:30", "od 5 min"},
		"es": {"14:12, hace 18 min", "desde las 14:12", "desde el 13/03/2026 12:30", "desde hace 5 min"},
		"fi": {"14.12, 18 min sitten", "klo 14.12 alkaen", "13.3.2026 12.30 alkaen", "5 min ajan"},
	} {
		clock := Times{Now: now, Zone: operatortest.Stockholm(), Words: In(tag)}
		unclear := Times{Now: unset, Zone: operatortest.Stockholm(), Words: In(tag)}
		before := unset
		before.Up -= 5 * time.Minute
		got := [4]string{
			clock.Ago(operatortest.At("14:12")), clock.Since(operatortest.At("14:12")),
			clock.Since(yesterday), unclear.Since(before),
		}
		if got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
}
