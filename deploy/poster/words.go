package main

import "html/template"

// words are what the sheet says in one language beside docs/lamps.md, which is in
// English.
type words struct {
	Heading, Lamp, Means, Do string
	Buzzer, Button           string
	ButtonText               template.HTML
	Safety, Station, Call    string
	Scale                    string
	Lights, Sounds           map[string]saying
}

// A saying is what the sheet says of a light or a sound.
type saying struct {
	Title   string
	Promise template.HTML
	Action  string
}

func english() words {
	return words{
		Heading: "What the lamps say", Lamp: "The lamp", Means: "means", Do: "Do this",
		Buzzer: "The buzzer", Button: "The button",
		ButtonText: "A press counts when the lamp answers. <b>No light: no call.</b>",
		Safety:     "An andon button is not an emergency stop.", Station: "Station", Call: "When it is stopped, call", Scale: "5 seconds",
		Sounds: map[string]saying{
			"recorded": {Title: "one short", Promise: "<b>Recorded.</b> The press or scan is on disk."},
			"refused":  {Title: "two long", Promise: "<b>Not taken.</b> The code is not known, or something must be scanned first. Look at the screen."},
			"held":     {Title: "three short", Promise: "<b>Action needed.</b> The screen says what."},
		},
	}
}

func swedish() words {
	return words{
		Heading: "Vad lamporna betyder", Lamp: "Lampan", Means: "betyder", Do: "Gör så här",
		Buzzer: "Summern", Button: "Knappen",
		ButtonText: "Ett tryck räknas när lampan svarar. <b>Inget ljus: inget anrop.</b>",
		Safety:     "En andonknapp är inte ett nödstopp.", Station: "Station", Call: "Om stationen har stannat, ring", Scale: "5 sekunder",
		Lights: map[string]saying{
			"slow":     {"blinkar långsamt", "<b>Registrerat.</b> Det är sparat på disk, överlever ett strömavbrott och kommer att levereras.", "Arbeta vidare."},
			"steady":   {"lyser fast", "<b>Levererat.</b> Mottagaren har det: anropet är öppet där.", "Arbeta vidare."},
			"quick":    {"blinkar snabbt", "<b>Åtgärd krävs.</b> Skärmen visar vad.", "Titta på skärmen."},
			"off":      {"släckt", "Inget pågår.", ""},
			"off duty": {"två korta blink var femte sekund, eller allt släckt", "<b>Stationen har stannat.</b> Det som trycks eller skannas nu registreras inte.", "Kalla på hjälp som ni gjorde innan knappen fanns."},
		},
		Sounds: map[string]saying{
			"recorded": {Title: "en kort", Promise: "<b>Registrerat.</b> Trycket eller skanningen är sparad på disk."},
			"refused":  {Title: "två långa", Promise: "<b>Inte mottaget.</b> Koden är okänd, eller något måste skannas först. Titta på skärmen."},
			"held":     {Title: "tre korta", Promise: "<b>Åtgärd krävs.</b> Skärmen visar vad."},
		},
	}
}
