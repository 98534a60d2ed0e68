package live

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"stationd/internal/scanner/gs1"
)

// A judgement is what GS1's rules make of one scan, in the form of the vectors in
// internal/scanner/gs1/testdata:
//
//	{"scan":"]d210AB","ok":true,"ai":[["10","AB"]]}
//	{"scan":"]d2","ok":false,"err":"gs1: byte 3: the symbol holds no element string"}
type judgement struct {
	Scan *string     `json:"scan,omitempty"` // missing where there was none to read
	OK   bool        `json:"ok"`
	AI   [][2]string `json:"ai,omitempty"`
	Err  string      `json:"err,omitempty"`
}

// judgeAll judges every line of in, and answers each with one line.
func judgeAll(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	to := json.NewEncoder(out)
	to.SetEscapeHTML(false)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			if err := to.Encode(judge(line, number)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
	}
}

func judge(line []byte, number int) judgement {
	var scan *string
	if err := json.Unmarshal(line, &scan); err != nil || scan == nil {
		return judgement{Err: fmt.Sprintf("line %d is not one scan as a JSON string", number)}
	}
	elements, err := gs1.Parse(*scan)
	if err != nil {
		return judgement{Scan: scan, Err: err.Error()}
	}
	j := judgement{Scan: scan, OK: true}
	for _, e := range elements {
		j.AI = append(j.AI, [2]string{e.AI, e.Value})
	}
	return j
}
