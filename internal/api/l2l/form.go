package l2l

import (
	"cmp"
	"slices"
)

// A form is what a request posts: fields, each with one value. It stands for url.Values, which
// takes memory for each field.
type form []formField

type formField struct{ name, value string }

// mostFields is room for the fields of nearly every form.
const mostFields = 16

// newForm is a form that names the site, as all do.
func (b *Backend) newForm() form {
	return append(make(form, 0, mostFields), formField{"site", b.site})
}

// Set sets a field.
func (f *form) Set(name, value string) {
	if i := f.find(name); i >= 0 {
		(*f)[i].value = value
		return
	}
	*f = append(*f, formField{name, value})
}

// Get returns the value of a field; "" where the form has none of that name.
func (f form) Get(name string) string {
	if i := f.find(name); i >= 0 {
		return f[i].value
	}
	return ""
}

// Has reports whether the form has a field of that name.
func (f form) Has(name string) bool { return f.find(name) >= 0 }

func (f form) find(name string) int {
	return slices.IndexFunc(f, func(one formField) bool { return one.name == name })
}

// encode writes the form as it is posted, by the names of its fields; nil where it has none.
func (f form) encode() []byte {
	if len(f) == 0 {
		return nil
	}
	slices.SortFunc(f, func(a, b formField) int { return cmp.Compare(a.name, b.name) })
	text := make([]byte, 0, 512)
	for i, field := range f {
		if i > 0 {
			text = append(text, '&')
		}
		text = append(appendEscaped(text, field.name), '=')
		text = appendEscaped(text, field.value)
	}
	return text
}

// appendEscaped appends a text as url.QueryEscape writes it, without a text of its own.
func appendEscaped(to []byte, text string) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range []byte(text) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '~':
			to = append(to, c)
		case c == ' ':
			to = append(to, '+')
		default:
			to = append(to, '%', digits[c>>4], digits[c&15])
		}
	}
	return to
}
