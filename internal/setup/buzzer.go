package setup

// askBuzzers asks about one buzzer after another.
func (s *setup) askBuzzers() error {
	if s.noGPIO {
		return nil
	}
	s.heading("Buzzer")
	for {
		b := outputDraft{}
		answer, err := s.ask("The GPIO number of a buzzer (empty to go on)", "", func(answer string) (err error) {
			if answer != "" {
				b.gpioLine, err = s.freeLine(answer, s.Chip)
			}
			return err
		})
		if err != nil || answer == "" {
			return err
		}
		another, err := s.tryBuzzer(&b)
		if err != nil {
			return err
		}
		if another {
			continue
		}
		if b.Name, err = s.askName("The buzzer's name", "horn", "buzzer", len(s.Buzzers)); err != nil {
			return err
		}
		s.Buzzers = append(s.Buzzers, b)
		if err := s.askBuzzerUse(b.Name); err != nil {
			return err
		}
	}
}

// tryBuzzer sounds a buzzer, if the person agrees, and asks what was heard.
func (s *setup) tryBuzzer(b *outputDraft) (another bool, err error) {
	return s.tryOutput(b, buzzerTime, "Drive %s high for 1 s now, to hear the buzzer?", "Did you hear it?",
		"yes, for that time",
		"it sounds always, and was silent for that time",
		"no: choose another pin")
}

// askBuzzerUse asks what a buzzer answers, and writes its name there.
func (s *setup) askBuzzerUse(name string) error {
	type option struct {
		text  string
		field *string
	}
	var options []option
	if s.Buzzer == "" {
		options = append(options, option{"everything at the station", &s.Buzzer})
	}
	for i, b := range s.Buttons {
		if b.Buzzer == "" {
			options = append(options, option{"button " + b.Name + " alone", &s.Buttons[i].Buzzer})
		}
	}
	for i, r := range s.Readers {
		if r.Buzzer == "" {
			options = append(options, option{"reader " + r.Name + " alone", &s.Readers[i].Buzzer})
		}
	}
	if s.Stack != nil && s.Stack.Buzzer == "" {
		options = append(options, option{"held entries only, with the stack light", &s.Stack.Buzzer})
	}
	var texts []string
	for _, o := range options {
		texts = append(texts, o.text)
	}
	switch len(options) {
	case 0:
		s.say("Everything has a buzzer already; this one is not used yet.")
		return nil
	case 1:
		*options[0].field = name
		return nil
	}
	picked, err := s.choose("What does it answer for?", texts...)
	if err == nil {
		*options[picked].field = name
	}
	return err
}
