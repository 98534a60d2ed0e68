package matrix

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"stationd/internal/plant"
)

// brokenFor is how long a way stays broken. It is within the two minutes after
// which a changeover is too late to be sent unasked.
const brokenFor = 50 * time.Second

// A kind is what a fault is done to.
type kind uint8

const (
	toNothing kind = iota
	toWay          // nothing reaches the plant
	toRequest
	bySecond // a second user acts as well
	toHeld   // it is held while it is in doubt, and retried
)

// A fault is one thing that goes wrong, once.
type fault struct {
	name string

	// breaks breaks the way to the plant before anything is sent; mends mends it
	// after brokenFor.
	breaks, mends func(*cell)

	// arms has something struck later, at a moment on the way by a relay.
	arms func(*cell)

	// strikes is what happens when the acting request reaches the plant for the
	// first time; serve is the plant. nil: nothing goes wrong there.
	strikes func(c *cell, r *http.Request, serve func())

	// vanish is for how long packets vanish from the acting request on; 0: not at all.
	vanish time.Duration

	// holds has what is in doubt held, and puts right what held it. A person then
	// retries it.
	holds func(*cell)

	// others have other verbs be delivered with the same key beforehand, and wait beside
	// the action: nothing of them may be left at the end.
	others bool

	// idle has another verb be delivered just before, and the connection that is kept from
	// it be closed in the very moment in which it is used again.
	idle bool

	// alters is how the plant shows the texts that it was told; nil: as they are.
	alters func(text string) string

	kind kind
}

// faults lists everything that we know how to break.
func faults() []fault {
	list := []fault{{name: "nothing"}}
	list = append(list, networkFaults()...)
	for _, f := range []struct {
		name string
		plant.Fault
	}{
		{"the connection ends unanswered, before the effect", plant.Fault{Kind: plant.Down}},
		{"the connection is torn before the effect", plant.Fault{Kind: plant.Reset}},
		{"time-out after the effect", plant.Fault{Kind: plant.Slow, Delay: 40 * time.Second}},
		{"the answer is lost after the effect", plant.Fault{Kind: plant.Lost}},
		{"500 before the effect", plant.Fault{Kind: plant.ErrorBefore}},
		{"500 after the effect", plant.Fault{Kind: plant.ErrorAfter}},
		{"502 with a proxy's page", plant.Fault{Kind: plant.BadGateway}},
		{"429 with Retry-After", plant.Fault{Kind: plant.TooMany, RetryAfter: 20 * time.Second}},
		{"429 without Retry-After", plant.Fault{Kind: plant.TooMany}},
		{"JSON cut off, after the effect", plant.Fault{Kind: plant.Truncated}},
		{"text before the JSON, after the effect", plant.Fault{Kind: plant.Warned}},
		{"a byte order mark before the JSON", plant.Fault{Kind: plant.ByteOrder}},
		{"HTML with 200, before the effect", plant.Fault{Kind: plant.HTML}},
		{"redirect to another host", plant.Fault{Kind: plant.Redirect}},
		{"401 once", plant.Fault{Kind: plant.Unauthorized}},
		{"the vendor's own no", plant.Fault{Kind: plant.Refusal}},
		{"answer of 8 MiB, after the effect", plant.Fault{Kind: plant.Huge}},
		{"the answer drips for minutes, after the effect", plant.Fault{Kind: plant.Drips, Delay: 3 * time.Second}},
		{"late effect, 45 s, after the time-out", plant.Fault{Kind: plant.Late, Delay: 45 * time.Second}},
	} {
		list = append(list, fault{name: f.name, kind: toRequest, strikes: func(c *cell, _ *http.Request, serve func()) {
			c.strikeOnce(f.Fault)
			serve()
		}})
	}
	list = append(list, vanishing("packets vanish for 20 s, and the kernel sends it again", 20*time.Second),
		vanishing("packets vanish for 70 s, and it is given up and torn", 70*time.Second))
	list = append(list, fault{name: "the connection is closed between requests", kind: toRequest, idle: true})
	list = append(list, permanent()...)
	list = append(list, alteredTexts()...)
	list = append(append(list, lookupsFail(), powerCut(false), powerCut(true)), secondUserFaults()...)
	for _, after := range []bool{false, true} {
		for _, h := range []struct {
			name  string
			holds func(*cell)
		}{
			{"the vendor's address is another one for a while", func(c *cell) {
				c.otherAddress, c.backend = true, nil
				c.deliver(brokenFor)
				c.otherAddress, c.backend = false, nil
			}},
			{"the vendor shows it nothing for a while", func(c *cell) {
				c.plant.AddFault(plant.Fault{Kind: plant.Refusal, Where: "GET *"})
				c.deliver(brokenFor)
				c.plant.ClearFaults()
			}},
			{"the vendor is not in the configuration for a while", func(c *cell) {
				if err := c.outbox.HoldOrphaned(func(string) bool { return false }); err != nil {
					c.t.Error(err)
				}
			}},
		} {
			f := powerCut(after)
			f.name, f.kind, f.holds = f.name+", and "+h.name+", and it is retried", toHeld, h.holds
			list = append(list, f)
		}
	}
	return list
}

// vanishing lets packets vanish from the acting request on, as an access point does that
// starts again.
func vanishing(name string, lasts time.Duration) fault {
	return fault{name: name, kind: toRequest, vanish: lasts}
}

// permanent are the faults that strike the acting request each time, and nothing else: no
// patience mends them.
func permanent() (list []fault) {
	for _, f := range []struct {
		name string
		plant.Fault
	}{
		{"403 for this operation, always", plant.Fault{Kind: plant.Forbidden}},
		{"413, always", plant.Fault{Kind: plant.TooLarge}},
		{"500 before the effect, always", plant.Fault{Kind: plant.ErrorBefore}},
		{"a page that nobody can read, always", plant.Fault{Kind: plant.HTML}},
	} {
		list = append(list, fault{name: f.name, kind: toRequest, strikes: func(c *cell, _ *http.Request, serve func()) {
			f.Where = c.sample.act
			c.plant.AddFault(f.Fault)
			serve()
		}})
	}
	return list
}

// alteredTexts are sites that show texts in another form than they were told, where an
// answer or a request is lost.
func alteredTexts() (list []fault) {
	for _, f := range []struct {
		name   string
		kind   plant.FaultKind
		alters func(string) string
	}{
		{"the answer is lost, and texts are shown in capitals", plant.Lost, strings.ToUpper},
		{"the request is lost, and texts are shown in capitals", plant.Down, strings.ToUpper},
		{"the answer is lost, and texts are shown in small letters", plant.Lost, strings.ToLower},
		{"the answer is lost, and texts are shown as HTML", plant.Lost, strings.NewReplacer("[", "&#91;", "]", "&#93;", "&", "&amp;").Replace},
		{"the answer is lost, and texts are shown without brackets", plant.Lost, strings.NewReplacer("[", "", "]", "").Replace},
		{"the answer is lost, and texts are shown with blanks around", plant.Lost, func(text string) string { return "  " + text + " " }},
		{"the answer is lost, and texts are cut to six characters", plant.Lost, func(text string) string { return text[:min(len(text), 6)] }},
	} {
		list = append(list, fault{name: f.name, kind: toRequest, alters: f.alters, strikes: func(c *cell, _ *http.Request, serve func()) {
			c.strikeOnce(plant.Fault{Kind: f.kind})
			serve()
		}})
	}
	return list
}

// networkFaults are those of the way there: nothing reaches the plant.
func networkFaults() []fault {
	broken := func(name string, breaks func(*cell)) fault {
		return fault{name: name, kind: toWay, breaks: breaks, mends: func(c *cell) { c.network.breaks(nil) }}
	}
	tls := func(name string, breaks func(*cell)) fault {
		return fault{name: name, kind: toWay, breaks: breaks, mends: func(c *cell) { c.showCertificate(issued.good) }}
	}
	return []fault{
		broken("connection refused", func(c *cell) { c.network.breaks(refused) }),
		broken("DNS: no such host", func(c *cell) { c.network.breaks(unknownName) }),
		tls("TLS: a certificate nobody knows", func(c *cell) { c.showCertificate(issued.stranger) }),
		tls("TLS: the clock is wrong", func(c *cell) { c.showCertificate(issued.tomorrow) }),
		broken("hung up before the request", func(c *cell) { c.network.breaks(hangsUp) }),
		{
			name: "the key is wrong for a while", kind: toWay,
			breaks: func(c *cell) { c.wrongKey = "a-wrong-key" },
			mends: func(c *cell) {
				c.wrongKey, c.backend = "", nil
				c.outbox.TryNow()
			},
		},
		{
			name: "the key is wrong for a while, and each verb is told so with a plain no", kind: toWay, others: true,
			breaks: func(c *cell) {
				for part := range strings.FieldsSeq("dispatches buildsequence pitch article finish cancel customer_order") {
					c.plant.AddFault(plant.Fault{Kind: plant.Refusal, Where: "*" + part + "*", Code: 903003, Text: "Not allowed: " + part})
				}
				c.plant.AddFault(plant.Fault{Kind: plant.Refusal, Code: 903001, Text: "Not allowed"})
			},
			mends: func(c *cell) {
				c.plant.ClearFaults()
				c.backend = nil
				c.outbox.TryNow()
			},
		},
	}
}

// lookupsFail loses the answer and then shows nobody anything for a while.
func lookupsFail() fault {
	return fault{
		name: "the answer is lost, and no look-up works either", kind: toRequest,
		strikes: func(c *cell, _ *http.Request, serve func()) {
			c.strikeOnce(plant.Fault{Kind: plant.Lost})
			c.plant.AddFault(plant.Fault{Kind: plant.BadGateway, Where: "GET *"})
			serve()
		},
		mends: func(c *cell) { c.plant.ClearFaults() },
	}
}

// powerCut cuts the station's power while its request is under way.
func powerCut(after bool) fault {
	kind, when := plant.Down, "before"
	if after {
		kind, when = plant.Lost, "after"
	}
	return fault{
		name: fmt.Sprintf("the station loses its power %s the effect", when), kind: toRequest,
		strikes: func(c *cell, _ *http.Request, serve func()) {
			c.strikeOnce(plant.Fault{Kind: kind})
			c.cutPower()
			serve()
		},
	}
}

// secondUserFaults are the faults of a second user, who does the same in the same moment.
func secondUserFaults() []fault {
	return []fault{
		{name: "a second user does the same just before", kind: bySecond, strikes: func(c *cell, r *http.Request, serve func()) {
			c.secondUser(r)
			serve()
		}},
		{name: "a second user does the same, our answer is lost", kind: bySecond, strikes: func(c *cell, r *http.Request, serve func()) {
			c.secondUser(r)
			c.strikeOnce(plant.Fault{Kind: plant.Lost})
			serve()
		}},
		{name: "a second user does the same, our request is lost", kind: bySecond, strikes: func(c *cell, r *http.Request, serve func()) {
			c.secondUser(r)
			c.strikeOnce(plant.Fault{Kind: plant.Down})
			serve()
		}},
	}
}
