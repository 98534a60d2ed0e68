package mh10

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// An identifier is one row of the table.
type identifier struct {
	id, title string
	check     func(value string) (string, error) // nil: any text
}

func find(id string) (identifier, bool) {
	for _, known := range table {
		if known.id == id {
			return known, true
		}
	}
	return identifier{}, false
}

// table holds the data identifiers that labels of parts, packs and pallets have, with what
// ANSI MH10.8.2 calls them. One that is not here is read all the same, in an envelope.
//
//nolint:gochecknoglobals // a table that never changes
var table = []identifier{
	{"B", "container type", nil},
	{"1B", "returnable container", nil},
	{"2B", "gas cylinder", nil},
	{"7B", "container serial number", nil},
	{"D", "date, YYMMDD", date("060102")},
	{"1D", "date, DDMMYY", date("020106")},
	{"2D", "date, MMDDYY", date("010206")},
	{"3D", "date, YDDD", nil},
	{"4D", "date, YYDDD", date("06002")},
	{"6D", "date, YYYYMMDD", nil}, // may have a qualifier behind it
	{"9D", "date code", nil},
	{"10D", "date code, YYWW", week("06")},
	{"11D", "date code, YYYYWW", week("2006")},
	{"12D", "date, YYYYMMDD", date("20060102")},
	{"13D", "date, YYDDD", nil},
	{"14D", "expiration date, YYYYMMDD", date("20060102")},
	{"15D", "expiration date, DDMMYYYY", date("02012006")},
	{"16D", "production date, YYYYMMDD", date("20060102")},
	{"E", "restricted substances", nil},
	{"H", "employee", nil},
	{"1H", "name", nil},
	{"5H", "personnel", nil},
	{"I", "vehicle identification number", nil},
	{"J", "licence plate", nil},
	{"1J", "licence plate, one pack", nil},
	{"2J", "licence plate of packs", nil},
	{"3J", "licence plate, EDI", nil},
	{"4J", "licence plate of packs, EDI", nil},
	{"5J", "licence plate, mixed", nil},
	{"6J", "licence plate, master", nil},
	{"7J", "vehicle registration", nil},
	{"K", "order number of the customer", nil},
	{"1K", "order number of the supplier", nil},
	{"2K", "bill of lading", nil},
	{"4K", "order line", nil},
	{"5K", "kanban number", nil},
	{"6K", "delivery note", nil},
	{"8K", "order number and release", nil},
	{"10K", "invoice", nil},
	{"11K", "packing list", nil},
	{"12K", "bill of lading, with SCAC", nil},
	{"14K", "order number and line", nil},
	{"15K", "kanban number", nil},
	{"16K", "delivery note", nil},
	{"20K", "consignee's order", nil},
	{"L", "storage location", nil},
	{"1L", "location", nil},
	{"2L", "ship to", nil},
	{"3L", "ship from", nil},
	{"4L", "country of origin", nil},
	{"20L", "first assignment of the customer", nil},
	{"21L", "place of delivery", nil},
	{"22L", "country of assembly", nil},
	{"23L", "country of packing", nil},
	{"P", "part number of the customer", nil},
	{"1P", "part number of the supplier", nil},
	{"2P", "revision of the part", nil},
	{"3P", "GTIN without its check digit", nil},
	{"5P", "freight classification", nil},
	{"7P", "CLEI code", nil},
	{"8P", "GTIN", nil},
	{"16P", "model", nil},
	{"20P", "code of the customer", nil},
	{"21P", "code of the customer", nil},
	{"30P", "part number of the supplier", nil},
	{"31P", "part number of the manufacturer", nil},
	{"32P", "part of the manufacturer", nil},
	{"33P", "BIC", nil},
	{"50P", "product code", nil},
	{"Q", "quantity", quantity},
	{"1Q", "length", nil},
	{"2Q", "actual weight", nil},
	{"3Q", "unit", nil},
	{"4Q", "gross weight", nil},
	{"5Q", "net weight", nil},
	{"6Q", "quantity of containers", quantity},
	{"7Q", "quantity with its unit", nil},
	{"8Q", "containers", nil},
	{"13Q", "number of the pack of a shipment", nil},
	{"20Q", "quantity", nil},
	{"R", "reason of return", nil},
	{"S", "serial number", nil},
	{"1S", "serial number of the supplier", nil},
	{"2S", "shipment", nil},
	{"3S", "pack", nil},
	{"4S", "packs of a kind", nil},
	{"5S", "packs, mixed", nil},
	{"6S", "packs of one shipment", nil},
	{"7S", "packs, of several shipments", nil},
	{"11S", "serial number of an asset", nil},
	{"13S", "serial number of an asset", nil},
	{"14S", "serial number", nil},
	{"15S", "serial number of a carton", nil},
	{"18S", "serial number with its enterprise", nil},
	{"20S", "traceability code of the customer", nil},
	{"21S", "tire identification", nil},
	{"25S", "serial number with its agency", nil},
	{"30S", "serial number, additional", nil},
	{"T", "lot", nil},
	{"1T", "lot of the supplier", nil},
	{"3T", "traceability with agency", nil},
	{"25T", "lot with its agency", nil},
	{"30T", "lot, secondary", nil},
	{"31T", "lot, secondary", nil},
	{"V", "supplier", nil},
	{"1V", "manufacturer", nil},
	{"3V", "supplier by its GS1 number", nil},
	{"4V", "carrier", nil},
	{"7V", "ship to", nil},
	{"9V", "receiver", nil},
	{"10V", "manufacturer", nil},
	{"12V", "manufacturer by DUNS", nil},
	{"13V", "supplier by DUNS", nil},
	{"18V", "manufacturer, with agency", nil},
	{"W", "work order", nil},
	{"1W", "sequence", nil},
	{"Z", "as agreed", nil},
	{"1Z", "as agreed", nil},
	{"11Z", "structured text", nil},
	{"12Z", "as agreed", nil},
	{"13Z", "as agreed", nil},
	{"20Z", "as agreed", nil},
}

// quantity checks a number and takes the zeros off its front: 000000001 is 1.
func quantity(value string) (string, error) {
	whole, part, point := strings.Cut(value, ".")
	if !digits(whole) || point && !digits(part) {
		return "", fmt.Errorf("%.20q is no quantity", value)
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if point {
		return whole + "." + part, nil
	}
	return whole, nil
}

// date makes the check of a date of that form.
func date(form string) func(string) (string, error) {
	return func(value string) (string, error) {
		if len(value) != len(form) || !digits(value) {
			return "", fmt.Errorf("%.20q is no date of %d digits", value, len(form))
		}
		if _, err := time.Parse(form, value); err != nil {
			return "", fmt.Errorf("%.20q: there is no such day", value)
		}
		return value, nil
	}
}

// week makes the check of a year and a week.
func week(year string) func(string) (string, error) {
	return func(value string) (string, error) {
		if len(value) != len(year)+2 || !digits(value) {
			return "", fmt.Errorf("%.20q is no year and week of %d digits", value, len(year)+2)
		}
		if w := value[len(year):]; w < "01" || w > "53" {
			return "", errors.New("there is no such week")
		}
		return value, nil
	}
}

func digits(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}
