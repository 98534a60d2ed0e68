package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const (
	rules     = "monitoring/stationd.rules.yml"
	dashboard = "monitoring/stationd.dashboard.json"
)

// promtool is Prometheus' own checker of what is written for it.
func promtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not here (apt install prometheus): what Prometheus makes of the alerts and of the dashboard's questions was NOT proved")
	}
	return path
}

func TestTheAlertsCallSomebodyForWhatIsWrongAndForNothingElse(t *testing.T) {
	t.Parallel()
	tool := promtool(t)
	must(t, command(t, tool, "check", "rules", rules))
	must(t, command(t, tool, "test", "rules", "testdata/stationd.rules.test.yml"))
	test, err := os.ReadFile("testdata/stationd.rules.test.yml")
	if err != nil {
		t.Fatal(err)
	}
	alerts := 0
	for _, line := range lines(t, rules) {
		if name, is := strings.CutPrefix(line, "- alert: "); is {
			alerts++
			if !bytes.Contains(test, []byte(name+",")) || !bytes.Contains(test, []byte(`"`+name+`"`)) && name != "StationVersionsApart" {
				t.Errorf("no test says when %s calls somebody, and when it does not", name)
			}
		}
	}
	if alerts < 10 {
		t.Errorf("there are only %d alerts", alerts)
	}
}

func decodeDashboard(t *testing.T) (document any) {
	t.Helper()
	text, err := os.ReadFile(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	document, err = jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func TestTheDashboardIsOneThatGrafanaImports(t *testing.T) {
	t.Parallel()
	document := decodeDashboard(t)
	schema, err := jsonschema.NewCompiler().Compile("testdata/dashboard.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Error(err)
	}
	var panels []struct {
		ID      int
		Title   string
		GridPos struct{ X, Y, W, H int }
	}
	text, err := json.Marshal(document.(map[string]any)["panels"])
	if err == nil {
		err = json.Unmarshal(text, &panels)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range panels {
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s is wider than the page", p.Title)
		}
		for _, other := range panels[:i] {
			a, b := p.GridPos, other.GridPos
			if p.ID == other.ID {
				t.Errorf("%s and %s have one ID", p.Title, other.Title)
			}
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("%s lies over %s", p.Title, other.Title)
			}
		}
	}
}

// Each question of the dashboard is a rule to promtool, which says whether it can be asked.
func TestPrometheusUnderstandsTheDashboardsQuestions(t *testing.T) {
	t.Parallel()
	tool := promtool(t)
	var asked []string
	var find func(any)
	find = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if expr, is := v["expr"].(string); is {
				asked = append(asked, strings.NewReplacer("$__rate_interval", "5m", "$station", "pack4-1").Replace(expr))
			}
			for _, below := range v {
				find(below)
			}
		case []any:
			for _, below := range v {
				find(below)
			}
		}
	}
	find(decodeDashboard(t))
	if len(asked) < 20 {
		t.Fatalf("only %d questions were found", len(asked))
	}
	file := "groups:\n  - name: dashboard\n    rules:\n"
	for i, expr := range asked {
		file += fmt.Sprintf("      - {record: question%d, expr: %s}\n", i, strconv.Quote(expr))
	}
	path := filepath.Join(t.TempDir(), "questions.yml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, command(t, tool, "check", "rules", path))
}
