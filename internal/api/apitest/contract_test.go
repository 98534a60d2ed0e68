package apitest

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const page = `
openapi: 3.1.0
info: { title: a vendor, version: "1" }
security: [{ key: [] }]
paths:
  /things/:
    post:
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema:
              type: object
              required: [site]
              properties: { site: { type: integer }, text: { type: string, minLength: 1 } }
      responses:
        "200": { description: yes, content: { application/json: { schema: { type: object, required: [success], properties: { success: { const: true } } } } } }
  /things/{id}:
    get:
      parameters:
        - { name: id, in: path, required: true, x-slashes: true, schema: { type: string } }
        - { name: open, in: query, schema: { type: string, enum: [T, F] } }
      responses:
        "200": { description: yes, content: { application/json: { schema: { type: object } } } }
components:
  securitySchemes: { key: { type: apiKey, in: query, name: auth } }
`

func load(t *testing.T, text string) (*Contract, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "openapi.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path, "/v1/")
}

func TestARequestIsHeldAgainstTheContract(t *testing.T) {
	t.Parallel()
	c, err := load(t, page)
	if err != nil {
		t.Fatal(err)
	}
	for sentence, r := range map[string]struct {
		method, target, form string
		good                 bool
	}{
		"a form as it is written":         {"POST", "/v1/things/?auth=k", "site=12&text=a", true},
		"a path with slashes in its name": {"GET", "/v1/things/a/b%2Fc?auth=k&open=T", "", true},
		"no key":                          {"POST", "/v1/things/", "site=12", false},
		"a text where a number is due":    {"POST", "/v1/things/?auth=k", "site=a", false},
		"something missing":               {"POST", "/v1/things/?auth=k", "text=a", false},
		"something empty":                 {"POST", "/v1/things/?auth=k", "site=12&text=", false},
		"a stranger in the form":          {"POST", "/v1/things/?auth=k", "site=12&more=a", false},
		"the same twice in the form":      {"POST", "/v1/things/?auth=k", "site=12&site=13", false},
		"a stranger in the query":         {"GET", "/v1/things/a?auth=k&more=1", "", false},
		"the same twice in the query":     {"GET", "/v1/things/a?auth=k&open=T&open=F", "", false},
		"a value that is none":            {"GET", "/v1/things/a?auth=k&open=X", "", false},
		"another method":                  {"DELETE", "/v1/things/a?auth=k", "", false},
		"another path":                    {"GET", "/v1/other?auth=k", "", false},
		"another root":                    {"GET", "/things/a?auth=k", "", false},
	} {
		req := httptest.NewRequest(r.method, r.target, strings.NewReader(r.form))
		if r.form != "" {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if err := c.Request(req, []byte(r.form)); (err == nil) != r.good {
			t.Errorf("%s: %v", sentence, err)
		}
	}
	want := []string{"GET /things/{id}", "POST /things/"}
	if !slices.Equal(c.Operations(), want) || !slices.Equal(c.Used(), want) {
		t.Errorf("%v and %v", c.Operations(), c.Used())
	}
}

func TestAnAnswerIsHeldAgainstTheContract(t *testing.T) {
	t.Parallel()
	c, err := load(t, page)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/v1/things/?auth=k", http.NoBody)
	for answer, good := range map[string]bool{`{"success": true}`: true, `{"success": false}`: false, `{}`: false, `[]`: false, `{`: false} {
		if err := c.Answer(r, 200, http.Header{"Content-Type": {"application/json"}}, []byte(answer)); (err == nil) != good {
			t.Errorf("%s: %v", answer, err)
		}
	}
	if err := c.Answer(r, 500, http.Header{}, nil); err == nil {
		t.Error("a status that the contract does not have passes")
	}
}

func TestAContractThatIsNotSoundIsNotLoaded(t *testing.T) {
	t.Parallel()
	for sentence, text := range map[string]string{"no YAML": "{", "no OpenAPI": "openapi: 3.1.0\npaths: {/a: {get: {}}}", "nothing": ""} {
		if _, err := load(t, text); err == nil {
			t.Errorf("%s is loaded", sentence)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml"), "/"); err == nil {
		t.Error("a file that is not there is loaded")
	}
}
