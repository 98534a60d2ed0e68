package setup

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"stationd/internal/station"
)

// A conditionsDraft is what must hold before a binding does what it does, and what else it
// answers.
type conditionsDraft struct {
	Technician bool
	Confirm    string // "": nothing; sameAgain; or the event that confirms
	Needs      []string
	Ask        string
	In, NotIn  map[string]string   // by the name of the list: what is looked for
	Allow      map[string][]string // by the name of the value
	Min, Max   map[string]string   // by the name of the number
	Also       []string            // further events
}

// sameAgain confirms by the same again.
const sameAgain = "same"

// clone returns a copy with maps that can be written.
func (c conditionsDraft) clone() conditionsDraft {
	texts := func(m map[string]string) map[string]string {
		copied := make(map[string]string)
		maps.Copy(copied, m)
		return copied
	}
	c.In, c.NotIn, c.Min, c.Max = texts(c.In), texts(c.NotIn), texts(c.Min), texts(c.Max)
	allow := make(map[string][]string)
	maps.Copy(allow, c.Allow)
	c.Allow, c.Needs, c.Also = allow, slices.Clone(c.Needs), slices.Clone(c.Also)
	return c
}

// change changes the conditions of a binding in a draft.
func (d *draft) change(key string, how func(c *conditionsDraft)) {
	c := d.More.Conditions[key].clone()
	how(&c)
	if d.More.Conditions == nil {
		d.More.Conditions = make(map[string]conditionsDraft)
	}
	d.More.Conditions[key] = c
}

// askConditions asks what must hold before something is done.
func (s *setup) askConditions() error {
	bindings := s.bindings()
	var abouts []string
	for _, b := range bindings {
		abouts = append(abouts, b.about+beginning(b.match))
	}
	picked, err := s.choose("For which of these?", append(abouts, "none of them")...)
	if err != nil || picked == len(bindings) {
		return err
	}
	on := bindings[picked]
	c := conditionQuestions{s, on.key(), on}
	options := []moreOption{{"another button or reader does the same", c.askAlso}}
	if on.call {
		s.say("A call for help waits for nobody and nothing.")
	} else {
		options = []moreOption{
			{"only a technician may: by a badge, or a PIN on the page", c.technician},
			{"it must be confirmed: by the same again, or by a button", c.askConfirm},
			{"a number has a smallest and a largest, as amount", c.askRange},
			{"a value is one of a few, as user", c.askAllow},
			{"so many must be on a list or counted, as parts>=4", c.askCount},
			{"it must be on a list, or must not be on it yet", c.askAmong},
			{"something must be in hand first, and the page asks for it", c.askNeed},
			options[0],
		}
	}
	for {
		var names []string
		for _, o := range options {
			names = append(names, o.text)
		}
		picked, err := s.choose("\nWhat must hold for "+on.about+"?", append([]string{"nothing more"}, names...)...)
		if err != nil || picked == 0 {
			return err
		}
		if err := options[picked-1].ask(); err != nil && !errors.Is(err, errBack) {
			return err
		}
	}
}

// beginning says with what the labels begin that a pattern of askPattern matches; "" where it
// asks for no beginning.
func beginning(pattern string) string {
	prefix, _, some := strings.Cut(strings.TrimPrefix(pattern, "^"), "(?P<")
	if prefix = strings.ReplaceAll(prefix, `\`, ""); prefix == "" || !some {
		return ""
	}
	return " (labels that begin with " + prefix + ")"
}

// conditionQuestions ask about one binding.
type conditionQuestions struct {
	*setup
	key string
	on  bindingDraft
}

// keepChange changes the conditions, and says so; or says why not.
func (q conditionQuestions) keepChange(how func(c *conditionsDraft)) {
	if q.keep(func(d *draft) { d.change(q.key, how) }) {
		q.say("It is so from now on.")
	}
}

// askText asks for a text of a condition, until check has nothing against it.
func (q conditionQuestions) askText(question, suggestion string, how func(c *conditionsDraft, answer string) error) (string, error) {
	return q.askChecked(question, suggestion, func(d *draft, answer string) (err error) {
		d.change(q.key, func(c *conditionsDraft) { err = how(c, answer) })
		return err
	})
}

func (q conditionQuestions) technician() error {
	q.keepChange(func(c *conditionsDraft) { c.Technician = true })
	return nil
}

func (q conditionQuestions) askConfirm() error {
	events := q.freeEvents()
	options := []string{"the same again, within ten seconds"}
	for _, event := range events {
		options = append(options, event+", within ten seconds")
	}
	picked, err := q.choose("What confirms it?", options...)
	if err != nil {
		return err
	}
	q.keepChange(func(c *conditionsDraft) {
		if c.Confirm = sameAgain; picked > 0 {
			c.Confirm = events[picked-1]
		}
	})
	return nil
}

func (q conditionQuestions) askRange() error {
	name, err := q.askText("Which number", "amount", func(c *conditionsDraft, name string) error {
		delete(c.Min, name) // both are asked for anew
		c.Max[name] = "1"
		return plainName(name)
	})
	if err != nil {
		return err
	}
	limit := func(of func(c *conditionsDraft) map[string]string) func(c *conditionsDraft, answer string) error {
		return func(c *conditionsDraft, answer string) error {
			delete(of(c), name)
			if answer == "" {
				return nil
			}
			of(c)[name] = answer
			if !station.Number.Fits(answer) {
				return errors.New("type a number such as 1 or 0.5")
			}
			return nil
		}
	}
	least := limit(func(c *conditionsDraft) map[string]string { return c.Min })
	most := limit(func(c *conditionsDraft) map[string]string { return c.Max })
	low, err := q.askText("At least (empty for no such limit)", "", least)
	if err != nil {
		return err
	}
	high, err := q.askText("At most (empty for no such limit)", "", func(c *conditionsDraft, answer string) error {
		return errors.Join(least(c, low), most(c, answer))
	})
	if err != nil {
		return err
	}
	q.keepChange(func(c *conditionsDraft) { _, _ = least(c, low), most(c, high) })
	return nil
}

func (q conditionQuestions) askAllow() error {
	name, err := q.askText("Which value", "user", func(c *conditionsDraft, name string) error {
		c.Allow[name] = []string{name}
		return plainName(name)
	})
	if err != nil {
		return err
	}
	var allowed []string
	_, err = q.askText("What it may be, with commas between, such as eva, tor", "", func(c *conditionsDraft, answer string) error {
		allowed = nil
		for text := range strings.SplitSeq(answer, ",") {
			if text = strings.TrimSpace(text); text != "" {
				allowed = append(allowed, text)
			}
		}
		c.Allow[name] = allowed
		return notEmpty(strings.Join(allowed, ""))
	})
	if err == nil {
		q.keepChange(func(c *conditionsDraft) { c.Allow[name] = allowed })
	}
	return err
}

func (q conditionQuestions) askCount() error {
	need, err := q.askText("How many of what, such as parts>=4", "", func(c *conditionsDraft, answer string) error {
		c.Needs = append(c.Needs, answer)
		if !strings.ContainsAny(answer, "<>=") {
			return errors.New("type a list or a counter, a sign and a number, such as parts>=4")
		}
		return nil
	})
	if err == nil {
		q.keepChange(func(c *conditionsDraft) { c.Needs = append(c.Needs, need) })
	}
	return err
}

func (q conditionQuestions) askAmong() error {
	picked, err := q.choose("Which?", "it must not be on the list yet", "it must be on the list")
	if err != nil {
		return err
	}
	set := func(c *conditionsDraft, list, what string) {
		if picked == 0 {
			c.NotIn[list] = what
		} else {
			c.In[list] = what
		}
	}
	list, err := q.askText("Which list", "parts", func(c *conditionsDraft, list string) error {
		set(c, list, "{code}")
		return plainName(list)
	})
	if err != nil {
		return err
	}
	suggestion := "{code}"
	if slices.Contains(q.on.gs1, "21") {
		suggestion = "{gs1.21}"
	}
	what, err := q.askText("What is looked for", suggestion, func(c *conditionsDraft, what string) error {
		set(c, list, what)
		return notEmpty(what)
	})
	if err == nil {
		q.keepChange(func(c *conditionsDraft) { set(c, list, what) })
	}
	return err
}

func (q conditionQuestions) askNeed() error {
	need, err := q.askText("What must be in hand", "order", func(c *conditionsDraft, answer string) error {
		c.Needs = append(c.Needs, answer)
		return plainName(answer)
	})
	if err != nil {
		return err
	}
	ask, err := q.askText("What the page says where it is missing (empty: its own words)", "", func(c *conditionsDraft, answer string) error {
		c.Needs, c.Ask = append(c.Needs, need), answer
		return nil
	})
	if err == nil {
		q.keepChange(func(c *conditionsDraft) { c.Needs, c.Ask = append(c.Needs, need), ask })
	}
	return err
}

func (q conditionQuestions) askAlso() error {
	var events []string
	if len(q.on.events) == 0 || strings.HasPrefix(q.on.events[0], station.FromStation+".") || q.on.after != "" {
		q.say("It comes by the clock, and nothing else does it.")
		return nil
	}
	if strings.HasSuffix(q.on.events[0], "."+station.Scan) {
		for _, r := range q.Readers {
			if event := r.Name + "." + station.Scan; !slices.Contains(q.on.events, event) {
				events = append(events, event)
			}
		}
	} else {
		events = q.freeEvents()
	}
	if len(events) == 0 {
		q.say("There is no other that has nothing to do.")
		return nil
	}
	picked, err := q.choose("Which does the same?", events...)
	if err == nil {
		q.keepChange(func(c *conditionsDraft) { c.Also = append(c.Also, events[picked]) })
	}
	return err
}

// valueName matches what a value, a list or a counter may be called.
var valueName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_]+$`) })

// plainName refuses what is no name of a value.
func plainName(name string) error {
	if !valueName().MatchString(name) {
		return errors.New("type a name, of letters, digits and _")
	}
	return nil
}
