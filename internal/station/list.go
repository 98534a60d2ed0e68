package station

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// ParseList reads a list or a table as a template: a []any or map[string]any of
// strings, numbers, truths, lists and tables, in which every string is a
// template of its own. An error is a *TemplateError, or says what JSON cannot
// hold.
//
//	[{"article": "{gs1.01}", "batch": "{gs1.10}", "serial": "{gs1.21?}"}]
//
// It is filled in to canonical JSON: keys in order, no spaces. What is read at
// the station is written by encoding/json, so that no code can change what the
// list says. A field or an item whose optional name has no value is left out,
// and so is a list or table of which nothing is left. A text that is one name
// and nothing else takes a list in hand as the list it is.
func ParseList(v any) (Template, error) {
	text, err := canonical(v)
	if err != nil {
		return Template{}, err
	}
	shape, err := shapeOf(v)
	if err != nil {
		return Template{}, err
	}
	return Template{text: text, shape: shape}, nil
}

func shapeOf(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return ParseTemplate(v)
	case []any:
		items := make([]any, 0, len(v))
		for _, item := range v {
			shape, err := shapeOf(item)
			if err != nil {
				return nil, err
			}
			items = append(items, shape)
		}
		return items, nil
	case map[string]any:
		fields := make(map[string]any, len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			shape, err := shapeOf(v[name])
			if err != nil {
				return nil, err
			}
			fields[name] = shape
		}
		return fields, nil
	}
	return v, nil
}

func namesIn(shape any) []Name {
	var names []Name
	switch v := shape.(type) {
	case Template:
		return v.Names()
	case []any:
		for _, item := range v {
			names = append(names, namesIn(item)...)
		}
	case map[string]any:
		for _, field := range slices.Sorted(maps.Keys(v)) {
			names = append(names, namesIn(v[field])...)
		}
	}
	return names
}

func (t Template) expandShape(value func(string) (string, bool)) (text string, present bool, missing string) {
	filled, present, missing := fillIn(t.shape, value)
	if missing != "" || !present {
		return "", false, missing
	}
	text, err := canonical(filled)
	return text, err == nil, ""
}

// fillIn returns a shape with its names filled in.
func fillIn(shape any, value func(string) (string, bool)) (filled any, present bool, missing string) {
	switch v := shape.(type) {
	case Template:
		return v.fillIn(value)
	case []any:
		items := make([]any, 0, len(v))
		for _, item := range v {
			filled, present, missing := fillIn(item, value)
			if missing != "" {
				return nil, false, missing
			}
			if present {
				items = append(items, filled)
			}
		}
		return items, len(items) > 0 || len(v) == 0, ""
	case map[string]any:
		fields := make(map[string]any, len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			filled, present, missing := fillIn(v[name], value)
			if missing != "" {
				return nil, false, missing
			}
			if present {
				fields[name] = filled
			}
		}
		return fields, len(fields) > 0 || len(v) == 0, ""
	}
	return shape, true, ""
}

// fillIn returns a text within a shape filled in: a text, or a list as JSON.
func (t Template) fillIn(value func(string) (string, bool)) (filled any, present bool, missing string) {
	if text, constant := t.Constant(); constant {
		return text, true, ""
	}
	if name, whole := t.Whole(); whole {
		if _, list := value(counted + name); list {
			text, _ := value(name)
			return json.RawMessage(text), true, ""
		}
	}
	return t.expand(value)
}

// item returns the template filled in as one item of a list, in JSON.
func (t Template) item(value func(string) (string, bool)) (item json.RawMessage, present bool, missing string) {
	text, present, missing := t.expand(value)
	if !present || t.shape != nil {
		return json.RawMessage(text), present, missing
	}
	text, err := canonical(text)
	return json.RawMessage(text), err == nil, ""
}

// canonical writes a value as JSON in the one form that stands on disk.
func canonical(v any) (string, error) {
	var b strings.Builder
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	if err := out.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// A list is written anew with every event, so it has bounds: what an operator
// scans for one piece is far below them, and a reader gone wild stays there.
const (
	mostItems = 500
	mostList  = 64 << 10 // bytes
)

// appended returns a list in hand with one more item; ok is false where it takes
// no more.
func (v Value) appended(item json.RawMessage) (after Value, ok bool) {
	items := append(v.items(), item)
	text, err := canonical(items)
	if err != nil || len(items) > mostItems || len(text) > mostList {
		return v, false
	}
	v.Text, v.List = text, len(items)
	return v, true
}

// withoutLast returns a list in hand without its last item.
func (v Value) withoutLast() Value {
	items := v.items()
	if len(items) > 0 {
		items = items[:len(items)-1]
	}
	v.Text, _ = canonical(items) // what was read from JSON can be written
	v.List = len(items)
	return v
}

func (v Value) items() []json.RawMessage {
	var items []json.RawMessage
	if v.List == 0 || json.Unmarshal([]byte(v.Text), &items) != nil {
		return nil // a text gives way to the list
	}
	return items
}
