package live

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"time"

	"stationd/internal/scanner/gs1"
	"stationd/internal/station"
)

// jsonGS1 is the GS1 part of the object.
type jsonGS1 struct {
	OK     bool        `json:"ok"`
	AI     [][2]string `json:"ai,omitempty"`
	Titles []string    `json:"titles,omitempty"`
	Err    string      `json:"err,omitempty"`
	Pos    *int        `json:"pos,omitempty"`
}

// jsonMeaning is what a station with the configuration would do.
type jsonMeaning struct {
	Binding int               `json:"binding"` // counted from 1; 0: none matches
	Event   string            `json:"event,omitempty"`
	Needs   string            `json:"needs,omitempty"`
	Set     map[string]string `json:"set,omitempty"`
	Actions []station.Action  `json:"actions,omitempty"`
}

// printScanJSON prints a scan as one JSON object.
func printScanJSON(w io.Writer, s ScanReport) error {
	shown := struct {
		At        time.Time         `json:"at"`
		Source    string            `json:"source"`
		Raw       string            `json:"raw"` // hexadecimal
		Code      string            `json:"code"`
		AIM       string            `json:"aim,omitempty"`
		Symbology string            `json:"symbology"`
		Repeat    bool              `json:"repeat,omitempty"`
		GS1       *jsonGS1          `json:"gs1,omitempty"`
		Read      []string          `json:"read,omitempty"`  // what was taken off and how the rest was read
		Names     map[string]string `json:"names,omitempty"` // every name that a binding could use
		Means     *jsonMeaning      `json:"means,omitempty"`
		Station   string            `json:"station,omitempty"` // what the running station did with it
	}{
		At: s.Event.At.Wall, Source: s.Event.Source, Raw: hex.EncodeToString(s.Raw), Code: s.Event.Code,
		AIM: s.Event.Data["aim"], Symbology: s.Event.Data["symbology"], Repeat: s.Repeat, Station: s.Result, Read: s.Steps,
	}
	for name, value := range s.Event.Data {
		if station.OnLabel(name) && !strings.HasSuffix(name, ".error") {
			if shown.Names == nil {
				shown.Names = make(map[string]string)
			}
			shown.Names[name] = value
		}
	}
	if s.GS1.Claimed || s.GS1.Elements != nil {
		shown.GS1 = &jsonGS1{OK: s.GS1.Err == nil}
		for _, e := range s.GS1.Elements {
			shown.GS1.AI = append(shown.GS1.AI, [2]string{e.AI, e.Value})
			shown.GS1.Titles = append(shown.GS1.Titles, gs1.Title(e.AI))
		}
		if s.GS1.Err != nil {
			shown.GS1.Err = s.GS1.Err.Error()
		}
		if s.GS1.Pos >= 0 {
			shown.GS1.Pos = &s.GS1.Pos
		}
	}
	if m := s.Meaning; m != nil {
		shown.Means = &jsonMeaning{Binding: m.Number, Event: m.Binding.Event, Actions: m.Actions}
		if note := m.State.Notes[s.Event.Source]; note.Kind == station.NoteNeeds {
			shown.Means.Needs = note.Text
		}
		for name, value := range m.State.Values {
			if shown.Means.Set == nil {
				shown.Means.Set = make(map[string]string)
			}
			shown.Means.Set[name] = value.Text
		}
	}
	return json.NewEncoder(w).Encode(shown)
}
