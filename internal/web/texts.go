package web

import (
	"fmt"
	"strings"
)

// texts are what the page says in one language, by key. A text is a format for
// fmt.Sprintf; what counts something has a form for one and a form for many.
type texts map[string]string

// textsIn returns the texts in a language: English unless another is known.
func textsIn(language string) texts {
	if language == "sv" {
		return swedish()
	}
	return english()
}

// Say returns the text of a key with its verbs filled in.
func (t texts) Say(key string, args ...any) string {
	if len(args) == 0 {
		return t[key]
	}
	return fmt.Sprintf(t[key], args...)
}

// Count says how many of something there are.
func (t texts) Count(key string, n int, args ...any) string {
	if n == 1 {
		key += ".one"
	} else {
		key += ".many"
	}
	return t.Say(key, append([]any{n}, args...)...)
}

// textOr returns the text of a key, or otherwise where there is none: the name of a
// backend or a verb for which the page has no text.
func (t texts) textOr(key, otherwise string) string {
	if text, ok := t[key]; ok {
		return text
	}
	return visible(otherwise)
}

// note puts what was said to a press or scan in words. What it is about stands in the
// text where that has a place for it, and else after it.
func (t texts) note(kind, about string) string {
	text := t.textOr("note."+kind, kind)
	switch {
	case strings.Contains(text, "%s"):
		return fmt.Sprintf(text, visible(about))
	case about != "":
		return text + ": " + visible(about)
	}
	return text
}

func english() texts {
	return texts{
		"language": "en",

		"how.good":            "Everything delivered",
		"how.waiting.one":     "%d waiting to be delivered",
		"how.waiting.many":    "%d waiting to be delivered",
		"how.offline.one":     "%d waiting: no contact with %s %s",
		"how.offline.many":    "%d waiting: no contact with %s %s",
		"how.unreadable.one":  "%d waiting: the answer of %s cannot be read",
		"how.unreadable.many": "%d waiting: the answer of %s cannot be read",
		"how.failing.one":     "%d waiting: %s answers with errors",
		"how.failing.many":    "%d waiting: %s answers with errors",
		"how.confirming.one":  "%d waiting: confirming with %s",
		"how.confirming.many": "%d waiting: confirming with %s",

		"how.confirming.detail": "Something may have arrived there already: stationd checks before it sends anything again.",

		"how.lost":            "No contact with %s %s",
		"how.held.one":        "Action needed: %d on hold",
		"how.held.many":       "Action needed: %d on hold",
		"how.key":             "Action needed: %s does not accept the key",
		"how.device":          "Action needed: %s",
		"how.storage":         "Storage failed: nothing pressed here is recorded",
		"how.full":            "The outbox is full: nothing new is recorded",
		"how.unread":          "The outbox cannot be read",
		"how.stale":           "The station does not respond: this page may be out of date",
		"how.stopping":        "stationd is stopping: nothing pressed here is recorded",
		"how.clock":           "The clock is not set",
		"how.clock.detail":    "Times are estimates until the station has reached a time server.",
		"how.kept.one":        "%d unknown code was scanned",
		"how.kept.many":       "%d unknown codes were scanned",
		"how.oldest":          "The oldest waits %s",
		"level.good":          "OK.",
		"level.wait":          "Waiting.",
		"level.look":          "Attention.",
		"answer":              "Not done: %s",
		"lost":                "STATION NOT RESPONDING. A press that lights no lamp is not recorded: call the old way. Shown: state at",
		"visitor":             "To retry, discard or close, use the screen at the station, or stationd outbox and stationd call.",
		"refuse.visitor":      "Only the screen at the station may decide, or stationd outbox and stationd call.",
		"refuse.account":      "The account %s may not decide here. Add it to the group of the station (sudo adduser %s %s), or use stationd outbox and stationd call.",
		"refuse.unknown":      "Which account this browser runs under cannot be determined (%v). Try again, or use stationd outbox and stationd call.",
		"refuse.entry":        "No entry was named.",
		"light.off":           "off",
		"light.steady":        "steady: delivered",
		"light.slow":          "slow blink: recorded",
		"light.quick":         "quick blink: action needed",
		"light.off duty":      "off duty: nothing is recorded",
		"light.no light":      "unknown",
		"lamps":               "Lamps",
		"held":                "On hold",
		"held.retry":          "Retry",
		"held.discard":        "Discard",
		"held.sure":           "Discard permanently?",
		"held.yes":            "Yes, discard",
		"held.look":           "Retry checks %s first, and sends only what is certainly not there.",
		"held.notthere":       "It is not there",
		"held.notthere.sure":  "You have checked %s, and it is not there?",
		"held.notthere.there": "You have checked the old address, and it is not there?",
		"held.notthere.yes":   "Yes, send it",
		"held.moved":          "It was meant for %s. Send it to %s?",
		"held.moved.look":     "It was meant for %s; the station now uses %s.",
		"held.current":        "Send to the new address",
		"held.current.yes":    "Yes, send it there",
		"hold.refused":        "%s rejected it",
		"hold.undecided":      "It may have arrived at %s",
		"hold.misfit":         "Not sent to %s",
		"waiting":             "Waiting",
		"waiting.marked":      "may have arrived: checked before it is sent again",
		"waiting.behind":      "waits behind %s, which is on hold",
		"more":                "and %d more",
		"notices":             "What happened",
		"kept":                "Unknown scans",
		"kept.away":           "Dismiss",
		"calls":               "Open calls",
		"call.waiting":        "recorded, being delivered",
		"call.delivered":      "delivered",
		"call.ref":            "delivered, id %s",
		"call.closing":        "closing",
		"call.held":           "action needed",
		"call.close":          "Close call",
		"call.sure":           "Close this call?",
		"call.yes":            "Yes, close it",
		"job":                 "Current job",
		"notes":               "Last scans and presses",
		"note.recorded":       "Recorded",
		"note.set":            "Noted",
		"note.asked":          "Requested once",
		"note.delivered":      "Delivered",
		"note.unknown":        "Unknown code",
		"note.needs":          "Scan %s first",
		"note.already":        "Already called",
		"note.nothing":        "No open call to close",
		"note.held":           "Action needed",
		"note.full":           "The list is full",
		"note.number":         "Not a number",
		"note.unfit":          "This code cannot be used",
		"note.undone":         "Undone",
		"note.late":           "Too late to undo",
		"note.left":           "Closed here, still open at the vendor",
		"note.unrecorded":     "Not recorded: do it again",
		"note.twice":          "Recorded, but the same is already on hold: it may be counted twice",
		"entry.twice":         "It counts the same as %s: if both are sent, it is counted twice.",
		"parts":               "The station",
		"contact.":            "not contacted yet",
		"contact.connected":   "connected",
		"contact.unreadable":  "its answer cannot be read",
		"contact.failing":     "answers with errors",
		"contact.confirming":  "confirming what arrived",
		"contact.no contact":  "no contact %s",
		"contact.key":         "the key is not accepted",
		"device.well":         "OK",
		"fill":                "Outbox",
		"fill.of":             "%d %% full",
		"version":             "stationd %s",
		"time.since":          "since %s",
		"time.for":            "for %s",
		"time.ago":            "%s ago",
		"time.both":           "%s, %s ago",
		"time.unknown":        "time unknown",
		"time.unknown.since":  "since an unknown time",
		"time.now":            "just now",
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
		"verb.webhook.post":                     "Post event",
	}
}

func swedish() texts {
	return texts{
		"language": "sv",

		"how.good":            "Allt är levererat",
		"how.waiting.one":     "%d väntar på leverans",
		"how.waiting.many":    "%d väntar på leverans",
		"how.offline.one":     "%d väntar: ingen kontakt med %s %s",
		"how.offline.many":    "%d väntar: ingen kontakt med %s %s",
		"how.unreadable.one":  "%d väntar: svaret från %s går inte att läsa",
		"how.unreadable.many": "%d väntar: svaret från %s går inte att läsa",
		"how.failing.one":     "%d väntar: %s svarar med fel",
		"how.failing.many":    "%d väntar: %s svarar med fel",
		"how.confirming.one":  "%d väntar: bekräftas med %s",
		"how.confirming.many": "%d väntar: bekräftas med %s",

		"how.confirming.detail": "Något kan ha kommit fram dit redan: det kontrolleras innan något skickas igen.",

		"how.lost":            "Ingen kontakt med %s %s",
		"how.held.one":        "Åtgärd krävs: %d pausad",
		"how.held.many":       "Åtgärd krävs: %d pausade",
		"how.key":             "Åtgärd krävs: %s godtar inte nyckeln",
		"how.device":          "Åtgärd krävs: %s",
		"how.storage":         "Lagringen fungerar inte: inget som trycks här sparas",
		"how.full":            "Utkorgen är full: inget nytt sparas",
		"how.unread":          "Utkorgen kan inte läsas",
		"how.stale":           "Stationen svarar inte: det som visas kan vara gammalt",
		"how.stopping":        "stationd stannar: inget som trycks här sparas",
		"how.clock":           "Klockan är inte ställd",
		"how.clock.detail":    "Tiderna är uppskattade tills stationen har nått en tidsserver.",
		"how.kept.one":        "%d okänd kod har skannats",
		"how.kept.many":       "%d okända koder har skannats",
		"how.oldest":          "Den äldsta väntar %s",
		"level.good":          "OK.",
		"level.wait":          "Väntar.",
		"level.look":          "Obs.",
		"answer":              "Inte gjort: %s",
		"lost":                "STATIONEN SVARAR INTE. Ett tryck som inte tänder lampan är inte sparat: kalla på hjälp som förr. Visas: läget",
		"visitor":             "Försök igen, ta bort och stäng görs på stationens skärm, eller med stationd outbox och stationd call.",
		"refuse.visitor":      "Beslut tas på stationens skärm, eller med stationd outbox och stationd call.",
		"refuse.account":      "Kontot %s får inte besluta här. Lägg till det i stationens grupp (sudo adduser %s %s), eller använd stationd outbox och stationd call.",
		"refuse.unknown":      "Det går inte att avgöra vilket konto webbläsaren körs under (%v). Försök igen, eller använd stationd outbox och stationd call.",
		"refuse.entry":        "Ingen post angavs.",
		"light.off":           "släckt",
		"light.steady":        "fast sken: levererat",
		"light.slow":          "långsam blink: sparat",
		"light.quick":         "snabb blink: åtgärd krävs",
		"light.off duty":      "ur tjänst: inget sparas",
		"light.no light":      "okänt",
		"lamps":               "Lampor",
		"held":                "Pausat",
		"held.retry":          "Försök igen",
		"held.discard":        "Ta bort",
		"held.sure":           "Ta bort för gott?",
		"held.yes":            "Ja, ta bort",
		"held.look":           "Försök igen kontrollerar först %s, och skickar bara det som säkert inte finns där.",
		"held.notthere":       "Den finns inte där",
		"held.notthere.sure":  "Du har kontrollerat %s, och den finns inte där?",
		"held.notthere.there": "Du har kontrollerat den gamla adressen, och den finns inte där?",
		"held.notthere.yes":   "Ja, skicka",
		"held.moved":          "Den var avsedd för %s. Skicka till %s?",
		"held.moved.look":     "Den var avsedd för %s; stationen använder nu %s.",
		"held.current":        "Skicka till nya adressen",
		"held.current.yes":    "Ja, skicka dit",
		"hold.refused":        "%s avvisade den",
		"hold.undecided":      "Den kan ha kommit fram till %s",
		"hold.misfit":         "Inte skickad till %s",
		"waiting":             "Väntar",
		"waiting.marked":      "kan ha kommit fram: kontrolleras innan den skickas igen",
		"waiting.behind":      "väntar bakom %s, som är pausad",
		"more":                "och %d till",
		"notices":             "Vad som har hänt",
		"kept":                "Okända skanningar",
		"kept.away":           "Avfärda",
		"calls":               "Pågående anrop",
		"call.waiting":        "sparat, levereras",
		"call.delivered":      "levererat",
		"call.ref":            "levererat, id %s",
		"call.closing":        "stängs",
		"call.held":           "åtgärd krävs",
		"call.close":          "Stäng anrop",
		"call.sure":           "Stäng det här anropet?",
		"call.yes":            "Ja, stäng",
		"job":                 "Pågår",
		"notes":               "Senaste skanningar och tryck",
		"note.recorded":       "Sparat",
		"note.set":            "Noterat",
		"note.asked":          "Begärt, en gång",
		"note.delivered":      "Levererat",
		"note.unknown":        "Okänd kod",
		"note.needs":          "Skanna %s först",
		"note.already":        "Redan anropat",
		"note.nothing":        "Inget öppet anrop att stänga",
		"note.held":           "Åtgärd krävs",
		"note.full":           "Listan är full",
		"note.number":         "Inte ett tal",
		"note.unfit":          "Koden kan inte användas",
		"note.undone":         "Ångrat",
		"note.late":           "För sent att ångra",
		"note.left":           "Stängt här, kvar öppet hos leverantören",
		"note.unrecorded":     "Inte sparat: gör om det",
		"note.twice":          "Sparat, men samma är redan pausat: det kan räknas två gånger",
		"entry.twice":         "Den räknar samma som %s: skickas båda räknas det två gånger.",
		"parts":               "Stationen",
		"contact.":            "inte kontaktad än",
		"contact.connected":   "ansluten",
		"contact.unreadable":  "svaret går inte att läsa",
		"contact.failing":     "svarar med fel",
		"contact.confirming":  "bekräftar vad som kommit fram",
		"contact.no contact":  "ingen kontakt %s",
		"contact.key":         "nyckeln godtas inte",
		"device.well":         "OK",
		"fill":                "Utkorg",
		"fill.of":             "%d %% full",
		"version":             "stationd %s",
		"time.since":          "sedan %s",
		"time.for":            "i %s",
		"time.ago":            "för %s sedan",
		"time.both":           "%s, för %s sedan",
		"time.unknown":        "okänd tid",
		"time.unknown.since":  "sedan okänd tid",
		"time.now":            "nyss",
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
		"verb.webhook.post":                     "Skicka händelse",
	}
}
