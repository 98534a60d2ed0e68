package lagerkoll

import (
	"bytes"
	"strconv"
	"strings"

	"stationd/internal/api"
	"stationd/internal/station"
)

// A Code is one of the error codes of Lagerkoll's page.
type Code int

// The codes. All but the first three are a plain no.
const (
	CodeCredentials   Code = 900001 // "Credentials don't match"
	CodeCommon        Code = 900101 // "Common error": anything, also after the work was done
	CodeTooMany       Code = 900429 // "Too many requests"
	CodeGet           Code = 903001 // "Error when getting production order"
	CodeCreate        Code = 903002 // "Error when creating a production order"
	CodeUpdate        Code = 903003 // "Error when updating a production order"
	CodeCustomerOrder Code = 903004 // "Error when getting customer order"
)

// An Error is Lagerkoll's own error, found with errors.AsType in the error of a
// receipt or of a read. It wraps what the round trip came to, station.ErrKey or
// an *api.Refusal among it.
type Error struct {
	Code    Code
	Message string // Lagerkoll's words; text, whatever it looks like
	Field   string // the field that Lagerkoll finds fault with; "" where it names none

	err error
}

// Error says what was asked and what came of it, in Lagerkoll's words.
func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns what the round trip came to.
func (e *Error) Unwrap() error { return e.err }

// Why is the code, and what Lagerkoll said in its own words. Where it judged the key or the
// pace, a code has no part in it.
func (e *Error) Why() station.Reason {
	why := station.Reason{Quote: e.Message}
	if e.Field != "" {
		why.Quote = strings.TrimSpace(why.Quote + " (" + e.Field + ")")
	}
	if e.Code != 0 {
		why.Kind = "lagerkoll-" + strconv.Itoa(int(e.Code))
	}
	return why
}

// errorOf reads Lagerkoll's error; nil where the body is none. An error whose
// code cannot be read has the code 0.
//
//	{"errorCode": 903003, "errorMessage": "…", "errorField": null, "errorData": null}
func errorOf(body []byte) *Error {
	if !bytes.Contains(body, []byte(`"errorCode"`)) {
		return nil
	}
	o, isObject := api.ReadObject(body)
	if !isObject || !o.Has("errorCode") {
		return nil
	}
	e := new(Error)
	if code, ok := o.ID("errorCode"); ok {
		e.Code = codeOf(code)
	}
	e.Message, _ = o.Text("errorMessage")
	e.Field, _ = o.Text("errorField")
	return e
}

// codeOf reads a code of six digits, 0 where it has another form.
func codeOf(digits string) (code Code) {
	if len(digits) != len("900001") || digits[0] != '9' {
		return 0
	}
	for _, d := range digits {
		code = 10*code + Code(d-'0')
	}
	return code
}

// answer is what the error says in terms of a round trip. A code of another kind says
// neither yes nor no, and a common error that something failed.
func (e *Error) answer() api.Answer {
	said := api.Answer{Text: e.Message}
	if e.Field != "" {
		said.Text = strings.TrimSpace(said.Text + " (" + e.Field + ")")
	}
	switch e.Code {
	case 0:
	case CodeCommon:
		said.Word = api.Failed
	case CodeCredentials:
		said.Word = api.BadKey
	case CodeTooMany:
		said.Word = api.TooMany
	default:
		said.Word = api.No
	}
	return said
}

// wrap puts the vendor's own error into a receipt, its texts fit to be shown.
func (e *Error) wrap(rc station.Receipt, words func(string) string) station.Receipt {
	if e != nil && rc.Err != nil {
		rc.Err = &Error{Code: e.Code, Message: words(e.Message), Field: words(e.Field), err: rc.Err}
	}
	return rc
}

// notTold is the receipt of a read that Lagerkoll answered in order, and whose answer
// does not tell what was asked.
func notTold(format string, args ...any) station.Receipt {
	return api.NotTold("Lagerkoll", format, args...)
}
