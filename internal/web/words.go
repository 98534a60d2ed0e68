package web

import "fmt"

// Words are the page's texts in one language, by key.
type words map[string]string

// wordsIn returns the texts in a language: English unless another is known.
func wordsIn(language string) words {
	if language == "sv" {
		return swedish()
	}
	return english()
}

// Say returns the text of a key with its verbs filled in.
func (w words) Say(key string, args ...any) string {
	if len(args) == 0 {
		return w[key]
	}
	return fmt.Sprintf(w[key], args...)
}

// Count says how many of something there are.
func (w words) Count(key string, n int, args ...any) string {
	if n == 1 {
		key += ".one"
	} else {
		key += ".many"
	}
	return w.Say(key, append([]any{n}, args...)...)
}

// or returns the text of a key, or what stands for itself where there is none:
// a backend or a verb that this page has never heard of.
func (w words) or(key, itself string) string {
	if text, ok := w[key]; ok {
		return text
	}
	return visible(itself)
}

func english() words {
	return words{
		"language": "en",

		"how.good":            "Everything delivered",
		"how.waiting.one":     "%d waiting to be delivered",
		"how.waiting.many":    "%d waiting to be delivered",
		"how.offline.one":     "%d waiting: no contact with %s %s",
		"how.offline.many":    "%d waiting: no contact with %s %s",
		"how.lost":            "No contact with %s %s",
		"how.held.one":        "A person must look: %d held",
		"how.held.many":       "A person must look: %d held",
		"how.key":             "A person must look: %s does not accept the key",
		"how.device":          "A person must look: %s",
		"how.storage":         "Storage failed: nothing pressed here is recorded",
		"how.full":            "The outbox is full: nothing new is recorded",
		"how.unread":          "The outbox cannot be read",
		"how.stale":           "stationd has stopped looking: what this page shows may be old",
		"how.stopping":        "stationd is stopping: nothing pressed here is recorded",
		"how.clock":           "The clock is not set",
		"how.clock.detail":    "Times are estimates until the station has reached a time server.",
		"how.kept.one":        "%d unknown scan is kept",
		"how.kept.many":       "%d unknown scans are kept",
		"how.oldest":          "The oldest waits %s",
		"level.good":          "All is well.",
		"level.wait":          "Wait.",
		"level.look":          "Look here.",
		"answer":              "This was not done: %s",
		"lost":                "This page has lost stationd. What it shows may be old.",
		"reader":              "Retry and discard are done at the station itself, or with stationd outbox.",
		"refuse.reader":       "Decisions are taken at the station itself, or with stationd outbox.",
		"refuse.entry":        "No entry was named.",
		"light.off":           "off",
		"light.steady":        "steady: delivered",
		"light.slow":          "slow blink: recorded",
		"light.quick":         "quick blink: a person must look",
		"light.off duty":      "off duty: nothing is recorded",
		"light.no light":      "unknown",
		"lamps":               "Lamps",
		"held":                "A person must decide",
		"held.retry":          "Retry",
		"held.discard":        "Discard",
		"held.sure":           "Give it up for ever?",
		"held.yes":            "Yes, discard",
		"held.look":           "Look in %s first. Is it there: discard. Is it not: retry.",
		"hold.refused":        "%s said no",
		"hold.undecided":      "It may have arrived at %s",
		"hold.misfit":         "Not sent to %s",
		"waiting":             "Waiting",
		"waiting.marked":      "may have arrived: it is looked up first",
		"more":                "and %d more",
		"kept":                "Unknown scans",
		"kept.away":           "Put away",
		"calls":               "Open calls",
		"call.waiting":        "recorded, on its way",
		"call.delivered":      "delivered",
		"call.ref":            "delivered, number %s",
		"call.closing":        "its close is on its way",
		"call.held":           "a person must look",
		"hand":                "In hand",
		"notes":               "Latest",
		"note.recorded":       "Recorded",
		"note.set":            "Taken in hand",
		"note.delivered":      "Delivered",
		"note.unknown":        "Unknown scan, kept",
		"note.needs":          "Needed first",
		"note.already":        "Already called",
		"note.nothing":        "No open call to close",
		"note.held":           "A person must look",
		"parts":               "The station",
		"backend.l2l":         "L2L",
		"backend.lagerkoll":   "Lagerkoll",
		"contact.reached":     "reached",
		"contact.lost":        "no contact %s",
		"contact.key":         "the key is not accepted",
		"device.well":         "well",
		"fill":                "Outbox",
		"fill.of":             "%d %% full",
		"version":             "stationd %s",
		"time.since":          "since %s",
		"time.for":            "for %s",
		"time.ago":            "%s ago",
		"time.both":           "%s, %s ago",
		"time.unknown":        "time unknown",
		"time.unknown.since":  "since an unknown time",
		"age.now":             "under a minute",
		"age.minutes":         "%d min",
		"age.hours":           "%d h %d min",
		"age.days":            "%d d %d h",
		"verb.dispatch.open":  "Open dispatch",
		"verb.dispatch.add":   "Add past dispatch",
		"verb.dispatch.close": "Close dispatch",

		"verb.dispatch.complete":                "Complete dispatch",
		"verb.changeover.start":                 "Start changeover",
		"verb.changeover.finish":                "Finish changeover",
		"verb.order.hold":                       "Put order on hold",
		"verb.order.complete":                   "Complete order",
		"verb.production.record":                "Record production",
		"verb.order.create":                     "Create production order",
		"verb.order.create_from_customer_order": "Create production order from customer order",
		"verb.order.update":                     "Change production order",
		"verb.order.start":                      "Start production order",
		"verb.order.finish":                     "Finish production order",
		"verb.order.cancel":                     "Cancel production order",
		"verb.article.add":                      "Add article",
		"verb.article.update":                   "Change article",
		"verb.article.trace":                    "Trace article",
		"verb.article.remove":                   "Remove article",
	}
}

func swedish() words {
	return words{
		"language": "sv",

		"how.good":            "Allt är levererat",
		"how.waiting.one":     "%d väntar på leverans",
		"how.waiting.many":    "%d väntar på leverans",
		"how.offline.one":     "%d väntar: ingen kontakt med %s %s",
		"how.offline.many":    "%d väntar: ingen kontakt med %s %s",
		"how.lost":            "Ingen kontakt med %s %s",
		"how.held.one":        "Någon måste titta: %d kvarhållen",
		"how.held.many":       "Någon måste titta: %d kvarhållna",
		"how.key":             "Någon måste titta: %s godtar inte nyckeln",
		"how.device":          "Någon måste titta: %s",
		"how.storage":         "Lagringen fungerar inte: inget som trycks här sparas",
		"how.full":            "Utkorgen är full: inget nytt sparas",
		"how.unread":          "Utkorgen kan inte läsas",
		"how.stale":           "stationd har slutat titta: det som visas kan vara gammalt",
		"how.stopping":        "stationd stannar: inget som trycks här sparas",
		"how.clock":           "Klockan är inte ställd",
		"how.clock.detail":    "Tiderna är uppskattade tills stationen har nått en tidsserver.",
		"how.kept.one":        "%d okänd skanning är sparad",
		"how.kept.many":       "%d okända skanningar är sparade",
		"how.oldest":          "Den äldsta väntar %s",
		"level.good":          "Allt är väl.",
		"level.wait":          "Vänta.",
		"level.look":          "Titta här.",
		"answer":              "Det här blev inte gjort: %s",
		"lost":                "Sidan har tappat kontakten med stationd. Det som visas kan vara gammalt.",
		"reader":              "Försök igen och kasta görs vid stationen, eller med stationd outbox.",
		"refuse.reader":       "Beslut tas vid stationen, eller med stationd outbox.",
		"refuse.entry":        "Ingen post angavs.",
		"light.off":           "släckt",
		"light.steady":        "fast sken: levererat",
		"light.slow":          "långsam blink: sparat",
		"light.quick":         "snabb blink: någon måste titta",
		"light.off duty":      "ur tjänst: inget sparas",
		"light.no light":      "okänt",
		"lamps":               "Lampor",
		"held":                "Någon måste bestämma",
		"held.retry":          "Försök igen",
		"held.discard":        "Kasta",
		"held.sure":           "Ge upp den för alltid?",
		"held.yes":            "Ja, kasta",
		"held.look":           "Titta först i %s. Finns den där: kasta. Finns den inte: försök igen.",
		"hold.refused":        "%s sade nej",
		"hold.undecided":      "Den kan ha kommit fram till %s",
		"hold.misfit":         "Inte skickad till %s",
		"waiting":             "Väntar",
		"waiting.marked":      "kan ha kommit fram: kontrolleras först",
		"more":                "och %d till",
		"kept":                "Okända skanningar",
		"kept.away":           "Lägg undan",
		"calls":               "Öppna anrop",
		"call.waiting":        "sparat, på väg",
		"call.delivered":      "levererat",
		"call.ref":            "levererat, nummer %s",
		"call.closing":        "stängningen är på väg",
		"call.held":           "någon måste titta",
		"hand":                "I handen",
		"notes":               "Senast",
		"note.recorded":       "Sparat",
		"note.set":            "Taget i handen",
		"note.delivered":      "Levererat",
		"note.unknown":        "Okänd skanning, sparad",
		"note.needs":          "Behövs först",
		"note.already":        "Redan anropat",
		"note.nothing":        "Inget öppet anrop att stänga",
		"note.held":           "Någon måste titta",
		"parts":               "Stationen",
		"backend.l2l":         "L2L",
		"backend.lagerkoll":   "Lagerkoll",
		"contact.reached":     "nås",
		"contact.lost":        "ingen kontakt %s",
		"contact.key":         "nyckeln godtas inte",
		"device.well":         "mår bra",
		"fill":                "Utkorg",
		"fill.of":             "%d %% full",
		"version":             "stationd %s",
		"time.since":          "sedan %s",
		"time.for":            "i %s",
		"time.ago":            "för %s sedan",
		"time.both":           "%s, för %s sedan",
		"time.unknown":        "okänd tid",
		"time.unknown.since":  "sedan okänd tid",
		"age.now":             "under en minut",
		"age.minutes":         "%d min",
		"age.hours":           "%d h %d min",
		"age.days":            "%d d %d h",
		"verb.dispatch.open":  "Öppna dispatch",
		"verb.dispatch.add":   "Lägg till tidigare dispatch",
		"verb.dispatch.close": "Stäng dispatch",

		"verb.dispatch.complete":                "Slutför dispatch",
		"verb.changeover.start":                 "Börja omställning",
		"verb.changeover.finish":                "Avsluta omställning",
		"verb.order.hold":                       "Pausa order",
		"verb.order.complete":                   "Slutför order",
		"verb.production.record":                "Rapportera produktion",
		"verb.order.create":                     "Skapa produktionsorder",
		"verb.order.create_from_customer_order": "Skapa produktionsorder från kundorder",
		"verb.order.update":                     "Ändra produktionsorder",
		"verb.order.start":                      "Starta produktionsorder",
		"verb.order.finish":                     "Avsluta produktionsorder",
		"verb.order.cancel":                     "Avbryt produktionsorder",
		"verb.article.add":                      "Lägg till artikel",
		"verb.article.update":                   "Ändra artikel",
		"verb.article.trace":                    "Spåra artikel",
		"verb.article.remove":                   "Ta bort artikel",
	}
}
