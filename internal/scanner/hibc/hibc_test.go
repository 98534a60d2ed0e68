package hibc

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sealed puts the right check character behind a text.
func sealed(text string) string {
	sum := 0
	for i := range len(text) {
		sum += strings.IndexByte(characters, text[i])
	}
	return text + string(characters[sum%len(characters)])
}

func TestLabelsOfMedicalProducts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       Label
	}{
		{"both parts in one", "+E308T800206X0/$230513/14D20260413C", Label{LIC: "E308", Item: "T800206X", Unit: "0", Lot: "230513", Expiry: "2026-04-13"}},
		{"the standard's primary", "+A123BJC5D6E71G", Label{LIC: "A123", Item: "BJC5D6E7", Unit: "1"}},
		{"between the asterisks of Code 39", "*+A123BJC5D6E71G*", Label{LIC: "A123", Item: "BJC5D6E7", Unit: "1"}},
		{"a secondary with its link", sealed("+$$3051231LOT7G"), Label{Lot: "LOT7", Expiry: "2005-12-31", Link: "G"}},
		{"a day of the year", sealed("+05271LOT7G"), Label{Lot: "LOT7", Expiry: "2005-09-28", Link: "G"}},
		{"a month means its last day", sealed("+A99912340/$$0928LOT"), Label{LIC: "A999", Item: "1234", Unit: "0", Expiry: "2028-09-30", Lot: "LOT"}},
		{"month, day, year", sealed("+A99912340/$$2022928LOT"), Label{LIC: "A999", Item: "1234", Unit: "0", Expiry: "2028-02-29", Lot: "LOT"}},
		{"with the hour", sealed("+A99912340/$$428022914LOT"), Label{LIC: "A999", Item: "1234", Unit: "0", Expiry: "2028-02-29", Lot: "LOT"}},
		{"a day of the year, flagged", sealed("+A99912340/$$528060LOT"), Label{LIC: "A999", Item: "1234", Unit: "0", Expiry: "2028-02-29", Lot: "LOT"}},
		{"no date", sealed("+A99912340/$$7LOT"), Label{LIC: "A999", Item: "1234", Unit: "0", Lot: "LOT"}},
		{"a quantity of two digits", sealed("+A99912340/$$8053280229LOT"), Label{LIC: "A999", Item: "1234", Unit: "0", Quantity: "5", Expiry: "2028-02-29", Lot: "LOT"}},
		{"a quantity of five digits and no more", sealed("+A99912340/$$900500"), Label{LIC: "A999", Item: "1234", Unit: "0", Quantity: "500"}},
		{"a serial number", sealed("+A99912340/$+S77"), Label{LIC: "A999", Item: "1234", Unit: "0", Serial: "S77"}},
		{"a serial number with its date", sealed("+A99912340/$$+3280229S77/16D20240101"), Label{LIC: "A999", Item: "1234", Unit: "0", Serial: "S77", Expiry: "2028-02-29", Produced: "2024-01-01"}},
		{"a lot and a serial number", sealed("+A99912340/$LOT/S77"), Label{LIC: "A999", Item: "1234", Unit: "0", Lot: "LOT", Serial: "77"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			got.Check = ""
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsWrongWithALabel(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"+E308T800206X0/$230513/14D20260413D":     `the check character is 'D' and should be 'C'`,
		sealed("+A99912340/$$3280230LOT"):         `"280230": there is no such day`,
		sealed("+A99912340/14D20260231"):          `"20260231": there is no such day`,
		sealed("+A99912340/$LOT/ZZZ"):             `"ZZZ" is no part of such a label`,
		sealed("+A9991234X"):                      "the unit of measure is no digit",
		sealed("+A99912340/$$3"):                  "the date is cut short",
		sealed("+A99912340/$$8X"):                 "the quantity is no number",
		sealed("+A999" + strings.Repeat("1", 20)): "the article number has 1 to 18 letters and digits, between 4 for who made it and one for the unit",
	}
	for text, want := range tests {
		if _, err := Parse(text); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for _, text := range []string{"", "PO4711", "+46701234567", "+", "+e308", "A+B", "+-12345"} {
		if _, err := Parse(text); !errors.Is(err, ErrNotHIBC) && !strings.HasPrefix(text, "+4670") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzParse: nothing panics, and a label that is accepted ends in its check character.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"+E308T800206X0/$230513/14D20260413C", "+A123BJC5D6E71G", sealed("+$$3051231LOT7G"), sealed("+A99912340/$$900500"), "*+*"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, text := range []string{text, sealed(strings.Map(func(r rune) rune {
			if r < 128 && strings.ContainsRune(characters, r) {
				return r
			}
			return -1
		}, text))} {
			l, err := Parse(text)
			if err == nil && (l.Check == "" || l.LIC == "" && l.Link == "") {
				t.Errorf("%q: %+v", text, l)
			}
		}
	})
}
