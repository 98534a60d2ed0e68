package config

import (
	"strings"
	"testing"
	"time"

	"stationd/internal/station"
)

// accessOf reads [web], [access] and the bindings of a text, and returns what is wrong with it
// and what is doubtful.
func accessOf(text string) (web Web, access *Access, p station.Program, faults, doubts []string) {
	f := Parse("stationd.toml", []byte(text))
	web, access = f.Web(), f.Access()
	p = f.Program(station.Program{Vendors: map[string]station.Vendor{"l2l": {Verbs: []station.Verb{
		{Name: "dispatch.open", Opens: []string{"machine"}, Lane: []string{"machine"}, Fields: []station.Field{{Name: "machine"}}},
		{Name: "order.hold", Lane: []string{"line"}, Fields: []station.Field{{Name: "line"}}},
	}}}}, map[string][]string{"red": {station.Press}, "hand": {station.Scan}})
	for _, fault := range f.Faults() {
		faults = append(faults, fault.String())
	}
	for _, doubt := range f.Warnings() {
		doubts = append(doubts, doubt.String())
	}
	return web, access, p, faults, doubts
}

func TestARoleIsForWhatIsNoCallForHelp(t *testing.T) {
	t.Parallel()
	const access, hold, call = "[access]\n", "[[on]]\nevent = \"hand.scan\"\ndo = [{ l2l = \"order.hold\", line = \"PACK4\" }]\n", "[[on]]\nevent = \"red.press\"\ndo = [{ l2l = \"dispatch.open\", machine = \"SEAL-1\" }]\n"
	_, known, p, faults, _ := accessOf(access + hold + "role = \"technician\"\n" + call)
	if len(faults) > 0 || p.Bindings[0].Role != station.Technician || p.Bindings[1].Role != "" || known.Expire != 10*time.Minute {
		t.Errorf("%v, %+v, %+v", faults, p.Bindings, known)
	}
	for text, want := range map[string]string{
		access + call + "role = \"technician\"\n": "a call for help is never kept from anybody",
		hold + "role = \"technician\"\n":          "write a table [access] too",
		access + hold + "role = \"operator\"\n":   `"role" must be "technician"`,
		"[access]\nexpire = \"10s\"\n":            `"expire" must be from "1m" to "8h"`,
	} {
		if _, _, _, faults, _ := accessOf(text); len(faults) != 1 || !strings.Contains(faults[0], want) {
			t.Errorf("%s: %v, want %q", text, faults, want)
		}
	}
}

func TestAPageThatOtherMachinesSee(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ fault, doubt string }{
		`listen = "127.0.0.1:8420"`:                     {},
		`listen = "localhost:8420"`:                     {},
		`listen = "0.0.0.0:8420"`:                       {doubt: "open = true for whoever reaches 0.0.0.0:8420"},
		"listen = \":8420\"\ntls = true":                {doubt: "write tls = true and token"},
		"listen = \":8420\"\nopen = true":               {},
		"listen = \":8420\"\nopen = true\ntls = true":   {},
		"listen = \":8420\"\ntoken = { file = \"/t\" }": {doubt: "no other machine sees the page"},
		"listen = \"[::]:8420\"\ntls = true\ntoken = { file = \"/etc/stationd/page.token\" }\nhosts = [\"pack4-1.plant.example\", \"192.0.2.7\"]": {},
		"listen = \"[::1]:8420\"\nopen = true":                                                  {doubt: "no other machine reaches"},
		"listen = \":8420\"\nopen = true\ntoken = { file = \"/t\" }":                            {fault: "keep one"},
		"listen = \":8420\"\nopen = true\ntls = true\ncertificate = \"/etc/page.crt\"":          {fault: "belong together"},
		"listen = \":8420\"\nopen = true\ncertificate = \"/c\"\ncertificate_key = \"page.key\"": {fault: "with tls = true alone"},
		"listen = \":8420\"\nopen = true\nhosts = [\"https://pack4-1\"]":                        {fault: "is no name of a host"},
	} {
		_, _, _, faults, doubts := accessOf("[web]\n" + text)
		for what, c := range map[string]struct {
			got  []string
			want string
		}{"faults": {faults, want.fault}, "doubts": {doubts, want.doubt}} {
			said := strings.Join(c.got, "\n")
			if (c.want == "") != (said == "") || !strings.Contains(said, c.want) {
				t.Errorf("%s: the %s are %q, want %q", text, what, said, c.want)
			}
		}
	}
}
