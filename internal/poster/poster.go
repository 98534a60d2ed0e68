package poster

import (
	"strings"

	"stationd/internal/sheet"
	"stationd/internal/station"
	"stationd/internal/words"
)

// A Station is what a poster is drawn for: only what it has is told.
type Station struct {
	Name    string
	Words   *words.Catalogue
	Lamps   bool // that answer for something
	Buzzers bool
	Red     bool // of a stack light
	Yellow  bool
	Green   bool
	Buttons []Button
}

// A Button is one of the station's, and what it does.
type Button struct {
	Name string
	Does []Deed
}

// A Deed is what a button does when something is done to it.
type Deed struct {
	Kind string   // station.Press, or Again
	Does []string // a line each
}

// Again is the second press of a button that latches.
const Again = "again"

// An interval is when a lamp is lit or a buzzer sounds, in seconds.
type interval struct{ from, length float64 }

// How much of a light and of a sound is drawn, in seconds.
const (
	lightTime = 5.0 // the off duty pattern once
	soundTime = 1.25
)

// patternOf is when a light is lit within lightTime; a test holds it to docs/lamps.md.
func patternOf(light station.Light) []interval {
	blinks := func(lit float64) (all []interval) {
		for at := 0.0; at < lightTime; at += 2 * lit {
			all = append(all, interval{at, lit})
		}
		return all
	}
	switch light {
	case station.Steady:
		return []interval{{0, lightTime}}
	case station.Slow:
		return blinks(0.5)
	case station.Quick:
		return blinks(0.125)
	case station.OffDuty:
		return []interval{{0, 0.1}, {0.3, 0.1}}
	default:
		return nil
	}
}

// soundOf is when a buzzer sounds within soundTime.
func soundOf(sound station.SoundKind) []interval {
	switch sound {
	case station.SoundRecorded:
		return []interval{{0, 0.1}}
	case station.SoundRefused:
		return []interval{{0, 0.4}, {0.6, 0.4}}
	case station.SoundHeld:
		return []interval{{0, 0.1}, {0.2, 0.1}, {0.4, 0.1}}
	default:
		return nil
	}
}

// Where things stand on the sheet, in millimetres, and how large letters are, in points.
const (
	left       = 15.0
	width      = sheet.PageWidth - 2*left
	meansAt    = left + 64
	meansWidth = 68.0
	doAt       = meansAt + meansWidth + 4
	doWidth    = sheet.PageWidth - left - doAt
	wholeWidth = sheet.PageWidth - left - meansAt
	stripWidth = 56.0

	headingSize = 16.0
	titleSize   = 12.5
	textSize    = 11.0
)

// Draw draws the poster, on a second side where the station has more buttons than one side
// has room for.
func Draw(s Station) []*sheet.Sheet {
	d := drawing{Station: s}
	d.turn()
	d.page.Lines(left, 24, 26, sheet.Bold, sheet.Wrap(d.say("poster.title"), 26, sheet.Bold, width, 1))
	d.page.Area(left, 28, width, 0.7, 0)
	d.y = 31
	if s.Lamps {
		d.lights()
	}
	if s.Red || s.Yellow || s.Green {
		d.stack()
	}
	if s.Buzzers {
		d.sounds()
	}
	if len(s.Buttons) > 0 {
		d.buttons()
	}
	d.foot()
	return d.pages
}

type drawing struct {
	Station
	pages []*sheet.Sheet
	page  *sheet.Sheet
	y     float64
}

func (d *drawing) say(key words.Key, values ...any) string { return d.Words.Say(key, values...) }

// turn begins a new side.
func (d *drawing) turn() {
	d.page = new(sheet.Sheet)
	d.pages = append(d.pages, d.page)
	d.y = 15
}

// footTop is where the foot begins: nothing else stands below it.
const footTop = sheet.PageHeight - 38

// need turns the sheet where it has no room for so much.
func (d *drawing) need(height float64) {
	if d.y+height > footTop {
		d.turn()
	}
}

func (d *drawing) heading(text string) {
	d.need(22)
	d.page.Text(left, d.y+7, headingSize, sheet.Bold, text)
	d.y += 9
}

// A row is a thing that is seen or heard, what it means and what to do.
type row struct {
	look, means, do string
	on              []interval
	time            float64
	all             float64 // width of what it means
}

// draw draws a row below what stands there.
func (d *drawing) draw(r row) {
	looks := sheet.Wrap(r.look, titleSize, sheet.Bold, stripWidth, 3)
	bold, rest, _ := strings.Cut(r.means, ". ")
	if rest != "" {
		bold += "."
	}
	boldLines := sheet.Wrap(bold, textSize, sheet.Bold, r.all, 3)
	restLines := sheet.Wrap(rest, textSize, sheet.Regular, r.all, 4)
	doLines := sheet.Wrap(r.do, textSize, sheet.Regular, doWidth, 5)
	line := sheet.LineHeight(textSize)
	height := max(float64(len(looks))*sheet.LineHeight(titleSize)+4.5, float64(len(boldLines)+len(restLines))*line, float64(len(doLines))*line) + 4
	d.need(height)
	at := d.page.Lines(left, d.y+5, titleSize, sheet.Bold, looks)
	const strip = 4.5
	d.page.Area(left, at-3, stripWidth, strip, 0.87)
	for _, on := range r.on {
		begin := left + stripWidth*on.from/r.time
		d.page.Area(begin, at-3, min(stripWidth*on.length/r.time, left+stripWidth-begin), strip, 0)
	}
	at = d.page.Lines(meansAt, d.y+5, textSize, sheet.Bold, boldLines)
	d.page.Lines(meansAt, at, textSize, sheet.Regular, restLines)
	d.page.Lines(doAt, d.y+5, textSize, sheet.Regular, doLines)
	d.y += height
	d.page.Area(left, d.y-0.3, width, 0.2, 0.5)
}

func (d *drawing) lights() {
	d.page.Text(left, d.y+3, 9, sheet.Regular, d.say("poster.lamp", "seconds", int(lightTime)))
	d.page.Text(meansAt, d.y+3, 9, sheet.Regular, d.say("poster.means"))
	d.page.Text(doAt, d.y+3, 9, sheet.Regular, d.say("poster.do"))
	d.y += 4.5
	d.page.Area(left, d.y, width, 0.2, 0.5)
	for _, r := range []row{
		{look: d.say("poster.slow"), means: d.say("poster.slow.means"), do: d.say("poster.slow.do"), on: patternOf(station.Slow)},
		{look: d.say("poster.steady"), means: d.say("poster.steady.means"), do: d.say("poster.steady.do"), on: patternOf(station.Steady)},
		{look: d.say("poster.quick"), means: d.say("poster.quick.means"), do: d.say("poster.quick.do"), on: patternOf(station.Quick)},
		{look: d.say("poster.off"), means: d.say("poster.off.means"), on: patternOf(station.Off)},
		{look: d.say("poster.off-duty"), means: d.say("poster.off-duty.means"), do: d.say("poster.off-duty.do"), on: patternOf(station.OffDuty)},
	} {
		r.time, r.all = lightTime, meansWidth
		d.draw(r)
	}
}

func (d *drawing) stack() {
	d.heading(d.say("poster.stack"))
	for _, colour := range []struct {
		has bool
		key words.Key
	}{{d.Red, "poster.stack.red"}, {d.Yellow, "poster.stack.yellow"}, {d.Green, "poster.stack.green"}} {
		if colour.has {
			lines := sheet.Wrap(d.say(colour.key), textSize, sheet.Regular, width, 2)
			d.y = d.page.Lines(left, d.y+4, textSize, sheet.Regular, lines) - 3
		}
	}
	d.y += 2
}

func (d *drawing) sounds() {
	d.heading(d.say("poster.buzzer"))
	for _, r := range []row{
		{look: d.say("poster.recorded"), means: d.say("poster.recorded.means"), on: soundOf(station.SoundRecorded)},
		{look: d.say("poster.refused"), means: d.say("poster.refused.means"), on: soundOf(station.SoundRefused)},
		{look: d.say("poster.held"), means: d.say("poster.held.means"), on: soundOf(station.SoundHeld)},
	} {
		r.time, r.all = soundTime, wholeWidth
		d.draw(r)
	}
}

func (d *drawing) buttons() {
	d.heading(d.say("poster.buttons"))
	d.y = d.page.Lines(left, d.y+4, textSize, sheet.Bold, sheet.Wrap(d.say("poster.counts"), textSize, sheet.Bold, width, 2)) - 2
	for _, b := range d.Buttons {
		if len(b.Does) == 0 {
			continue
		}
		var lines []string
		for _, deed := range b.Does {
			text := d.kind(deed.Kind) + ": " + strings.Join(deed.Does, ", ")
			lines = append(lines, sheet.Wrap(text, textSize, sheet.Regular, wholeWidth, 2)...)
		}
		name := sheet.Wrap(b.Name, titleSize, sheet.Bold, stripWidth, 2)
		height := max(float64(len(lines))*sheet.LineHeight(textSize), float64(len(name))*sheet.LineHeight(titleSize)) + 2
		d.need(height)
		d.page.Lines(left, d.y+4, titleSize, sheet.Bold, name)
		d.page.Lines(meansAt, d.y+4, textSize, sheet.Regular, lines)
		d.y += height
	}
}

// kind is what is done to a button, in words.
func (d *drawing) kind(kind string) string {
	switch kind {
	case station.Hold:
		return d.say("poster.hold")
	case station.Double:
		return d.say("poster.double")
	case station.Release:
		return d.say("poster.release")
	case Again:
		return d.say("poster.again")
	default:
		return d.say("poster.press")
	}
}

// foot draws what stands at the end of the last side.
func (d *drawing) foot() {
	y := footTop + 3
	d.page.Frame(left, y, width, 11, 0.8, 0)
	for _, line := range sheet.Wrap(d.say("poster.safety"), 14, sheet.Bold, width-6, 1) {
		d.page.Text((sheet.PageWidth-sheet.Width(line, 14, sheet.Bold))/2, y+7.2, 14, sheet.Bold, line)
	}
	y += 20
	d.page.Text(left, y, textSize, sheet.Regular, d.say("poster.station")+": ")
	name := sheet.Wrap(d.Name, textSize, sheet.Bold, 50, 1)
	d.page.Lines(left+sheet.Width(d.say("poster.station")+": ", textSize, sheet.Regular), y, textSize, sheet.Bold, name)
	d.page.Text(meansAt, y, textSize, sheet.Regular, d.say("poster.call")+":")
	begin := meansAt + sheet.Width(d.say("poster.call")+":", textSize, sheet.Regular) + 2
	d.page.Area(begin, y+1, sheet.PageWidth-left-begin, 0.3, 0)
}
