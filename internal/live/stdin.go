package live

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"stationd/internal/scanner/gs1"
)

// A gs1Answer is the result of parsing one scan by GS1's rules, in the form of the vectors in
// internal/scanner/gs1/testdata:
//
//	{"scan":"]d210AB","ok":true,"ai":[["10","AB"]]}
//	{"scan":"]d2","ok":false,"err":"gs1: byte 3: the symbol holds no element string"}
type gs1Answer struct {
	Scan *string     `json:"scan,omitempty"` // nil where the line holds none
	OK   bool        `json:"ok"`
	AI   [][2]string `json:"ai,omitempty"`
	Err  string      `json:"err,omitempty"`
}

// answerScans parses each line of in as a scan and writes one line with the answer.
func answerScans(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			if err := encoder.Encode(answerScan(line, number)); err != nil {
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

// answerScan parses one line, whose number is for the error.
func answerScan(line []byte, number int) gs1Answer {
	var scan *string
	if err := json.Unmarshal(line, &scan); err != nil || scan == nil {
		return gs1Answer{Err: fmt.Sprintf("line %d is not one scan as a JSON string", number)}
	}
	elements, err := gs1.Parse(*scan)
	if err != nil {
		return gs1Answer{Scan: scan, Err: err.Error()}
	}
	answer := gs1Answer{Scan: scan, OK: true}
	for _, e := range elements {
		answer.AI = append(answer.AI, [2]string{e.AI, e.Value})
	}
	return answer
}
