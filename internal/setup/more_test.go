package setup

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/atomicfile"
	"stationd/internal/config"
	"stationd/internal/live"
	"stationd/internal/plan"
	"stationd/internal/scanner"
	"stationd/internal/station"
)

// line is a station with a call button, two buttons that have nothing to do yet, and two
// readers.
func line() draft {
	return draft{
		Name: "pack4-1", Timezone: "Europe/Stockholm", Data: "/var/lib/stationd",
		L2L:       &l2lDraft{URL: "https://acme.leading2lean.com/api/1.0/", Site: "12", Line: "PACK4", Machine: "SEAL-1", Trade: "MECH"},
		Lagerkoll: &lagerkollDraft{URL: "https://capi.lagerkoll.com/v1/production_orders/", Store: "1001"},
		Buttons: []buttonDraft{
			{Name: "maintenance", gpioLine: gpioLine{Pin: 17}, Calls: []callDraft{{Event: "press", Type: "MAINT", Description: "Help"}, {Event: "hold", Ends: true, Type: "MAINT"}}},
			{Name: "pedal", gpioLine: gpioLine{Pin: 5}},
			{Name: "go", gpioLine: gpioLine{Pin: 6}},
		},
		Readers: []readerDraft{
			{
				Name: "hand", Port: "usb:0403:6001", Parts: [][]string{{"01", "10", "21"}}, Orders: []string{`^PO(?P<order>\d+)$`},
				Labels: []labelDraft{{badgeLabel, "^U-(?P<user>.+)$"}}, Finished: &finishedDraft{"^A-(?P<article>.+)$", "1"},
			},
			{Name: "fixed", Port: "usb:0403:6002"},
		},
	}
}

// A turn is what setup says before it waits, and what is answered.
type turn struct{ says, answer string }

// talk has the dialogue about more, turn by turn, and returns the configuration that it makes.
func talk(t *testing.T, d draft, turns ...turn) (*setup, *plan.Plan) {
	t.Helper()
	var in, out bytes.Buffer
	for _, turn := range turns {
		in.WriteString(turn.answer + "\n")
	}
	s := &setup{dialog: newDialog(t.Context(), &in, &out), draft: d, draftFor: filepath.Join(t.TempDir(), "stationd.toml")}
	if err := s.askMore(); err != nil {
		t.Fatalf("%v, after it said:\n%s", err, out.String())
	}
	said := strings.Join(strings.Fields(out.String()), " ")
	for _, turn := range turns {
		_, rest, found := strings.Cut(said, turn.says)
		if !found {
			t.Fatalf("before %q is answered, it does not say %q; all of it is:\n%s", turn.answer, turn.says, out.String())
		}
		said = rest
	}
	if err := s.ctx.Err(); err != nil {
		t.Fatal(err)
	}
	p, faults, err := readText(s.render())
	must(t, err)
	for _, f := range faults {
		t.Errorf("%v\n%s", f, s.render())
	}
	for _, w := range p.Warnings {
		if !strings.Contains(w.Text, "no binding answers") { // of buttons that have nothing to do yet
			t.Errorf("check --strict refuses it: %v", w)
		}
	}
	return s, p
}

// option returns the number of an option of the menu.
func option(t *testing.T, d draft, text string) string {
	t.Helper()
	s := &setup{draft: d}
	for i, o := range s.moreOptions() {
		if strings.Contains(o.text, text) {
			return fmt.Sprint(i + 2)
		}
	}
	t.Fatalf("nothing about %q is offered", text)
	return ""
}

// bindingOf returns a binding of a program by its event and its match.
func bindingOf(t *testing.T, p *plan.Plan, event, match string) station.Binding {
	t.Helper()
	for _, b := range p.Program.Bindings {
		if b.Event == event && (match == "" || b.Match != nil && strings.Contains(b.Match.String(), match)) {
			return b
		}
	}
	t.Fatalf("no binding answers %s %s", event, match)
	return station.Binding{}
}

func TestACallThatNobodyAnswersCallsSomebodyElse(t *testing.T) {
	t.Parallel()
	_, p := talk(t, line(),
		turn{"Anything more? (y/n) [n]", "perhaps"}, turn{"type y or n", "y"},
		turn{"What more?", "0"}, turn{"type a number from 1", option(t, line(), "nobody answers")},
		turn{"After how long", "soon"}, turn{`"after"`, "0s"}, turn{"at least 1s", "3m"},
		turn{"The type's code", ""}, turn{"What those who are called read", "Nobody at {statoin}"}, turn{`no binding sets {statoin}`, "Nobody at {station}"},
		turn{"open for 3m opens a call SUPERVISOR", "1"})
	b := bindingOf(t, p, "maintenance.open", "")
	if b.After.Minutes() != 3 || b.Do[0].With["description"].String() != "Nobody at {station}" {
		t.Errorf("%+v", b)
	}
}

func TestSomethingIsDoneByTheClock(t *testing.T) {
	t.Parallel()
	clock := option(t, line(), "time of the day")
	s, p := talk(t, line(), turn{"Anything more?", "y"},
		turn{"What more?", clock}, turn{"When?", "1"},
		turn{"A time", "6 o'clock"}, turn{`"6 o'clock" is no time`, "mon-fri 06:00"}, turn{"Another time", "mon-fri 06:00"}, turn{"is there already", "22:00"}, turn{"Another time", ""},
		turn{"What is done then?", "1"}, turn{"The type's code", ""}, turn{"What those", "Clean {station}"},
		turn{"What more?", clock}, turn{"When?", "3"},
		turn{"A shift's name [early]", ""}, turn{"It begins at", "25:00"}, turn{`"25:00" is no time`, "mon-fri 06:00"}, turn{"It ends at", "fri 14:00"}, turn{"a time alone", ""},
		turn{"Another shift?", "y"}, turn{"A shift's name [late]", "early"}, turn{"there is another shift", "late"}, turn{"It begins at", "14:00"}, turn{"It ends at", ""}, turn{"Another shift?", ""},
		turn{"What is done then?", "2"}, turn{"It is put away then: order, user", "1"})
	if b := bindingOf(t, p, "station.at", ""); len(b.At) != 2 || b.At[0].Text != "mon-fri 06:00" || len(b.Do) != 1 {
		t.Errorf("%+v", b)
	}
	if diff := cmp.Diff([]string{"order", "user"}, bindingOf(t, p, "station.shift_end", "").Clear); diff != "" || len(s.More.Shifts) != 2 || len(p.Program.Shifts) != 2 {
		t.Error(diff, s.More.Shifts)
	}
}

func TestAButtonCountsPiecesOfWhatTheLineRuns(t *testing.T) {
	t.Parallel()
	count := option(t, line(), "counts pieces")
	_, p := talk(t, line(), turn{"Anything more?", "y"},
		turn{"What more?", count}, turn{"What counts one piece?", ""}, turn{"What is counted?", "1"}, turn{"Which product", "1"}, turn{"pedal.press counts", count},
		turn{"What counts one piece?", "5"}, turn{"What is counted?", "2"}, turn{"pedal.hold counts", "1"})
	b := bindingOf(t, p, "station.minute", "")
	if diff := cmp.Diff([]string{"made", "scrap"}, b.Clear); diff != "" || b.Do[0].With["product"].String() != "{l2l.product}" || b.Do[0].With["actual"].String() != "{made|0}" {
		t.Errorf("%s %+v", diff, b)
	}
	bindingOf(t, p, "pedal.hold", "")
}

// limitsOf chooses what must hold for a binding of the line.
func limitsOf(t *testing.T, d draft, about string) []turn {
	t.Helper()
	for i, b := range d.bindings() {
		if strings.Contains(b.about, about) {
			return []turn{{"What more?", option(t, d, "what must hold")}, {"For which of these?", fmt.Sprint(i + 1)}}
		}
	}
	t.Fatalf("there is no binding about %s", about)
	return nil
}

func TestWhatMustHoldBeforeSomethingIsDone(t *testing.T) {
	t.Parallel()
	turns := append([]turn{{"Anything more?", "y"}}, limitsOf(t, line(), "finished article")...)
	turns = append(turns,
		turn{"What must hold for scan of a finished article", "2"}, turn{"It is so from now on", "3"},
		turn{"What confirms it?", "2"}, turn{"It is so", "4"},
		turn{"Which number", "amuont"}, turn{`this binding has none`, "amount"}, turn{"At least", "few"}, turn{"type a number", "1"}, turn{"At most", "0"}, turn{"at least 1 and at most 0", "500"}, turn{"It is so", "5"},
		turn{"Which value", "user"}, turn{"What it may be", ","}, turn{"an answer is needed", "eva, tor"}, turn{"It is so", "6"},
		turn{"How many of what", "four parts"}, turn{"a sign and a number", "prats>=4"}, turn{"no binding sets {prats}", "parts<=20"}, turn{"It is so", "8"},
		turn{"What must be in hand", "user"}, turn{"What the page says", "Scan your badge"}, turn{"It is so", "9"},
		turn{"Which does the same?", "1"}, turn{"It is so", "1"})
	turns = append(turns, limitsOf(t, line(), "put on the list")...)
	turns = append(turns, turn{"What must hold", "7"}, turn{"Which?", ""}, turn{"Which list", "pars"}, turn{`no binding appends to "pars"`, ""},
		turn{"What is looked for [{gs1.21}]", "{gs1.99}"}, turn{"gs1.99", ""}, turn{"It is so", "1"}, turn{"What more?", "1"})
	s, p := talk(t, line(), turns...)
	b := bindingOf(t, p, "fixed.scan", "A-")
	limits := b.Limits["amount"]
	if b.Role != station.Technician || b.ConfirmBy != "pedal.press" || *limits.Min != 1 || *limits.Max != 500 || b.Ask != "Scan your badge" {
		t.Errorf("%+v", b)
	}
	if diff := cmp.Diff([]string{"eva", "tor"}, b.Limits["user"].Allow); diff != "" {
		t.Error(diff)
	}
	if len(b.Conditions) != 2 || b.Conditions[1].Compare != "<=" || b.Conditions[1].Number != 20 {
		t.Errorf("%+v", b.Conditions)
	}
	if got := bindingOf(t, p, "hand.scan", "").NotIn["parts"]; got.String() != "{gs1.21}" || p.Access == nil {
		t.Errorf("not_in is %v, access %v", got, p.Access)
	}
	if !strings.Contains(string(s.render()), "[access]") {
		t.Error("[access] is missing")
	}
}

func TestNobodyReadsARegularExpression(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		`^PO(?P<order>\d+)$`: " (labels that begin with PO)", `^PC\-(?P<product>.+)$`: " (labels that begin with PC-)",
		`^(?P<order>\d+)$`: "", "^UNDO$": "", "": "",
	} {
		if got := beginning(pattern); got != want {
			t.Errorf("%s: %q", pattern, got)
		}
	}
}

func TestACallForHelpWaitsForNothing(t *testing.T) {
	t.Parallel()
	turns := append([]turn{{"Anything more?", "y"}}, limitsOf(t, line(), "calls MAINT")...)
	_, p := talk(t, line(), append(turns, turn{"waits for nobody and nothing", "2"}, turn{"Which does the same?", ""}, turn{"It is so", "1"}, turn{"What more?", "1"})...)
	if b := bindingOf(t, p, "pedal.press", ""); len(b.Do) != 1 || b.Do[0].Verb.Name != "dispatch.open" {
		t.Errorf("%+v", b)
	}
}

func TestWhoSeesThePageIsSaidAloud(t *testing.T) {
	t.Parallel()
	page := option(t, line(), "other machines")
	for _, tt := range []struct {
		turns []turn
		want  config.Web
	}{
		{[]turn{{"Who sees", "2"}, {"The file with the token", "page.token"}, {"type the whole path", ""}, {"Its names", "https://pack4-1"}, {"is no name of a host", "pack4-1.plant.example, seal-1"}},
			config.Web{Listen: "0.0.0.0:8420", TLS: true, Token: config.Secret{File: "/etc/stationd/page.token"}, Hosts: []string{"pack4-1.plant.example", "seal-1"}}},
		{[]turn{{"Who sees", "3"}, {"Its names", ""}}, config.Web{Listen: "0.0.0.0:8420", Open: true}},
		{[]turn{{"Who sees", "1"}}, config.Web{Listen: "127.0.0.1:8420"}},
	} {
		turns := append([]turn{{"Anything more?", "y"}, {"What more?", page}}, tt.turns...)
		_, p := talk(t, line(), append(turns, turn{"What more?", "1"})...)
		if diff := cmp.Diff(tt.want, p.Web); diff != "" || p.Web.WhyHere() != "" {
			t.Error(diff, p.Web.WhyHere())
		}
	}
}

func TestWhatWasAddedIsTakenBack(t *testing.T) {
	t.Parallel()
	page, back := option(t, line(), "other machines"), option(t, line(), "take all of this back")
	s, _ := talk(t, line(), turn{"Anything more?", "y"}, turn{"What more?", page}, turn{"Who sees", "3"}, turn{"Its names", ""}, turn{"What more?", back}, turn{"is gone", "1"})
	if got, was := string(s.render()), line(); got != string(was.render()) {
		t.Errorf("it is\n%s", got)
	}
}

// Who says no to more has what setup wrote before, and none of it makes check warn.
func TestWhatSetupWritesIsWhatCheckHasNothingAgainst(t *testing.T) {
	t.Parallel()
	d := line()
	d.Buttons, d.Readers = d.Buttons[:1], d.Readers[:1]
	d.Lagerkoll = &lagerkollDraft{URL: d.Lagerkoll.URL, Store: "1001"}
	d.Readers[0].Watched = true
	d.Readers[0].Labels = append(d.Readers[0].Labels, labelDraft{undoLabel, "^UNDO$"})
	_, p := talk(t, d, turn{"Anything more? (y/n) [n]", ""})
	for _, w := range p.Warnings {
		t.Error(w)
	}
	trace := bindingOf(t, p, "hand.scan", "A-").Do[0]
	if got := trace.With["order"].String(); got != "{lagerkoll.order}" {
		t.Errorf("parts are traced on %s", got)
	}
}

// Setup has no include and no variables; a file that has them is kept beside the new one, and
// the files that it includes stay as they are.
func TestAFileThatIncludesOthersIsKept(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, shared := filepath.Join(folder, "stationd.toml"), filepath.Join(folder, "plant.toml")
	const own, plants = "include = [\"plant.toml\"]\n\n[vars]\nLINE = \"PACK4\"\n", "[station]\nname = \"${LINE}\"\ntimezone = \"Europe/Stockholm\"\n"
	must(t, os.WriteFile(path, []byte(own), 0o600))
	must(t, os.WriteFile(shared, []byte(plants), 0o600))
	for i, kept := range []string{".old", ".old2"} {
		var out bytes.Buffer
		s := &setup{dialog: newDialog(t.Context(), strings.NewReader("y\n"), &out), draft: line(), output: path, draftFor: path}
		must(t, s.write())
		said := strings.Join(strings.Fields(out.String()), "")
		if !strings.Contains(said, "keptas"+path+kept) {
			t.Errorf("it says:\n%s", out.String())
		}
		if i == 0 && !strings.Contains(said, "put together from "+path+", "+shared) && !strings.Contains(said, "puttogetherfrom"+path+","+shared) {
			t.Errorf("it says:\n%s", out.String())
		}
		must(t, atomicfile.Replace(path, fmt.Appendf(nil, "# work number %d\n", i), 0o600))
	}
	for file, want := range map[string]string{path + ".old": own, path + ".old2": "# work number 0\n", shared: plants} {
		if text, err := os.ReadFile(file); err != nil || string(text) != want {
			t.Errorf("%s is %q, %v", file, text, err)
		}
	}
}

// What was answered is there still after a talk that was ended in the middle.
func TestAnswersAboutMoreAreKeptWhenTheTalkIsEnded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "stationd.toml")
	var out bytes.Buffer
	s := &setup{dialog: newDialog(t.Context(), strings.NewReader("y\n"+option(t, line(), "other machines")+"\n3\n\n"+option(t, line(), "nobody answers")+"\n"), &out), draft: line(), draftFor: path}
	s.beforeAsk = s.saveAnswers
	if err := s.askMore(); !errors.Is(err, errCancelled) {
		t.Fatal(err)
	}
	again := &setup{dialog: newDialog(t.Context(), strings.NewReader("y\n"), &out), draftFor: path, nameCheck: config.Parse("setup", nil)}
	must(t, again.resume())
	if diff := cmp.Diff(string(s.render()), string(again.render())); diff != "" || !again.More.Page.Elsewhere {
		t.Error(diff)
	}
}

// scanOf is a scan of a label as setup hears it.
func scanOf(code string, data map[string]string) heardScan {
	return heardScan{ScanReport: live.ScanReport{Frame: scanner.Frame{Event: station.Event{Code: code, Data: data}}}}
}

func TestWhatALabelMayMean(t *testing.T) {
	t.Parallel()
	part := scanOf("010950600013435210B7", map[string]string{"gs1.01": "09506000134352", "gs1.10": "B7"})
	var out bytes.Buffer
	d := line()
	d.Buttons, d.Readers = nil, nil
	r := readerDraft{Name: "hand", Port: "usb:0403:6001"}
	for _, step := range []struct {
		label  heardScan
		means  string // of what it may mean, the option that is chosen
		turns  string // what is answered after that
		reason string // what is said against a wrong one
	}{
		{part, "on the order that Lagerkoll says is made", "", "scan an order's label first"},
		{scanOf("U-EVA", nil), "a person's badge", "X\n\n", `this label is "U-EVA"`},
		{scanOf("A-SOUP", nil), "a finished article", "\nmany\n501\n4\n", "type a number from 1 to 500"},
		{scanOf("UNDO", nil), "takes back the last thing", "", ""},
		{scanOf("UNDO", nil), "takes back the last thing", "", "known already"},
	} {
		s := &setup{dialog: newDialog(t.Context(), strings.NewReader(""), &out), draft: d}
		picked := ""
		for i, use := range s.labelUses(&r, step.label) {
			if strings.Contains(use.text, step.means) {
				picked = fmt.Sprint(i + 1)
			}
		}
		out.Reset()
		s = &setup{dialog: newDialog(t.Context(), strings.NewReader(picked+"\n"+step.turns), &out), draft: d}
		if err := s.askLabel(&r, step.label); err != nil || !strings.Contains(out.String(), step.reason) {
			t.Fatalf("%s: %v, after it said:\n%s", step.means, err, out.String())
		}
	}
	d.Readers = []readerDraft{r}
	p, faults, err := readText(d.render())
	must(t, err)
	for _, f := range faults {
		t.Errorf("%v\n%s", f, d.render())
	}
	finished := bindingOf(t, p, "hand.scan", "A")
	if finished.Do[0].With["order"].String() != "{lagerkoll.order}" || finished.Conditions[0].Number != 4 {
		t.Errorf("%+v", finished)
	}
	if b := bindingOf(t, p, "hand.scan", "user"); b.Set["user"].String() != "{user}" {
		t.Errorf("%+v", b)
	}
	if b := bindingOf(t, p, "hand.scan", "UNDO"); !b.Undo {
		t.Errorf("%+v", b)
	}
}

// Labels of one kind never take those of another, whichever was scanned first.
func TestNoLabelHidesAnother(t *testing.T) {
	t.Parallel()
	d := line()
	d.Readers = d.Readers[:1]
	r := &d.Readers[0]
	r.Parts, r.Finished, r.Orders, r.Labels = nil, nil, nil, nil
	answers := func(code, means, prefix string) string {
		t.Helper()
		var out bytes.Buffer
		s := &setup{dialog: newDialog(t.Context(), strings.NewReader(""), &out), draft: d}
		for i, use := range s.labelUses(r, scanOf(code, nil)) {
			if strings.Contains(use.text, means) {
				s.dialog = newDialog(t.Context(), strings.NewReader(fmt.Sprintf("%d\n%s\n", i+1, prefix)), &out)
				if err := s.askLabel(r, scanOf(code, nil)); err != nil {
					t.Fatalf("%s: %v\n%s", code, err, out.String())
				}
				return out.String()
			}
		}
		t.Fatalf("%s is not %s", code, means)
		return ""
	}
	answers("EVA", "a person's badge", "")
	answers("UNDO", "takes back", "")
	answers("4711", "a production order", "")
	answers("PC-SOUP", "a product:", "")
	if said := answers("BEANS", "a product:", "\nBE"); !strings.Contains(said, "something else already") {
		t.Errorf("a product that is told from no badge: %s", said)
	}
	_, faults, err := readText(d.render())
	must(t, err)
	for _, f := range faults {
		t.Error(f)
	}
	for code, want := range map[string]string{"EVA": "who acts", "UNDO": "takes back", "4711": "order", "PC-SOUP": "changeover", "BEANS": "changeover"} {
		all := d.bindings()
		i := slices.IndexFunc(all, func(b bindingDraft) bool { return b.match != "" && regexp.MustCompile(b.match).MatchString(code) })
		if i < 0 || !strings.Contains(all[i].about, want) {
			t.Errorf("%s is %+v", code, all[max(i, 0)].about)
		}
	}
}

// A reader that does the same as another reads its own labels as before.
func TestWhatAnotherReaderDoesTooHidesNothingOfItsOwn(t *testing.T) {
	t.Parallel()
	d := line()
	d.Readers[0].Labels[0].Pattern = "^(?P<user>.+)$"
	d.Readers[1].Orders = []string{`^PO(?P<order>\d+)$`}
	turns := append([]turn{{"Anything more?", "y"}}, limitsOf(t, d, "person's badge")...)
	_, p := talk(t, d, append(turns, turn{"What must hold", "9"}, turn{"Which does the same?", "1"}, turn{"It is so", "1"}, turn{"What more?", "1"})...)
	for _, b := range p.Program.Bindings {
		if b.Event == "fixed.scan" && b.Match.MatchString("PO4711") {
			if b.Set["order"].String() == "" {
				t.Errorf("an order that the other reader reads is %+v", b.Set)
			}
			return
		}
	}
	t.Error("the other reader reads no order")
}

// Where no answer is right, as for what would be done at a time at which something else is, or
// for a list where there is none, the question is left.
func TestAQuestionWithoutARightAnswerIsLeft(t *testing.T) {
	t.Parallel()
	d := line()
	d.Readers[0].Finished = nil // and so no list
	clock := option(t, d, "time of the day")
	turns := []turn{
		{"Type back", "y"}, {"What more?", clock}, {"When?", "2"}, {"A shift's name", ""}, {"begins", ""}, {"ends", ""}, {"Another", "n"}, {"What is done", "1"}, {"The type's code", ""}, {"What those", ""},
		{"What more?", clock}, {"When?", "2"}, {"What is done", "1"}, {"The type's code", "OTHER"}, {"never reached", "back"},
	}
	turns = append(turns, limitsOf(t, d, "scan of a part")...)
	turns = append(turns, turn{"What must hold", "7"}, turn{"Which?", "1"}, turn{"Which list", "parts"}, turn{`no binding appends to "parts"`, "back"}, turn{"What must hold", "2"}, turn{"It is so", "1"}, turn{"What more?", "1"})
	s, p := talk(t, d, turns...)
	if b := bindingOf(t, p, "hand.scan", ""); len(s.More.Clocked) != 1 || b.Role != station.Technician || len(b.NotIn) > 0 {
		t.Errorf("%+v, %+v", s.More.Clocked, b)
	}
}

// A limit can be changed once it is there.
func TestALimitIsChanged(t *testing.T) {
	t.Parallel()
	turns := append([]turn{{"Anything more?", "y"}}, limitsOf(t, line(), "finished article")...)
	turns = append(turns, turn{"What must hold", "4"}, turn{"Which number", "amount"}, turn{"At least", "5"}, turn{"At most", "10"},
		turn{"It is so", "4"}, turn{"Which number", "amount"}, turn{"At least", "2"}, turn{"At most", "3"}, turn{"It is so", "1"}, turn{"What more?", "1"})
	_, p := talk(t, line(), turns...)
	if l := bindingOf(t, p, "hand.scan", "A-").Limits["amount"]; *l.Min != 2 || *l.Max != 3 {
		t.Errorf("%+v", l)
	}
}
