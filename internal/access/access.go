// Package access knows who is a technician: whose badges and which PIN there are, who has
// shown a badge at the station, and how often a PIN may be tried.
package access

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"stationd/internal/atomicfile"
	"stationd/internal/station"
)

const (
	mostBadges  = 200
	longestName = 60 // characters of a name
)

// A Badge is a technician's badge, without its code: nobody has that but the badge.
type Badge struct {
	Name string        `json:"name"`
	Made station.Stamp `json:"made"`
}

// A badge is a Badge with the sum of its code (station.BadgeSum).
type badge struct {
	Badge
	Sum string `json:"sum"`
}

// Access is what a station knows of its technicians. Its methods may be called by several
// goroutines at once. Badges and PIN are in a file, and survive a restart; who has shown a
// badge does not.
type Access struct {
	path  string
	tries tries

	mu     sync.Mutex // guards the rest
	fault  string     // why the file was not read; empty as soon as it was written anew
	badges []badge
	pin    string // argon2id, as hashPIN writes it; empty: there is none
	duty   duty
}

// A duty is the technician who has shown a badge.
type duty struct {
	sum  string // of the badge; empty: nobody
	name string
	at   station.Stamp
}

// A file is what the file has.
type file struct {
	Badges []badge `json:"badges"`
	PIN    string  `json:"pin,omitempty"`
}

// Open reads the file at path, which need not be there: then there are no technicians. Where
// it cannot be read there are none either, and the error and Faults say why.
func Open(path string) (*Access, error) {
	a := &Access{path: path}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	var f file
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		err = fmt.Errorf("badges and PIN (%s): %w: nobody is a technician; make them anew with stationd badge and stationd passwd", path, err)
		a.fault = err.Error()
		return a, err
	}
	a.badges, a.pin = f.Badges, f.PIN
	return a, nil
}

// Faults implements station.HealthReporter.
func (a *Access) Faults() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return map[string]string{"access": a.fault}
}

// change changes badges or PIN, and keeps the change where it can be written.
func (a *Access) change(how func() error) error {
	badges, pin := slices.Clone(a.badges), a.pin
	err := how()
	if err == nil {
		var text []byte
		if text, err = json.Marshal(file{append([]badge{}, a.badges...), a.pin}); err == nil {
			err = atomicfile.Replace(a.path, text, 0o600)
		}
	}
	if err != nil {
		a.badges, a.pin = badges, pin
		return err
	}
	a.fault = ""
	return nil
}

// alphabet has no letter that another keyboard layout has elsewhere on its first rows (Y
// and Z), and none that is taken for a digit.
const alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWX"

// NewBadge makes a badge for a technician, and returns its code, of which nothing but the
// sum is kept. A name has one badge at most: revoke the old one first.
func (a *Access) NewBadge(name string, now station.Stamp) (code string, err error) {
	switch n := utf8.RuneCountInString(name); {
	case n == 0 || n > longestName || strings.TrimSpace(name) != name:
		return "", fmt.Errorf("the name of a badge has 1 to %d characters, and no blank at its ends", longestName)
	case station.OneLine(name, longestName) != name || station.HoldsBadge(name):
		return "", errors.New("the name of a badge has no characters that cannot be seen, and is not a badge's code")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case slices.ContainsFunc(a.badges, func(b badge) bool { return b.Name == name }):
		return "", fmt.Errorf("%s has a badge already: stationd badge revoke first, which ends the old one", name)
	case len(a.badges) >= mostBadges:
		return "", fmt.Errorf("there are %d badges, and no more: revoke one that nobody has any more", mostBadges)
	}
	code = station.BadgePrefix + secret()
	return code, a.change(func() error {
		a.badges = append(a.badges, badge{Badge{name, now}, station.BadgeSum(code)})
		return nil
	})
}

// secret is what follows the prefix of a new badge: 98 bits.
func secret() string {
	var b strings.Builder
	for b.Len() < station.BadgeSecret {
		var one [1]byte
		rand.Read(one[:]) // never fails: crypto/rand ends the process instead
		if i := int(one[0]); i < 256/len(alphabet)*len(alphabet) {
			b.WriteByte(alphabet[i%len(alphabet)])
		}
	}
	return b.String()
}

// Badges lists the badges by their names.
func (a *Access) Badges() []Badge {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]Badge, 0, len(a.badges))
	for _, b := range a.badges {
		all = append(all, b.Badge)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// Revoke ends a badge. Who has shown it may decide no longer.
func (a *Access) Revoke(name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.badges, func(b badge) bool { return b.Name == name })
	if i < 0 {
		return fmt.Errorf("there is no badge of %q: stationd badge ls lists them", name)
	}
	sum := a.badges[i].Sum
	if err := a.change(func() error { a.badges = slices.Delete(a.badges, i, i+1); return nil }); err != nil {
		return err
	}
	if a.duty.sum == sum {
		a.duty = duty{}
	}
	return nil
}

// Show says what a badge does that is shown at the station, by its sum: it lets its
// technician decide from now on (station.BadgeShown); or, where they do already, ends that
// (station.BadgeAgain). what is empty of a badge that nobody knows.
func (a *Access) Show(sum string, at station.Stamp, holds time.Duration) (name, what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.badges, func(b badge) bool { return b.Sum == sum })
	switch {
	case i < 0:
		return "", ""
	case a.duty.sum == sum && a.duty.holds(at, holds):
		a.duty = duty{}
		return a.badges[i].Name, station.BadgeAgain
	}
	a.duty = duty{sum, a.badges[i].Name, at}
	return a.badges[i].Name, station.BadgeShown
}

// Technician returns who has shown a badge within that time, and for how long it holds
// still; "" where nobody has. The time is that since the boot, which no step of the clock
// moves.
func (a *Access) Technician(now station.Stamp, holds time.Duration) (name string, left time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.duty.holds(now, holds) {
		return "", 0
	}
	age, _ := now.Since(a.duty.at)
	return a.duty.name, holds - max(age, 0)
}

// LogOut ends what a badge allows.
func (a *Access) LogOut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.duty = duty{}
}

func (d duty) holds(now station.Stamp, within time.Duration) bool {
	age, known := now.Since(d.at)
	return d.sum != "" && known && age < within
}

// Ceilings lists what is kept of technicians at most, and how often a PIN is tried.
func Ceilings() []station.Ceiling {
	return append([]station.Ceiling{
		{Of: "badges", Most: strconv.Itoa(mostBadges), Then: "`stationd badge new` says so"},
	}, triesCeilings()...)
}
