package api

import (
	"bytes"
	"fmt"
	"strconv"

	"stationd/internal/station"
)

// What an answer holds at most. Rows of a few bytes become hundreds each in memory, so that
// their number is limited beside their bytes.
const (
	mostAnswer  = 2 << 20 // bytes
	mostObjects = 10_000  // of JSON
	mostValues  = 100_000

	// MostDocument is how many bytes an answer has at most that is a document, as a PDF.
	MostDocument = 8 << 20
)

// checkSize says what of an answer is more than is read, before anything is made of it; nil
// where nothing is. What is no JSON is judged by its bytes alone.
func checkSize(body []byte, most int) error {
	if len(body) > most {
		return fmt.Errorf("the answer is longer than %s", inBytes(most))
	}
	start := bytes.TrimLeft(body, " \t\r\n")
	if len(start) == 0 || start[0] != '{' && start[0] != '[' {
		return nil
	}
	objects, values := 0, 0
	inText := false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{':
			objects++
			values++
		case c == ',', c == '[':
			values++
		}
	}
	switch {
	case objects > mostObjects:
		return fmt.Errorf("the answer has more than %d records: ask for fewer", mostObjects)
	case values > mostValues:
		return fmt.Errorf("the answer has more than %d values: ask for fewer records", mostValues)
	}
	return nil
}

// inBytes writes a number of bytes for a person: 2 MiB, 64 KiB.
func inBytes(n int) string {
	if n < 1<<20 {
		return strconv.Itoa(n>>10) + " KiB"
	}
	return strconv.Itoa(n>>20) + " MiB"
}

// Ceilings lists what is taken of a vendor at most.
func Ceilings() []station.Ceiling {
	number := strconv.Itoa
	const unread = "it cannot be read, as any other answer that makes no sense: page, doctor and log say so; the entry is looked up and tried again, and held after five tries while the vendor is well otherwise"
	return []station.Ceiling{
		{Of: "an answer of a vendor", Most: inBytes(mostAnswer), Then: unread},
		{Of: "records in an answer", Most: number(mostObjects), Then: "as above; a command says to ask for fewer"},
		{Of: "values in an answer", Most: number(mostValues), Then: "as above"},
		{Of: "a document of a vendor (PDF)", Most: inBytes(MostDocument), Then: "the command, or the page for a picking list, says so"},
		{Of: "a vendor's text, where it comes in", Most: number(mostWords) + " characters", Then: "an ellipsis, in log, outbox and page"},
	}
}
