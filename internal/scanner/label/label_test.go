package label

import (
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestWhatAScanHolds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		scan string
		code string
		data map[string]string
	}{
		{"a GS1 DataMatrix carries its elements", "]d2010950600013435210AB", "010950600013435210AB",
			map[string]string{"symbology": "gs1-datamatrix", "aim": "]d2", "gs1.01": "09506000134352", "gs1.10": "AB"}},
		{"GS1-128", "]C1010950600013435210AB", "010950600013435210AB",
			map[string]string{"symbology": "gs1-128", "aim": "]C1", "gs1.01": "09506000134352", "gs1.10": "AB"}},
		{"GS1 DataBar", "]e0010950600013435210AB", "010950600013435210AB",
			map[string]string{"symbology": "gs1-databar", "aim": "]e0", "gs1.01": "09506000134352", "gs1.10": "AB"}},
		{"GS1 QR", "]Q3010950600013435210AB", "010950600013435210AB",
			map[string]string{"symbology": "gs1-qr", "aim": "]Q3", "gs1.01": "09506000134352", "gs1.10": "AB"}},
		{"GS1 DotCode", "]J1010950600013435210AB", "010950600013435210AB",
			map[string]string{"symbology": "gs1-dotcode", "aim": "]J1", "gs1.01": "09506000134352", "gs1.10": "AB"}},
		{"a GS1 symbol that is wrong is kept raw with the reason", "]C1ZZ9\x1d", "ZZ9\x1d",
			map[string]string{"symbology": "gs1-128", "aim": "]C1", "bad": "gs1.*", "gs1.error": "gs1: byte 3: no application identifier begins with \"ZZ9\\x1d\""}},

		{"an EAN-13 is an article number", "]E04006381333931", "4006381333931",
			map[string]string{"symbology": "ean-13", "aim": "]E0", "gs1.01": "04006381333931"}},
		{"a UPC-A without its zero is one too", "]E0036000291452", "036000291452",
			map[string]string{"symbology": "ean-13", "aim": "]E0", "gs1.01": "00036000291452"}},
		{"an EAN-8 is an article number", "]E496385074", "96385074",
			map[string]string{"symbology": "ean-8", "aim": "]E4", "gs1.01": "00000096385074"}},
		{"an ITF-14 is an article number", "]I110614141000415", "10614141000415",
			map[string]string{"symbology": "itf", "aim": "]I1", "gs1.01": "10614141000415"}},
		{"a wrong check digit makes no article number", "]E04006381333932", "4006381333932",
			map[string]string{"symbology": "ean-13", "aim": "]E0"}},
		{"letters make no article number", "]I01061414100041X", "1061414100041X",
			map[string]string{"symbology": "itf", "aim": "]I0"}},
		{"an ITF of another length is none", "]I0123456", "123456",
			map[string]string{"symbology": "itf", "aim": "]I0"}},

		{"plain Code 128", "]C0PO4711", "PO4711", map[string]string{"symbology": "code-128", "aim": "]C0", "di.P": "O4711"}},
		{"Code 39", "]A4PO4711", "PO4711", map[string]string{"symbology": "code-39", "aim": "]A4", "di.P": "O4711"}},
		{"QR", "]Q1PO4711", "PO4711", map[string]string{"symbology": "qr", "aim": "]Q1"}},
		{"a GS1 Digital Link in a QR Code carries its elements", "]Q1https://example.com/01/09506000134352/10/AB", "https://example.com/01/09506000134352/10/AB",
			map[string]string{"symbology": "qr", "aim": "]Q1", "gs1.01": "09506000134352", "gs1.10": "AB"}},
		{"one in a Data Matrix does too", "]d1http://example.com/01/09506000134352/10/AB", "http://example.com/01/09506000134352/10/AB",
			map[string]string{"symbology": "datamatrix", "aim": "]d1", "gs1.01": "09506000134352", "gs1.10": "AB"}},
		{"one in capital letters, which take less room, does too", "]Q1HTTPS://EXAMPLE.COM/01/09506000134352/10/AB", "HTTPS://EXAMPLE.COM/01/09506000134352/10/AB",
			map[string]string{"symbology": "qr", "aim": "]Q1", "gs1.01": "09506000134352", "gs1.10": "AB"}},
		{"a link that is wrong is kept raw with the reason", "]Q1https://example.com/01/1", "https://example.com/01/1",
			map[string]string{"symbology": "qr", "aim": "]Q1", "bad": "gs1.01", "gs1.error": "gs1: AI (01), byte 20: the value ends after 1 characters; its next part needs 13 more"}},
		{"any other web address is what it is", "]Q1https://example.com/", "https://example.com/", map[string]string{"symbology": "qr", "aim": "]Q1"}},
		{"a link on another carrier is text", "]C0https://example.com/01/09506000134352/10/AB", "https://example.com/01/09506000134352/10/AB",
			map[string]string{"symbology": "code-128", "aim": "]C0"}},
		{"the word alone is text", "]Q1https", "https", map[string]string{"symbology": "qr", "aim": "]Q1"}},
		{"an address that is not of the web is text", "]d1ftp://example.com/01/09506000134352/10/AB", "ftp://example.com/01/09506000134352/10/AB",
			map[string]string{"symbology": "datamatrix", "aim": "]d1"}},
		{"without an identifier it is what it is", "PO4711", "PO4711", map[string]string{"symbology": "unknown"}},
		{"13 digits without an identifier are no article number", "4006381333931", "4006381333931", map[string]string{"symbology": "unknown"}},
		{"a bracket is no identifier", "]", "]", map[string]string{"symbology": "unknown"}},
		{"an unknown letter is no identifier", "]?0A", "]?0A", map[string]string{"symbology": "unknown"}},
		{"an identifier of nothing is none", "]C1", "]C1", map[string]string{"symbology": "unknown"}},

		{"UTF-8 stays as it is", "]Q1Åsa", "Åsa", map[string]string{"symbology": "qr", "aim": "]Q1"}},
		{"what is no UTF-8 is Latin-1", "]Q1\xc5sa", "Åsa", map[string]string{"symbology": "qr", "aim": "]Q1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			code, data := Rules{}.Read([]byte(test.scan))
			for _, form := range []string{"gtin", "gtin13", "gtin12", "gtin8"} {
				delete(data, form) // tested below
			}
			if code != test.code {
				t.Errorf("code %q, want %q", code, test.code)
			}
			if diff := cmp.Diff(test.data, data); diff != "" {
				t.Errorf("data (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzAIM: an identifier and the text behind it are the scan, nothing is lost,
// and what is called an article number has 14 digits of which the last checks.
func FuzzAIM(f *testing.F) {
	for _, scan := range []string{"]C1010950600013435210AB", "]E04006381333931", "]I110614141000415", "PO4711", "]", "]C1", "]Q1\xc5sa", "]Q1https://example.com/01/09506000134352/10/AB", "]z0\x1d"} {
		f.Add([]byte(scan))
	}
	f.Fuzz(func(t *testing.T, scan []byte) {
		s := identify(scan)
		if s.aim+string(s.text) != string(scan) {
			t.Errorf("%q was taken apart as %q and %q", scan, s.aim, s.text)
		}
		code, data := Rules{}.Read(scan)
		if how := (Rules{Assume: AssumeGS1}).Explain(scan); len(how) == 0 {
			t.Errorf("nothing is said of %q", scan)
		}
		if !utf8.ValidString(code) {
			t.Errorf("code %q is not UTF-8", code)
		}
		if (code == "") != (len(s.text) == 0) && string(s.text) != "\ufeff" && s.aim == "" {
			t.Errorf("the code of %q is %q", scan, code)
		}
		if data["symbology"] == "" || (data["symbology"] == Unknown) != (s.aim == "") {
			t.Errorf("the symbology of %q is %q", scan, data["symbology"])
		}
		if gtin, ok := data["gs1.01"]; ok && (len(gtin) != 14) {
			t.Errorf("%q is not an article number", gtin)
		}
	})
}
