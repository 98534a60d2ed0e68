package station

// Labels are what people call things whose names are for the configuration or for a vendor:
// the words that stand on the page. What has none goes by its name.
type Labels struct {
	Station string            // the station itself
	Part    map[string]string // buttons, lamps and scanners, by their names
	Value   map[string]string // what is in hand or missing, by its name: order, parts
	Type    map[string]string // types of calls, as the vendor has them: MAINT
	Product map[string]string // products, as the vendor has them: COOKIE-200G
}

// Of returns what a field of an action or of a call says, in the words that people have for
// it: the label of a type or of a product, and else the text as it is.
func (l Labels) Of(field, text string) string {
	label := ""
	switch field {
	case "type":
		label = l.Type[text]
	case "product":
		label = l.Product[text]
	}
	if label == "" {
		return text
	}
	return label
}
