package label

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// only takes from data what a test names; a name with an empty value must be missing.
func only(data map[string]string, want map[string]string) map[string]string {
	got := make(map[string]string)
	for name := range want {
		got[name] = data[name]
	}
	return got
}

func affix(t *testing.T, make func(string) (Affix, error), text string) Affix {
	t.Helper()
	a, err := make(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestHowALabelIsReadByTheRulesOfItsReader(t *testing.T) {
	t.Parallel()
	gs1 := Rules{Assume: AssumeGS1}
	all := map[string]string{"gs1.01": "09506000134352", "gs1.10": "AB-12", "gs1.21": "0042", "gs1.error": "", "bad": ""}
	tests := []struct {
		name  string
		rules Rules
		scan  string
		code  string
		want  map[string]string
	}{
		{"a stand-in that is said", Rules{Separators: []string{"<GS>"}, NoStandIns: true}, "]C1010950600013435210AB-12<GS>210042", "010950600013435210AB-12<GS>210042", all},
		{"two of them", Rules{Separators: []string{"|", "{GS}"}, NoStandIns: true}, "]C1010950600013435210AB-12{GS}210042|", "010950600013435210AB-12{GS}210042|", all},
		{"one that is not said", Rules{}, "]C1010950600013435210AB-12%1D210042", "010950600013435210AB-12%1D210042",
			map[string]string{"gs1.01": "09506000134352", "gs1.10": "", "gs1.21": "", "bad": "gs1.* gs1.10"}},
		{"an underscore that is data", Rules{NoStandIns: true}, "]C110AB_210042", "10AB_210042", map[string]string{"gs1.10": "AB_210042"}},

		{"elements without an identifier", gs1, "010950600013435210AB-12\x1d210042", "010950600013435210AB-12\x1d210042", all},
		{"in a plain Code 128", gs1, "]C0010950600013435210AB-12\x1d210042", "010950600013435210AB-12\x1d210042", all},
		{"with the separator in front", gs1, "\x1d010950600013435210AB-12\x1d210042", "\x1d010950600013435210AB-12\x1d210042", all},
		{"with brackets", gs1, "(01)09506000134352(10)AB-12(21)0042", "(01)09506000134352(10)AB-12(21)0042", all},
		{"a stand-in without an identifier", Rules{Assume: AssumeGS1, Separators: []string{"#"}, NoStandIns: true}, "010950600013435210AB-12#210042", "010950600013435210AB-12#210042", all},
		{"a batch that holds what may be the separator", gs1, "010950600013435210AB-12_210042", "010950600013435210AB-12_210042",
			map[string]string{"gs1.01": "09506000134352", "gs1.10": "", "bad": "gs1.* gs1.10"}},
		{"an EAN-13", gs1, "4006381333931", "4006381333931", map[string]string{"gs1.01": "04006381333931", "gtin": "4006381333931", "gtin13": "4006381333931", "gtin12": ""}},
		{"a UPC-A", gs1, "036000291452", "036000291452", map[string]string{"gs1.01": "00036000291452", "gtin": "36000291452", "gtin12": "036000291452"}},
		{"an EAN-8", gs1, "96385074", "96385074", map[string]string{"gs1.01": "00000096385074", "gtin8": "96385074"}},
		{"a GTIN-14", gs1, "10614141000415", "10614141000415", map[string]string{"gs1.01": "10614141000415", "gtin13": "", "gtin": "10614141000415"}},
		{"a UPC-E", gs1, "04252614", "04252614", map[string]string{"gs1.01": "00042100005264"}},
		{"13 digits with a wrong check digit", gs1, "4006381333932", "4006381333932", map[string]string{"gs1.01": ""}},
		{"an order is plain text", gs1, "PO4711", "PO4711", map[string]string{"gs1.error": "", "bad": ""}},
		{"a number that begins like a batch and has nothing wrong", gs1, "104711", "104711", map[string]string{"gs1.10": "4711"}},
		{"a number that begins like a date and is none", gs1, "17000000", "17000000", map[string]string{"gs1.17": "", "bad": "", "gs1.error": ""}},
		{"a link without its scheme", gs1, "example.com/01/09520123456788/10/ABC", "example.com/01/09520123456788/10/ABC", map[string]string{"gs1.01": "09520123456788", "gs1.10": "ABC"}},

		{"a date that is none", Rules{}, "]C101095060001343521700000010AB-12", "01095060001343521700000010AB-12",
			map[string]string{"gs1.01": "09506000134352", "gs1.10": "AB-12", "gs1.17": "", "bad": "gs1.17"}},
		{"the same where all must be good", Rules{Strict: true}, "]C101095060001343521700000010AB-12", "01095060001343521700000010AB-12",
			map[string]string{"gs1.01": "", "gs1.10": "", "gs1.error": "gs1: AI (17), byte 23: there is no such month"}},
		{"what is good where all must be", Rules{Strict: true}, "]C1010950600013435210AB-12\x1d210042", "010950600013435210AB-12\x1d210042", all},
		{"an EAN-13 where all must be good", Rules{Strict: true}, "]E04006381333931", "4006381333931", map[string]string{"gs1.01": "04006381333931", "gtin13": "4006381333931"}},
		{"with the separator in front where all must be good", Rules{Strict: true}, "]d2\x1d10AB", "\x1d10AB", map[string]string{"gs1.10": "", "gs1.error": "gs1: byte 3: an FNC1 stands where an application identifier should begin"}},

		{"a weight", Rules{}, "]C101095060001343523103001250", "01095060001343523103001250", map[string]string{"gs1.310": "1.250", "gs1.3103": "001250"}},
		{"a weight that says its point twice", Rules{}, "]C131030012503102000125", "31030012503102000125", map[string]string{"gs1.310": "1.250"}},
		{"two weights that differ", Rules{}, "]C13103001250\x1d3102000999", "3103001250\x1d3102000999", map[string]string{"gs1.310": "", "bad": "gs1.310"}},
		{"a weight with a letter", Rules{}, "]C1010950600013435231030012X0", "010950600013435231030012X0", map[string]string{"gs1.310": "", "bad": "gs1.* gs1.310 gs1.3103"}},

		{"UPC-E by its identifier", Rules{}, "]E004252614", "04252614", map[string]string{"gs1.01": "00042100005264"}},
		{"an EAN-13 with an add-on", Rules{}, "]E3400638133393112", "400638133393112", map[string]string{"gs1.01": "04006381333931"}},
		{"a scale's number that nobody divides", Rules{}, "]E02012345012349", "2012345012349", map[string]string{"gs1.01": "", "store.item": ""}},

		{"Code 39 with its check character", Rules{}, "]A1PO12009", "PO1200", map[string]string{"refused": ""}},
		{"Code 39 with a wrong one", Rules{}, "]A1PO12008", "PO12008", map[string]string{"refused": "]A1 says that a check character was sent: it is '8' and should be '9'"}},
		{"Code 39 whose check character is kept", Rules{KeepCheck: true}, "]A1PO12009", "PO12009", map[string]string{"refused": ""}},
		{"Code 39 without one, though it would fit", Rules{}, "]A3PO12009", "PO12009", map[string]string{"refused": ""}},

		{"a Codabar with start and stop", Rules{}, "]F0A4711B", "4711", nil},
		{"a Codabar that keeps them", Rules{KeepStartStop: true}, "]F0A4711B", "A4711B", nil},
		{"asterisks of a Code 39", Rules{}, "*PO4711*", "PO4711", nil},
		{"asterisks in a QR Code", Rules{}, "]Q1*PO4711*", "*PO4711*", nil},
		{"asterisks around what is no Code 39", Rules{}, "*PO_4711*", "*PO_4711*", nil},
		{"blanks around a code", Rules{}, " PO4711  ", "PO4711", nil},
		{"blanks that are kept", Rules{KeepBlanks: true}, " PO4711  ", " PO4711  ", nil},
		{"a Tab that the reader adds", Rules{}, "PO4711\t", "PO4711", nil},
		{"nothing but blanks", Rules{}, "  ", "  ", nil},

		{"a letter in front", Rules{Prefix: affix(t, NewPrefix, "I"), Assume: AssumeGS1}, "I010950600013435210AB-12\x1d210042", "010950600013435210AB-12\x1d210042", all},
		{"a letter in front of the identifier", Rules{Prefix: affix(t, NewPrefix, "I")}, "I]d2010950600013435210AB-12\x1d210042", "010950600013435210AB-12\x1d210042", all},
		{"a letter behind the identifier", Rules{Prefix: affix(t, NewPrefix, "I")}, "]d2I010950600013435210AB-12\x1d210042", "010950600013435210AB-12\x1d210042", all},
		{"a letter that is not there", Rules{Prefix: affix(t, NewPrefix, "X")}, "PO4711", "PO4711", nil},
		{"one of some letters", Rules{Prefix: affix(t, NewPrefix, "/[A-Z]{2}-/")}, "QR-PO4711", "PO4711", nil},
		{"a time behind", Rules{Suffix: affix(t, NewSuffix, `/:[A-Z]:\d+ms/`)}, "]d2010950600013435210AB-12\x1d210042:A:012ms", "010950600013435210AB-12\x1d210042", all},
		{"text behind", Rules{Suffix: affix(t, NewSuffix, ";OK")}, "PO4711;OK", "PO4711", nil},

		{"a declared encoding", Rules{}, "]Q2\\000026PO4711-\xc3\x85", "PO4711-Å", nil},
		{"GS1 with a declared encoding", Rules{}, "]Q4\\000026010950600013435210AB-12\x1d210042", "010950600013435210AB-12\x1d210042", all},
		{"GS1 whose identifier announces one and there is none", Rules{}, "]Q4010950600013435210AB-12\x1d210042", "010950600013435210AB-12\x1d210042", all},
		{"a backslash where none is announced", Rules{}, `]Q1\000026PO`, `\000026PO`, nil},
		{"bytes that are no text", Rules{}, "]Q1PC-\x83e\x83X", "PC-\u0083e\u0083X", map[string]string{"refused": "byte 3: 83 is neither UTF-8 nor ISO 8859-1, and may be Western, Japanese or Chinese; say which with encoding"}},
		{"the same where it is said", Rules{Encoding: "shift-jis"}, "]Q1PC-\x83e\x83X", "PC-テス", map[string]string{"refused": ""}},

		{"an envelope", Rules{}, "]d1[)>\x1e06\x1dPA-100\x1dQ500\x1e\x04", "[)>\x1e06\x1dPA-100\x1dQ500\x1e\x04", map[string]string{"di.P": "A-100", "di.Q": "500", "bad": ""}},
		{"an envelope without an identifier", Rules{}, "[)>\x1e06\x1dPA-100\x1dQ500\x1e\x04", "[)>\x1e06\x1dPA-100\x1dQ500\x1e\x04", map[string]string{"di.P": "A-100"}},
		{"an envelope with something wrong", Rules{}, "]d1[)>\x1e06\x1dPA-100\x1dQ5X\x1e\x04", "[)>\x1e06\x1dPA-100\x1dQ5X\x1e\x04", map[string]string{"di.P": "A-100", "di.Q": "", "bad": "di.Q", "di.error": `Q: "5X" is no quantity`}},
		{"an envelope of GS1", Rules{}, "]d1[)>\x1e05\x1d010950600013435210AB-12\x1d210042\x1e\x04", "[)>\x1e05\x1d010950600013435210AB-12\x1d210042\x1e\x04", all},
		{"a data identifier alone", Rules{}, "]A0PA1234-5", "PA1234-5", map[string]string{"di.P": "A1234-5"}},
		{"a data identifier alone without an AIM identifier", Rules{}, "PA1234-5", "PA1234-5", map[string]string{"di.P": ""}},
		{"the same where it is assumed", Rules{Assume: AssumeDI}, "PA1234-5", "PA1234-5", map[string]string{"di.P": "A1234-5"}},
		{"HIBC", Rules{}, "+E308T800206X0/$230513/14D20260413C", "+E308T800206X0/$230513/14D20260413C",
			map[string]string{"hibc.lic": "E308", "hibc.item": "T800206X", "hibc.unit": "0", "hibc.lot": "230513", "hibc.expiry": "2026-04-13"}},
		{"HIBC with a wrong check character", Rules{}, "+E308T800206X0/$230513/14D20260413D", "+E308T800206X0/$230513/14D20260413D",
			map[string]string{"hibc.lic": "", "bad": "hibc.*", "hibc.error": "the check character is 'D' and should be 'C'"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			code, data := test.rules.Read([]byte(test.scan))
			if code != test.code {
				t.Errorf("code %q, want %q", code, test.code)
			}
			if diff := cmp.Diff(test.want, only(data, test.want)); diff != "" && test.want != nil {
				t.Errorf("data (-want +got):\n%s\nall of it: %v", diff, data)
			}
		})
	}
}

func TestNumbersThatAScaleOrAShopMakes(t *testing.T) {
	t.Parallel()
	weight := Store{Prefix: "20", Item: 5, Weight: 5, Decimals: 3}
	tests := []struct {
		name string
		rule Store
		scan string
		want map[string]string
	}{
		{"item and weight", weight, "]E02012345012349", map[string]string{"store.item": "12345", "store.weight": "1.234", "gs1.01": ""}},
		{"another prefix", weight, "]E02112345012348", map[string]string{"store.item": "", "gs1.01": ""}},
		{"item and price", Store{Prefix: "2", Item: 6, Price: 5, Decimals: 2}, "]E02012345012349", map[string]string{"store.item": "012345", "store.price": "12.34"}},
		{"an item alone", Store{Prefix: "20", Item: 10}, "]E02012345012349", map[string]string{"store.item": "1234501234", "store.weight": ""}},
		{"a price of four digits with its check digit", Store{Prefix: "20", Item: 5, Price: 4, Decimals: 2, Check: true}, "]E02012345928750", map[string]string{"store.item": "12345", "store.price": "28.75", "bad": ""}},
		{"a price with a wrong check digit", Store{Prefix: "20", Item: 5, Price: 4, Decimals: 2, Check: true}, "]E02012345828751", map[string]string{"store.item": "12345", "store.price": "", "bad": "store.price"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if key, why := test.rule.Fault(); why != "" {
				t.Fatalf("%s %s", key, why)
			}
			scan := test.scan
			for c := byte('0'); c <= '9'; c++ { // the check digit of the whole is the scanner's to see to
				if _, data := (Rules{Store: []Store{test.rule}}).Read([]byte(scan[:len(scan)-1] + string(rune(c)))); data["gs1.error"] != "" || data["store.item"] != "" {
					if diff := cmp.Diff(test.want, only(data, test.want)); diff != "" {
						t.Errorf("data (-want +got):\n%s", diff)
					}
				}
			}
		})
	}
	// The standard's own examples.
	for amount, want := range map[string]string{"2875": "9", "14685": "6"} {
		if got := amountCheck(amount); got != want {
			t.Errorf("the check digit of %s is %s, want %s", amount, got, want)
		}
	}
}
