package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"stationd/internal/station"
)

// What a PIN costs to check: one of the choices that OWASP gives for argon2id, the one with
// the least memory, for a Pi Zero has to have it beside everything else. One is checked at a
// time.
const (
	pinMemory = 7 << 10 // KiB
	pinPasses = 5
	pinBytes  = 32

	shortestPIN = 6
	longestPIN  = 64
)

var (
	// ErrWrongPIN says that a PIN is not the one.
	ErrWrongPIN = errors.New("the PIN is wrong")

	// ErrNoPIN says that there is none: a technician shows a badge.
	ErrNoPIN = errors.New("this station has no PIN: stationd passwd sets one")
)

// A LockedError says that a PIN is not looked at for a while, because there were too many
// wrong ones.
type LockedError struct{ For time.Duration }

// Error implements error.
func (e *LockedError) Error() string {
	return fmt.Sprintf("too many wrong PINs: try again in %v", e.For.Round(time.Second))
}

// SetPIN has the page take that PIN from now on; "" has it take none.
func (a *Access) SetPIN(pin string) error {
	if pin != "" {
		if err := checkPIN(pin); err != nil {
			return err
		}
		pin = hashPIN(pin)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.change(func() error { a.pin = pin; return nil })
}

// HasPIN reports whether there is a PIN.
func (a *Access) HasPIN() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pin != ""
}

func checkPIN(pin string) error {
	n := utf8.RuneCountInString(pin)
	switch {
	case n < shortestPIN || n > longestPIN:
		return fmt.Errorf("a PIN has %d to %d characters", shortestPIN, longestPIN)
	case strings.Count(pin, pin[:1]) == len(pin), strings.Contains("01234567890", pin), strings.Contains("9876543210", pin):
		return errors.New("this PIN is tried first: take another")
	case station.HoldsBadge(pin):
		return errors.New("this is the code of a badge")
	}
	return nil
}

// hashPIN is a PIN as it is kept:
//
//	$argon2id$v=19$m=7168,t=5,p=1$c2FsdA$aGFzaA
func hashPIN(pin string) string {
	var salt [16]byte
	rand.Read(salt[:]) // never fails: crypto/rand ends the process instead
	sum := argon2.IDKey([]byte(pin), salt[:], pinPasses, pinMemory, 1, pinBytes)
	text := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, pinMemory, pinPasses, text.EncodeToString(salt[:]), text.EncodeToString(sum))
}

// isPIN reports whether a PIN is the one that is kept. What it costs is as it was when that
// was set.
func isPIN(pin, kept string) bool {
	part := strings.Split(kept, "$")
	if len(part) != 6 || part[1] != "argon2id" {
		return false
	}
	var memory, passes uint32
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=1", &memory, &passes); err != nil || memory > 4*pinMemory || passes < 1 || passes > 4*pinPasses {
		return false
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(part[4])
	want, errWant := base64.RawStdEncoding.DecodeString(part[5])
	if errSalt != nil || errWant != nil || len(want) == 0 {
		return false
	}
	sum := argon2.IDKey([]byte(pin), salt, passes, memory, 1, uint32(len(want)))
	return subtle.ConstantTimeCompare(sum, want) == 1
}

// LogIn checks a PIN that somebody at an address typed. An error is ErrNoPIN, ErrWrongPIN,
// or a *LockedError, which says for how long none is looked at; then the right one is not
// taken either. Those of the station's own computer are one address, "".
func (a *Access) LogIn(from, pin string, now time.Time) error {
	a.mu.Lock()
	kept := a.pin
	a.mu.Unlock()
	if kept == "" {
		return ErrNoPIN
	}
	if wait := a.tries.begin(from, now); wait > 0 {
		return &LockedError{wait}
	}
	if utf8.RuneCountInString(pin) > longestPIN || !a.tries.check(pin, kept) {
		return ErrWrongPIN
	}
	a.tries.succeeded(from)
	return nil
}

// How often a PIN may be tried.
const (
	freeTries   = 5 // wrong ones of one address, before it has to wait
	firstWait   = 30 * time.Second
	longestWait = 15 * time.Minute
	forgotten   = 24 * time.Hour // after this a wrong one does not count any more

	mostAddresses = 64 // of which tries are remembered

	mostElsewhere = 30 // tries from other machines, all together, within
	elsewhereTime = time.Hour
)

// tries are the wrong PINs of late. One is counted before it is checked, so that many at
// once count as many.
type tries struct {
	checking sync.Mutex // is held while one is checked: memory for one at a time

	mu        sync.Mutex // guards the rest
	of        map[string]tried
	elsewhere []time.Time // from other machines, the oldest first
}

// tried is what one address has tried.
type tried struct {
	wrong int
	last  time.Time
	until time.Time // none is looked at before this
}

// begin counts a try, and returns how long the address has to wait instead, where it has to.
func (t *tries) begin(from string, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.of[from]
	if now.Sub(one.last) > forgotten {
		one = tried{}
	}
	if wait := one.until.Sub(now); wait > 0 {
		return wait
	}
	if from != "" {
		for len(t.elsewhere) > 0 && now.Sub(t.elsewhere[0]) >= elsewhereTime {
			t.elsewhere = t.elsewhere[1:]
		}
		if len(t.elsewhere) >= mostElsewhere {
			return t.elsewhere[0].Add(elsewhereTime).Sub(now)
		}
		t.elsewhere = append(t.elsewhere, now)
	}
	one.wrong++
	one.last = now
	if over := one.wrong - freeTries; over >= 0 {
		one.until = now.Add(min(firstWait<<min(over, 10), longestWait))
	}
	if t.of == nil {
		t.of = make(map[string]tried)
	}
	t.of[from] = one
	t.forgetOldest()
	return 0
}

// forgetOldest keeps no more addresses than there may be. The own computer's is kept.
func (t *tries) forgetOldest() {
	for len(t.of) > mostAddresses {
		oldest := ""
		for from, one := range t.of {
			if from != "" && (oldest == "" || one.last.Before(t.of[oldest].last)) {
				oldest = from
			}
		}
		delete(t.of, oldest)
	}
}

// succeeded forgets what an address has tried.
func (t *tries) succeeded(from string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.of, from)
	if n := len(t.elsewhere); from != "" && n > 0 {
		t.elsewhere = t.elsewhere[:n-1]
	}
}

func (t *tries) check(pin, kept string) bool {
	t.checking.Lock()
	defer t.checking.Unlock()
	return isPIN(pin, kept)
}

func triesCeilings() []station.Ceiling {
	return []station.Ceiling{
		{Of: "wrong PINs of one address in a row", Most: strconv.Itoa(freeTries), Then: fmt.Sprintf("none is looked at for %v, then twice as long with each further one, up to %v: the page says how long. Buttons, readers and calls do not notice", firstWait, longestWait)},
		{Of: "PINs from other machines, all together", Most: fmt.Sprintf("%d in an hour", mostElsewhere), Then: "none from there is looked at until the oldest is an hour old; the station's own screen is not concerned"},
		{Of: "addresses of which wrong PINs are remembered", Most: strconv.Itoa(mostAddresses), Then: "the one that tried longest ago is forgotten"},
		{Of: "memory for checking a PIN", Most: fmt.Sprintf("%d KiB", pinMemory), Then: "one is checked at a time, and the others wait"},
	}
}
