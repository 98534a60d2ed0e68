package api

import (
	"strings"
	"testing"
)

func TestAnAnswerIsJudgedByItsSizeBeforeAnythingIsMadeOfIt(t *testing.T) {
	t.Parallel()
	rows := func(row string, n int) string {
		return `{"success": true, "data": [` + strings.TrimSuffix(strings.Repeat(row+",", n), ",") + `]}`
	}
	for _, test := range []struct {
		name, body string
		want       string // how the error begins; "" for none
	}{
		{"an empty one", "", ""},
		{"what is no JSON", strings.Repeat("{,", 200_000)[1:], ""},
		{"a full page of dispatches", rows(`{"id": 1, "machine": "SEAL-1", "description": "a, b [c] {d} \" , {"}`, 5000), ""},
		{"as many records as are read", rows(`{}`, mostObjects-1), ""},
		{"one more", rows(`{}`, mostObjects), "the answer has more than 10000 records"},
		{"rows of nothing", rows(`null`, mostValues), "the answer has more than 100000 values"},
		{"lists in lists", strings.Repeat("[", mostValues+1), "the answer has more than 100000 values"},
		{"records within a text are none", `{"text": "` + strings.Repeat(`{},`, 200_000) + `"}`, ""},
		{"a text that never ends", `{"text": "` + strings.Repeat(`\"{,`, 200_000), ""},
		{"too many bytes", rows(`{"id": "`+strings.Repeat("x", 1000)+`"}`, 3000), "the answer is longer than 2 MiB"},
		{"a backslash at the end", `{"text": "\`, ""},
	} {
		err := checkSize([]byte(test.body), mostAnswer)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if err := checkSize(make([]byte, 64<<10+1), 64<<10); err == nil || err.Error() != "the answer is longer than 64 KiB" {
		t.Errorf("more than a receiver's answer may have: %v", err)
	}
}
