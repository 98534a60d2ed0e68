package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// runStdin runs `stationd scans --stdin` and returns the lines that it answers.
func runStdin(t *testing.T, input string) []string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := command(t.Context(), []string{"scans", "--stdin"}, strings.NewReader(input), &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func TestTheCommandAgreesWithGS1sOwnEngineOnEveryScan(t *testing.T) {
	t.Parallel()
	type vector struct {
		Scan string      `json:"scan"`
		OK   bool        `json:"ok"`
		AI   [][2]string `json:"ai"`
		Err  string      `json:"err"`
	}
	f, err := os.Open(filepath.Join("..", "..", "internal", "scanner", "gs1", "testdata", "vectors.jsonl"))
	must(t, err)
	defer f.Close()
	var want []vector
	var input bytes.Buffer
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var v vector
		must(t, json.Unmarshal(lines.Bytes(), &v))
		want = append(want, v)
		must(t, json.NewEncoder(&input).Encode(v.Scan))
	}
	if len(want) != 1478 {
		t.Fatalf("read %d vectors, want 1478", len(want))
	}
	answers := runStdin(t, input.String())
	if len(answers) != len(want) {
		t.Fatalf("%d scans got %d answers", len(want), len(answers))
	}
	agreed := 0
	for i, answer := range answers {
		var got vector
		must(t, json.Unmarshal([]byte(answer), &got))
		if (got.Err == "") != got.OK {
			t.Errorf("line %d: ok and err do not fit: %s", i+1, answer)
		}
		got.Err = want[i].Err // the words are ours; that there is a fault is the engine's
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Errorf("line %d (-engine +stationd):\n%s", i+1, diff)
			continue
		}
		agreed++
	}
	t.Logf("%d of %d scans are judged as GS1's own engine judges them", agreed, len(want))
}

func TestLinesOfAnIntegratorsTest(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, line, want string }{
		{"a batch", `"]d210AB"`, `{"scan":"]d210AB","ok":true,"ai":[["10","AB"]]}`},
		{"a batch and a serial with FNC1 between", `"]d210AB\u001d217"`, `{"scan":"]d210AB\u001d217","ok":true,"ai":[["10","AB"],["21","7"]]}`},
		{"nothing is written in disguise", `"]d210<&>"`, `{"scan":"]d210<&>","ok":true,"ai":[["10","<&>"]]}`},
		{"a symbol without elements", `"]d2"`, `{"scan":"]d2","ok":false,"err":"gs1: byte 3: the symbol holds no element string"}`},
		{"plain text", `"PO4711"`, `{"scan":"PO4711","ok":false,"err":"gs1: neither a GS1 symbol nor a GS1 Digital Link URI"}`},
		{"no JSON", `]d210AB`, `{"ok":false,"err":"line 1 is not one scan as a JSON string"}`},
		{"a number", `10`, `{"ok":false,"err":"line 1 is not one scan as a JSON string"}`},
		{"null", `null`, `{"ok":false,"err":"line 1 is not one scan as a JSON string"}`},
		{"two scans", `"]d210AB" "]d210AB"`, `{"ok":false,"err":"line 1 is not one scan as a JSON string"}`},
		{"an empty line", ``, `{"ok":false,"err":"line 1 is not one scan as a JSON string"}`},
		{"a line from Windows", "\"]d210AB\"\r", `{"scan":"]d210AB","ok":true,"ai":[["10","AB"]]}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := []string{test.want, `{"scan":"]d210NEXT","ok":true,"ai":[["10","NEXT"]]}`}
			if diff := cmp.Diff(want, runStdin(t, test.line+"\n"+`"]d210NEXT"`)); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
		})
	}
}
