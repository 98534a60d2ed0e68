package gs1

import "testing"

// The first group is taken from the examples of the Digital Link standard; the rest are
// the corners that GS1's engine tests itself on.
func TestDigitalLinks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		uri  string
		want string
	}{
		{"a GTIN", "https://id.gs1.org/01/09520123456788", "01=09520123456788"},
		{"a GTIN with batch and serial", "https://id.gs1.org/01/09520123456788/10/ABC1/21/12345?17=180426", "01=09520123456788 10=ABC1 21=12345 17=180426"},
		{"measures in the query", "https://example.com/01/09520123456788?3103=000195&3922=0299&17=201225", "01=09520123456788 3103=000195 3922=0299 17=201225"},
		{"an SSCC with its content", "https://id.gs1.org/00/952012345678912345?02=09520123456788&37=25&10=ABC123", "00=952012345678912345 02=09520123456788 37=25 10=ABC123"},
		{"a location with an extension, escaped", "https://id.gs1.org/414/9520123456788/254/32a%2Fb", "414=9520123456788 254=32a/b"},

		{"all three qualifiers in their order", "https://a/01/12312312312333/22/TEST/10/ABC/21/XYZ", "01=12312312312333 22=TEST 10=ABC 21=XYZ"},
		{"the other sequence of qualifiers", "https://a/01/12312312312333/235/TEST", "01=12312312312333 235=TEST"},
		{"a batch in the query beside the other sequence", "https://a/01/09520123456788/235/XYZ?10=ABC123", "01=09520123456788 235=XYZ 10=ABC123"},
		{"plain http", "http://a/00/006141411234567890", "00=006141411234567890"},
		{"capitals", "HTTPS://A/00/006141411234567890", "00=006141411234567890"},
		{"a port", "https://a:65535/01/12312312312333", "01=12312312312333"},
		{"an IPv6 address", "https://[2001:db8::1]/01/12312312312333", "01=12312312312333"},
		{"a stem", "https://a/more/stem/00/006141411234567890", "00=006141411234567890"},
		{"a stem that looks like a key", "https://a/00/faux/00/006141411234567890", "00=006141411234567890"},
		{"an empty query", "https://a/00/006141411234567890?", "00=006141411234567890"},
		{"an empty fragment", "https://a/00/006141411234567890#", "00=006141411234567890"},
		{"a fragment", "https://a/00/006141411234567890?99=ABC#top?98=X", "00=006141411234567890 99=ABC"},
		{"more ampersands than needed", "https://a/01/12312312312333?&&&99=ABC&&&98=XYZ&&", "01=12312312312333 99=ABC 98=XYZ"},
		{"names that are no AI", "https://a/01/12312312312333?lone&utm=666&99=ABC&=7&x=1", "01=12312312312333 99=ABC"},
		{"a plus in the path is a plus", "https://a/01/12312312312333/22/ABC+1%2d23", "01=12312312312333 22=ABC+1-23"},
		{"an escape that ends the value", "https://a/01/12312312312333/10/ABC%2F?98=X%3f", "01=12312312312333 10=ABC/ 98=X?"},
		{"escapes in the query", "https://a/01/12312312312333?98=XYZ%2f987", "01=12312312312333 98=XYZ/987"},
		{"a percent sign that escapes nothing", "https://a/01/12312312312333?98=50%", "01=12312312312333 98=50%"},
		{"a GTIN-13 in the query", "https://a/8004/9520614141234567?01=9520123456788", "8004=9520614141234567 01=09520123456788"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, id := range []string{"]Q1", "]d1", "]J0"} {
				got, err := Parse(id + tt.uri)
				if err != nil {
					t.Fatal(err)
				}
				if line := joined(got); line != tt.want {
					t.Errorf("%s: got %s, want %s", id, line, tt.want)
				}
			}
		})
	}
}

func TestFaultyDigitalLinks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		uri  string
		want string
	}{
		{"a wrong check digit", "https://a/01/12312312312334", "gs1: AI (01), byte 29: the check digit is 4 and should be 3"},
		{"a GTIN-13 in the path", "https://a/01/2112345678900", "gs1: AI (01), byte 29: the value ends after 13 characters; its next part needs 1 more"},
		{"a value too long", "https://a/253/1231231231232TEST56789012345678", "gs1: AI (253), byte 47: the value is longer than its 30 characters"},
		{"an empty value in the path", "https://a/01/12312312312333/10/", "gs1: AI (10), byte 34: the value is empty"},
		{"an empty value in the query", "https://a/01/12312312312333?99=", "gs1: AI (99), byte 34: the value is empty"},
		{"a number that is no AI", "https://a/01/12312312312333?99=ABC&999=x", `gs1: byte 38: "999" is a number and yet no application identifier`},
		{"a space, written as a plus", "https://a/01/12312312312333?98=XYZ+987", "gs1: AI (98), byte 34: a character outside character set 82"},
		{"a NUL, escaped", "https://a/01/12312312312333/10/A%00B", "gs1: AI (10), byte 34: a character outside character set 82"},
		{"qualifiers out of order", "https://a/01/12312312312333/21/X/10/Y", "gs1: AI (01), byte 12: the path holds AIs that do not qualify this key, or not in this order"},
		{"one qualifier twice", "https://a/01/12312312312333/10/X/10/X", "gs1: AI (01), byte 12: the path holds AIs that do not qualify this key, or not in this order"},
		{"two sequences of qualifiers mixed", "https://a/01/12312312312333/22/ABC/235/Y", "gs1: AI (01), byte 12: the path holds AIs that do not qualify this key, or not in this order"},
		{"a batch in the query that belongs in the path", "https://a/01/09520123456788?10=ABC123", "gs1: AI (10), byte 31: the AI belongs in the path of the link"},
		{"an AI in path and query", "https://a/01/09520123456788/10/ABC?10=ABC", "gs1: AI (10), byte 38: the AI appears twice in the link"},
		{"an AI that no query may hold", "https://a/01/09520123456788?8020=ABC", "gs1: AI (8020), byte 31: the AI may not stand in the query of a link"},
		{"a count beside a GTIN", "https://a/01/09520123456788?37=12", "gs1: AI (37), byte 34: the AI may not stand beside AI (01)"},
		{"a letter no URI may hold", "https://a/01/09520123456788?x=\xc3\xa5", "gs1: byte 33: a character that no URI may hold"},
		{"a user in the domain", "https://me@a/01/09520123456788", "gs1: byte 13: a character that no domain name may hold"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse("]Q1" + tt.uri)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v %v\nwant %s", got, err, tt.want)
			}
		})
	}
}
