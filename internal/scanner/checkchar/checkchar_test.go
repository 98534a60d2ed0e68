package checkchar

import (
	"testing"
)

func TestWhatWasCheckedAndSentIsNotPartOfTheCode(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, aim, text, want, wrong string }{
		{"Code 39", "]A1", "PO12009", "PO1200", ""},
		{"Code 39 that is wrong", "]A1", "PO12008", "", `]A1 says that a check character was sent: it is '8' and should be '9'`},
		{"Code 39 of the standard's example", "]A1", "CODE39W", "CODE39", ""},
		{"Code 39 in full ASCII", "]A5", "a" + string(code39[(41+10)%43]), "a", ""},
		{"Code 39 whose reader took it off", "]A3", "PO1200", "PO1200", ""},
		{"Code 39 without one", "]A0", "PO12009", "PO12009", ""},
		{"Codabar", "]F2", "A37113B", "A3711B", ""},
		{"Codabar that is wrong", "]F2", "A37117B", "", `]F2 says that a check character was sent: it is '7' and should be '3'`},
		{"Codabar without start and stop, which nobody can check", "]F2", "37113", "3711", ""},
		{"Codabar of nothing", "]F2", "AB", "", "]F2 says that a check character was sent, and there is no room for one"},
		{"Codabar whose reader took it off", "]F4", "A4711B", "A4711B", ""},
		{"Interleaved 2 of 5", "]I1", "12345670", "1234567", ""},
		{"Interleaved 2 of 5 that is wrong", "]I1", "12345671", "", `]I1 says that a check character was sent: it is '1' and should be '0'`},
		{"a GTIN keeps its own", "]I1", "10614141000415", "10614141000415", ""},
		{"letters where digits belong", "]I1", "106X4146", "", "]I1 says that a check character was sent: the text has characters that the symbology does not have"},
		{"MSI", "]M0", "12345674", "1234567", ""},
		{"MSI whose reader took it off", "]M1", "1234567", "1234567", ""},
		{"Straight 2 of 5", "]R1", "12343", "", `]R1 says that a check character was sent: it is '3' and should be '2'`},
		{"Code 11 with one", "]H0", "123-455", "123-45", ""},
		{"Code 11 with two", "]H1", "123-4552", "123-45", ""},
		{"nothing but the check character", "]A1", "9", "", "]A1 says that a check character was sent, and there is no room for one"},
		{"QR", "]Q1", "PO12009", "PO12009", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Strip(test.aim, test.text)
			if test.wrong != "" {
				if err == nil || err.Error() != test.wrong {
					t.Errorf("got %q and %v, want the error %s", got, err, test.wrong)
				}
				return
			}
			if err != nil || got != test.want {
				t.Errorf("got %q and %v, want %q", got, err, test.want)
			}
		})
	}
}

// FuzzStrip: nothing panics, nothing grows, and without an announcement nothing changes.
func FuzzStrip(f *testing.F) {
	for _, aim := range []string{"]A1", "]A5", "]F2", "]I1", "]M0", "]R1", "]H0", "]H1", "]Q1", ""} {
		f.Add(aim, "PO12009")
		f.Add(aim, "12345670")
	}
	f.Fuzz(func(t *testing.T, aim, text string) {
		got, err := Strip(aim, text)
		if err == nil && len(got) > len(text) {
			t.Errorf("%s %q became %q", aim, text, got)
		}
		if _, announced := rules(aim); !announced && (err != nil || got != text) {
			t.Errorf("%s announces nothing, and %q became %q: %v", aim, text, got, err)
		}
	})
}
