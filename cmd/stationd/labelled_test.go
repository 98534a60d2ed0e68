package main

import (
	"strings"
	"testing"

	"stationd/internal/demo"
)

func TestThePageCallsThingsAsThePlantDoes(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	editConfig(t, b, "name     = \"pack4-1\"\n", "name     = \"pack4-1\"\nlabel    = \"Packing four\"\n")
	editConfig(t, b, "name = \"maintenance\"\n", "name = \"maintenance\"\nlabel = \"Call for help\"\n")
	editConfig(t, b, "name = \"red\"\n", "name = \"red\"\nlabel = \"Red light\"\n")
	editConfig(t, b, "name = \"hand\"\n", "name = \"hand\"\nlabel = \"Gun on the cord\"\n")
	editConfig(t, b, `type = { MAINT = "Maintenance"`, `value = { order = "Job" }
product = { "200" = "Soup, 400 g" }
type = { MAINT = "Fitter"`)
	must(t, b.Power(t.Context(), true))
	part := func(serial string) string { return demo.Part{Article: demo.Soup, Batch: "B1", Serial: serial}.Symbol() }

	scanAndWait(t, b, part("1"))
	expectPage(t, b, "Packing four", "Gun on the cord", "Scan the Job first")
	editConfig(t, b, "needs = [\"order\"]\n", "needs = [\"order\"]\nask = \"Scan the sheet on the trolley first\"\n")
	reloadStation(t, b, heardReload)
	scanAndWait(t, b, part("2"))
	expectPage(t, b, "Scan the sheet on the trolley first")

	must(t, b.Cable(false))
	scanAndWait(t, b, "PO4711")
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	scanAndWait(t, b, part("3"))
	scanAndWait(t, b, "PC-200")
	expectPage(t, b, ">Job<", "Fitter", "Call for help", "Red light", "Soup, 400 g")
	page := readPage(t, b)
	for _, name := range []string{"pack4-1<", ">maintenance<", ">red<", ">hand<", "MAINT", "product 200"} {
		if strings.Contains(page, name) {
			t.Errorf("the page says %q, which has a label", name)
		}
	}
	must(t, b.Cable(true))
	must(t, b.WaitDelivered(t.Context()))
}

// expectPage waits until the page says each of these.
func expectPage(t *testing.T, b *demo.Simulation, texts ...string) {
	t.Helper()
	for _, text := range texts {
		must(t, demo.Until(t.Context(), "the page says "+text, func() bool { return strings.Contains(readPage(t, b), text) }))
	}
}

func TestCheckWarnsOfALabelOfSomethingThatIsNotThere(t *testing.T) {
	t.Parallel()
	const call = "\n[[on]]\nevent = \"hand.scan\"\nmatch = '^HELP$'\ndo = [{ l2l = \"dispatch.open\", machine = \"A\", trade = \"MECH\", type = \"MAINT\", description = \"x\" }]\n"
	said := checkWarnings(t, "usb:0403:6001", onOrder+call+"[labels]\nvalue = { ordr = \"Job\", order = \"Job\", \"l2l.order\" = \"Order\" }\ntype = { MIANT = \"Fitter\", MAINT = \"Fitter\" }\nproduct = { A = \"Soup\" }\n")
	for _, want := range []string{`nothing is called "ordr" here`, `no binding opens a call of type "MIANT"`} {
		if !strings.Contains(said, want) {
			t.Errorf("check says %q, and not %q", said, want)
		}
	}
	if n := strings.Count(said, "warning"); n != 2 {
		t.Errorf("check warns %d times:\n%s", n, said)
	}
}

func TestALabelThatCannotBeReadFromADistanceIsAFault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, new, says string }{
		"none":      {"[station]\n", "[labels]\ntype = { MAINT = \"\" }\n\n[station]\n", "labels, type, MAINT is empty: write what people say, or leave it out"},
		"long":      {"name = \"hand\"\n", "name = \"hand\"\nlabel = \"" + strings.Repeat("long ", 20) + "\"\n", "scanner 1, label has 100 characters, and 60 at most: it is read from a distance"},
		"two lines": {"name = \"hand\"\n", "name = \"hand\"\nlabel = \"one\\ntwo\"\n", "scanner 1, label must be one line of text without control characters"},
		"ask":       {"needs = [\"order\"]\n", "needs = [\"order\"]\nask = \"\"\n", `"ask" is empty: write what people say, or leave it out`},
		"number":    {"name = \"hand\"\n", "name = \"hand\"\nlabel = 5\n", `"label" must be`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(strings.NewReplacer("%q", `"/tmp/x"`).Replace(scansConfig), c.old, c.new, 1)
			var out, errs strings.Builder
			if code := command(t.Context(), []string{"check", writeConfig(t, "%s", text)}, strings.NewReader(""), &out, &errs); code != 78 {
				t.Errorf("check ends with %d", code)
			}
			if !strings.Contains(errs.String(), c.says) {
				t.Errorf("check says:\n%s\nand not %q", errs.String(), c.says)
			}
		})
	}
}
