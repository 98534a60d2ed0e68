package plan

import (
	"stationd/internal/config"
	"stationd/internal/printer"
	"stationd/internal/station"
)

// PrintVerb is the one verb of the backend lagerkoll that Lagerkoll does not carry
// out: its picking list is read there and printed here. It is tried once.
func PrintVerb() station.Verb {
	return station.Verb{
		Name:       "picking_list.print",
		Does:       "Print the picking list of a production order",
		BestEffort: true,
		Fields: []station.Field{
			{Name: "order", Type: station.Integer, Required: true, Help: "id of the production order"},
			{Name: FieldPrinter, Required: true, Help: "name of the [[printer]]"},
			{Name: "only_available", Type: station.Bool, Help: "true: what is not available is left out"},
			{Name: "images", Type: station.Bool, Help: "true: with pictures of the articles"},
			{Name: "sort", Help: "art, name, supplier or supplier_art; left out: art"},
			{Name: "descending", Type: station.Bool, Help: "true: the last article first"},
		},
	}
}

// FieldPrinter is the field of the print action that names a [[printer]].
const FieldPrinter = "printer"

// readPrinters reads the [[printer]] tables.
func (p *Plan) readPrinters(f *config.File) {
	f.Tables("printer", &p.Printers)
	printer.Check(p.Printers, func(table string, index int, key, text string) { f.Fault(config.At(table, index, key), "%s", text) })
}

// printerDefaults are the fields of PrintVerb that a binding may leave out.
func (p *Plan) printerDefaults() map[string]string {
	if len(p.Printers) != 1 {
		return nil
	}
	return map[string]string{FieldPrinter: p.Printers[0].Name}
}

// checkPrinting checks the printers' names, and that each action which prints names a printer that there
// is. Which printer it is cannot be read from a label: a slip of a reader would
// print who knows where.
func (p *Plan) checkPrinting(f *config.File) {
	var names []string
	for i, one := range p.Printers {
		if f.Name(config.At("printer", i, "name"), one.Name) {
			names = append(names, one.Name)
		}
	}
	var on []map[string]any
	f.Tables("on", &on)
	for i, binding := range on {
		do, _ := binding["do"].([]any)
		for j := range do {
			action, _ := do[j].(map[string]any)
			at := config.At("on", i, "do", j, FieldPrinter)
			switch named, said := action[FieldPrinter].(string); {
			case action["lagerkoll"] != PrintVerb().Name:
			case len(names) == 0:
				f.Fault(config.At("on", i, "do", j), `there is no [[printer]] in this file, so nothing can be printed; it needs a name and a url, as "ipp://192.0.2.10/ipp/print"`)
			case said:
				f.OneOf(at, named, names...)
			}
		}
	}
}
