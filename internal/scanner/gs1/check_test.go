package gs1

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// The values are those with which GS1 describes and tests its own checks, each put into
// an AI that asks for the check, so that the table's wiring is tested too.
func TestChecks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		check string
		ai    string
		good  []string
		bad   []string
	}{
		{"csum", "00", []string{"952012345678912345"}, []string{"952012345678912346"}},
		{"csum and gcppos1", "410", []string{"9520123456788"}, []string{"9520123456780", "952012345678X"}},
		{"csumalpha", "8013", []string{"1987654Ad4X4bL5ttr2310c2K", "12345678901234567890123NT", `12345_!"%&'()*+,-./LC`, "12345_0123456789:;<=>?62", "7907665Bm8v2AB", "99999zzzzzzzzzzzzzzzzzzT2"},
			[]string{"1987654Ad4X4bL5ttr2310cXK", "1987654Ad4X4bL5ttr2310c2X", "1", "12345678901234567890123N!", "12345678901234567890123nt"}},
		{"gcppos1", "8004", []string{"1234", "12345A", "1234A"}, []string{"123", "123A", "A1234"}},
		{"gcppos1 in set 39", "8010", []string{"1234#-/A"}, []string{"1234a", "1234_", "12#4"}},
		{"hasnondigit", "8014", []string{"1987654Ad4X4bL5ttr2310c2K"}, []string{"123422"}},
		{"yymmd0", "15", []string{"200600", "200229", "000229", "991231"}, []string{"200010", "201310", "200230", "210229", "200431"}},
		{"yymmdd", "7006", []string{"200229", "960229"}, []string{"200600", "960230"}},
		{"yymmdd twice", "7007", []string{"200101", "200101200131"}, []string{"200101200100", "2001012001"}},
		{"yymmdd and optional hhmi", "7011", []string{"200101", "2001012359"}, []string{"2001012400", "2001012360", "20010123"}},
		{"yymmdd hh mi ss", "8008", []string{"20010123", "2001012359", "200101235959"}, []string{"20010124", "2001012360", "200101235960", "200101"}},
		{"yymmd0 hhmi", "4324", []string{"2001002359"}, []string{"2001002400"}},
		{"yyyymmdd", "7250", []string{"20000229", "19991231"}, []string{"19000229", "20200600", "20201301"}},
		{"yyyymmdd hhmi", "7251", []string{"200002290000"}, []string{"200002302359", "200002290060"}},
		{"iso3166", "424", []string{"004", "276", "894"}, []string{"000", "999", "278"}},
		{"iso3166 up to five times", "423", []string{"004", "004894", "004894276250246"}, []string{"004000", "00489", "004894276250246276"}},
		{"iso3166999", "7030", []string{"999X", "276X"}, []string{"998X", "999"}},
		{"iso3166alpha2", "4307", []string{"DE", "ZW"}, []string{"XX", "de", "AA"}},
		{"iso4217", "3912", []string{"9781", "924000000000000001"}, []string{"0001", "0531", "978", "9781234567890123456"}},
		{"iso5218", "7252", []string{"0", "1", "2", "9"}, []string{"3", "8"}},
		{"packagetype", "7041", []string{"1A", "200", "8", "APE", "X3", "ZZ"}, []string{"0", "1", "ZZZ", "PXX"}},
		{"mediatype", "7241", []string{"01", "10", "80", "99"}, []string{"00", "11", "79"}},
		{"yesno", "4321", []string{"0", "1"}, []string{"2"}},
		{"nonzero and winding", "8001", []string{"00010000100110", "12341234512395"}, []string{"00000000100110", "00010000000110", "00010000100010", "00010000100120"}},
		{"importeridx", "7040", []string{"1AB-", "1ABz", "1AB_"}, []string{"1AB!", "AABz"}},
		{"hyphen", "4330", []string{"012345", "012345-"}, []string{"012345+", "012345--"}},
		{"zero", "8003", []string{"09520123456788", "09520123456788SER"}, []string{"19520123456788"}},
		{"nozeroprefix", "8011", []string{"1", "10"}, []string{"0", "01"}},
		{"latitude and longitude", "4309", []string{"00000000000000000000", "18000000003600000000"}, []string{"18000000010000000000", "00000000003600000001"}},
		{"pcenc", "4300", []string{"ABC", "ABC%20XYZ", "%ff%FF"}, []string{"%", "%2", "ABC%fg", "ABC%gf", "%%20"}},
		{"pieceoftotal", "8006", []string{"095201234567880101", "095201234567880203", "095201234567889999"}, []string{"095201234567880001", "095201234567880100", "095201234567880302"}},
		{"posinseqslash", "7258", []string{"1/1", "2/3", "9/9"}, []string{"0/1", "1/0", "2/1", "1//", "/11", "123", "A/1"}},
		{"iban", "8007", []string{"FR7630006000011234567890189", "MU43BOMM0101123456789101000MUR", "MT90MALT011000012345MTLCAST001SABC", "BE71096123456769"},
			[]string{"BE71096123456760", "MT90MALT011000012345MTLCAST001SAB0", "LC14BOSLxx3456789012345678901230", "XX361234567890", "BE71"}},
		{"set 64", "8030", []string{"123", "12", "12=", "1==", "AZaz09-_"}, []string{"===", "123=", "12==", "1===", "A+B"}},
		{"couponposoffer", "8112", []string{"001234561234560123456", "101234561234560123456", "061234567890121234569123456789012345"},
			[]string{"201234561234560123456", "0", "00", "07", "00123456", "00123456123456", "001234561234561123456", "0012345612345601234567", "a01234561234560123456"}},
		{"couponcode", "8110", []string{
			"012345612345611110123",                          // the least
			"012345612345611110123" + "101101230" + "123456", // a second purchase, of another company
			"012345612345611110123" + "1011012" + "39",       // a second purchase, of the same company
			"012345612345611110123" + "21101239",
			"012345612345611110123" + "3200229" + "4200228",
			"012345612345611110123" + "50123456" + "61" + "1234567",
			"012345612345611110123" + "90000" + "",
			"012345612345611110123" + "95291",
		}, []string{
			"01", "71234567890123", "0123456123456", "01234561234560", "01234561234561", "012345612345611", "012345612345611115123", "01234561234561111012",
			"012345612345611110123" + "1",
			"012345612345611110123" + "14",
			"012345612345611110123" + "1011012" + "38",
			"012345612345611110123" + "3210229",
			"012345612345611110123" + "3200228" + "4200229",
			"012345612345611110123" + "60",
			"012345612345611110123" + "93",
			"012345612345611110123" + "9000",
			"012345612345611110123" + "90002",
			"012345612345611110123" + "900000",
			"012345612345611110123" + "3200229" + "21101239", // out of order
		}},
	}
	for _, tt := range tests {
		t.Run(tt.check, func(t *testing.T) {
			t.Parallel()
			for _, value := range tt.good {
				got, err := Parse("]C1" + tt.ai + value)
				if err != nil || len(got) != 1 || got[0] != (Element{tt.ai, value}) {
					t.Errorf("(%s)%s: %v, %v, want it accepted", tt.ai, value, got, err)
				}
			}
			for _, value := range tt.bad {
				got, err := Parse("]C1" + tt.ai + value)
				var fault *Error
				if !errors.As(err, &fault) || fault.AI != tt.ai || fault.Reason == "" {
					t.Errorf("(%s)%s: %v, %v, want it refused", tt.ai, value, got, err)
				}
			}
		})
	}
}

func TestCharacterSet82IsTheGeneralSpecificationsOwn(t *testing.T) {
	t.Parallel()
	const set = `!"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz`
	for c := range 256 {
		if want := strings.IndexByte(set, byte(c)) >= 0; isSet82(byte(c)) != want {
			t.Errorf("%q: got %v, want %v", byte(c), !want, want)
		}
	}
}

func TestCodeListsHoldEachCodeOnce(t *testing.T) {
	t.Parallel()
	if n, l := len(strings.Fields(countryNumbers)), len(strings.Fields(countryCodes)); n != l {
		t.Errorf("%d countries by number and %d by letters", n, l)
	}
	lists := map[string]string{
		"countries by number":  countryNumbers,
		"countries by letters": countryCodes,
		"currencies":           currencyNumbers,
		"package types":        packageTypes,
	}
	for name, list := range lists {
		words := strings.Fields(list)
		slices.Sort(words)
		if once := slices.Compact(slices.Clone(words)); len(once) != len(words) {
			t.Errorf("%s: a code stands twice", name)
		}
	}
}
