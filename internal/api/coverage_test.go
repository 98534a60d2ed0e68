package api_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stationd/internal/api/apitest"
	"stationd/internal/api/l2l"
	"stationd/internal/api/lagerkoll"
	"stationd/internal/station"
)

var update = flag.Bool("update", false, "write docs/coverage.md anew")

// A cover is one operation of a vendor's text, or one of the alternatives that
// the text gives for it, and what stationd has for it.
type cover struct {
	text    string // the vendor's own heading
	call    string // method and path, as the contract has them
	verb    string // of a binding; "" where the operation only reads
	command string // below stationd l2l or stationd lagerkoll
	lookup  string // what is read in doubt; "" where nothing can be in doubt
	test    string // that shows it against the plant
}

// A vendor is one of the two with its contract.
type vendor struct {
	name, title string
	verbs       []station.Verb
	covers      []cover
	beyond      []string // operations of the contract that are not in the vendor's text

	// reads are the verbs of bindings that only read, by their operation. They are
	// not the backend's: cmd/stationd has them.
	reads map[string]string
}

func vendors() []vendor {
	return []vendor{
		{"l2l", "L2L", l2l.Verbs(), l2lCovers(), []string{
			"GET /buildsequence/", "GET /productcomponents/", "GET /pitchdetails/", "GET /sites/", "POST /pitchdetails/record_details/",
		}, nil},
		{"lagerkoll", "Lagerkoll", lagerkoll.Verbs(), lagerkollCovers(), nil, map[string]string{
			"GET /{order_id}/pickinglist/print": "picking_list.print",
		}},
	}
}

func l2lCovers() []cover {
	const (
		dispatches = "GET /dispatches/"
		current    = "GET /buildsequence/get_current_order_on_line/"
		matrix     = "TestEveryVerbIsDoneOnceOrHeldWhateverHappensToItsRequest"
		step       = "TestAStepIsTakenByTheOrderThatRuns"
	)
	return []cover{
		{"Identify if a Dispatch has already been launched", dispatches, "", "dispatches machine=… type=… open=true", "", "TestDispatchesAreRead"},
		{"the same, before a call is opened once", dispatches, "dispatch.open", "dispatch.open once=true", dispatches, "TestACallIsOpenedOnce"},
		{"Create a new Dispatch: Add", "POST /dispatches/add/", "dispatch.add", "dispatch.add", dispatches, "TestWhatIsOverIsAddedWithItsTrueTimes"},
		{"Create a new Dispatch: Open", "POST /dispatches/open/", "dispatch.open", "dispatch.open", dispatches, "TestHelpIsCalled"},
		{"Look up the Dispatch to find the Dispatch ID", dispatches, "", "dispatch NUMBER", "", "TestDispatchesAreRead"},
		{"Close the Dispatch", "POST /dispatches/close/{id}/", "dispatch.close", "dispatch.close", dispatches, matrix},
		{"Complete the Dispatch", "POST /dispatches/complete/{id}/", "dispatch.complete", "dispatch.complete", dispatches, "TestADispatchIsCompleted"},
		{"Starting a Changeover, by product code", "POST /buildsequence/start_change_over/", "changeover.start", "changeover.start product=…", current, "TestAChangeover"},
		{"Starting a Changeover, by line alone", "POST /buildsequence/start_change_over/", "changeover.start", "changeover.start", current, "TestAChangeover"},
		{"Starting a Changeover, by build sequence id", "POST /buildsequence/start_change_over/", "changeover.start", "changeover.start id=…", current, "TestAChangeover"},
		{"Starting a Changeover, by external ids", "POST /buildsequence/start_change_over/", "changeover.start", "changeover.start line_externalid=… externalid=…", current, "TestAChangeoverByExternalIDs"},
		{"Finishing a Changeover", "POST /buildsequence/finish_change_over/", "changeover.finish", "changeover.finish", current, step},
		{"Finishing a Changeover, skipped where none is planned", "POST /buildsequence/finish_change_over/", "changeover.finish", "changeover.finish", current, "TestAChangeoverForWhichNoTimeIsPlannedNeedNotBeFinished"},
		{"Put an Order on Hold", "POST /buildsequence/put_order_on_hold/", "order.hold", "order.hold", current, step},
		{"Complete an Order", "POST /buildsequence/complete_order/", "order.complete", "order.complete", current, step},
		{"Get Current Build Sequence Running on a Line", current, "", "current-order LINE", "", "TestOrdersAndSitesAreRead"},
	}
}

func lagerkollCovers() []cover {
	const (
		order   = "GET /{order_id}"
		search  = "GET /production_orders_state"
		matrix  = "TestWhateverStrikesAnEntryIsDoneOnceOrHeld"
		life    = "TestAnOrderLivesFromItsCreationToItsEnd"
		change  = "TestWhatBecameOfAChange"
		answers = "TestEveryReadIsAnsweredByThePlantAsTheContractSays"
	)
	return []cover{
		{"Create production order from customer order", "POST /customer_order/{customer_order_id}", "order.create_from_customer_order", "order.create_from_customer_order", "GET /customer_order/{customer_order_id}", change},
		{"Print pickinglist", "GET /{order_id}/pickinglist/print", "", "picking-list ORDER -o FILE", "", "TestAPickingListIsAWholePDFOrNone"},
		{"Get batch and serial for a production order", "GET /{order_id}/batch", "", "batches ORDER", "", "TestBatchesAndPartsAreRead"},
		{"Get production order for id", order, "", "order ORDER", "", "TestAnOrderIsReadInEveryFormItMayCome"},
		{"Get production orders for state", "GET /state/{state}", "", "orders state=…", "", answers},
		{"Get production orders for customer order", "GET /customer_order/{customer_order_id}", "", "orders customer_order=…", "", answers},
		{"Get production orders with article", "GET /article/{article_id}", "", "orders article=…", "", answers},
		{"Get flat products", "GET /{order_id}/products/flat", "", "products ORDER", "", "TestBatchesAndPartsAreRead"},
		{"Get po-ref for production order", "GET /pr_ref/next_id", "", "next-reference", "", answers},
		{"Get production orders between states", search, "", "orders from=… to=…", "", "TestAListOfOrdersComesInThreeForms"},
		{"Add production order", "POST /", "order.create", "order.create", search, "TestWhatBecameOfANewOrder"},
		{"Add article for production order", "POST /{order_id}/article", "article.add", "article.add", order, change},
		{"Update production order", "PUT /{order_id}", "order.update", "order.update", order, "TestAnUpdateLeavesAloneWhatItWasNotTold"},
		{"Update production order, startProduction", "PUT /{order_id}", "order.start", "order.start", order, life},
		{"Update article for production order", "PUT /{order_id}/article", "article.update", "article.update", order, change},
		{"Update article with traceability for production order", "PUT /{order_id}/article/{article_id}", "article.trace", "article.trace", "GET /{order_id}/batch", "TestWhatBecameOfATrace"},
		{"Cancel production order", "PUT /{order_id}/cancel", "order.cancel", "order.cancel", order, matrix},
		{"Finish production order", "PUT /{order_id}/finish", "order.finish", "order.finish", order, life},
		{"Remove production order article", "DELETE /{order_id}/article/{article_id}", "article.remove", "article.remove", order, change},
	}
}

const coverageFile = "../../docs/coverage.md"

// The table is checked against the contracts, the verbs and the tests, and then
// written; the file is held to it.
func TestEveryOperationOfTheVendorsTextsIsCovered(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	page.WriteString("# What of the vendors' texts works\n\n" +
		"Each operation of the three texts that stationd is built on, with what there is for it.\n" +
		"A test writes this file from a table that it holds against the contracts (`openapi.yaml`), the verbs and the tests;\n" +
		"it fails where an operation of a contract has no row:\n\n" +
		"    go test ./internal/api -run Covered -update\n\n" +
		"*Look-up* is what is read when an answer was lost, before anything is sent again. *Command* is what an\n" +
		"integrator types; docs/commands.md tells how, and a test of cmd/stationd finds each of them.\n")
	for _, v := range vendors() {
		v.check(t)
		v.write(&page)
	}
	if *update {
		if err := os.WriteFile(coverageFile, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(coverageFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != page.String() {
		t.Errorf("%s is stale: write it anew with go test ./internal/api -run Covered -update", coverageFile)
	}
}

func (v vendor) check(t *testing.T) {
	t.Helper()
	contract, err := apitest.Load(filepath.Join(v.name, "openapi.yaml"), "/")
	if err != nil {
		t.Fatal(err)
	}
	operations, tests := contract.Operations(), v.tests(t)
	covered := map[string]bool{}
	verbs := map[string]bool{}
	for _, c := range v.covers {
		covered[c.call], verbs[c.verb] = true, true
		if !slices.Contains(operations, c.call) {
			t.Errorf("%s: %s: the contract has no %s", v.title, c.text, c.call)
		}
		if c.lookup != "" && !slices.Contains(operations, c.lookup) {
			t.Errorf("%s: %s: the contract has no %s to look at", v.title, c.text, c.lookup)
		}
		if c.verb != "" && !slices.ContainsFunc(v.verbs, func(verb station.Verb) bool { return verb.Name == c.verb }) {
			t.Errorf("%s: %s: there is no verb %s", v.title, c.text, c.verb)
		}
		if c.verb != "" && c.lookup == "" || c.command == "" {
			t.Errorf("%s: %s: it has no look-up or no command", v.title, c.text)
		}
		if !slices.Contains(tests, c.test) {
			t.Errorf("%s: %s: there is no test %s", v.title, c.text, c.test)
		}
	}
	for _, call := range operations {
		if covered[call] == slices.Contains(v.beyond, call) {
			t.Errorf("%s: %s is to stand in the table or among what is beyond the vendor's text", v.title, call)
		}
	}
	for _, verb := range v.verbs {
		if !verbs[verb.Name] && verb.Name != "production.record" {
			t.Errorf("%s: the verb %s is of no operation", v.title, verb.Name)
		}
	}
}

var testName = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// tests lists the names of the vendor's tests.
func (v vendor) tests(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(v.name, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range testName.FindAllStringSubmatch(string(source), -1) {
			names = append(names, found[1])
		}
	}
	return names
}

func (v vendor) write(page *strings.Builder) {
	fmt.Fprintf(page, "\n## %s\n\n| operation | request | binding | command | look-up | test |\n|---|---|---|---|---|---|\n", v.title)
	code := func(text string) string {
		if text == "" {
			return "–"
		}
		return "`" + text + "`"
	}
	for _, c := range v.covers {
		fmt.Fprintf(page, "| %s | %s | %s | %s | %s | `%s` |\n",
			c.text, code(c.call), code(cmp.Or(c.verb, v.reads[c.call])), code("stationd "+v.name+" "+c.command), code(c.lookup), c.test)
	}
}
