package gs1

import "strings"

// A coupon walks along the digits of a North American coupon code, in which lengths
// and options are told by single digits. After the first fault it stands still and
// keeps it.
type coupon struct {
	digits string
	at     int
	pos    int
	why    string
}

func (c *coupon) fail(pos int, why string) {
	if c.why == "" {
		c.pos, c.why = pos, why
	}
}

// take consumes n digits.
func (c *coupon) take(n int, what string) string {
	if c.why != "" {
		return ""
	}
	if len(c.digits)-c.at < n {
		c.fail(len(c.digits), "the coupon code ends within its "+what)
		return ""
	}
	c.at += n
	return c.digits[c.at-n : c.at]
}

// code consumes one digit, which must be one of the allowed, and returns its value.
func (c *coupon) code(allowed, what string) int {
	digit := c.take(1, what)
	if digit == "" {
		return 0
	}
	if !strings.Contains(allowed, digit) {
		c.fail(c.at-1, "the "+what+" of the coupon code must be one of "+allowed)
		return 0
	}
	return number(digit)
}

// sized consumes a digit that tells a length, less the base, and as many digits after it.
func (c *coupon) sized(allowed string, base int, what string) {
	n := c.code(allowed, "length of the "+what)
	c.take(base+n, what)
}

// optionalField consumes the digit that opens an optional field, if it comes next.
func (c *coupon) optionalField(digit byte) bool {
	if c.why != "" || c.at == len(c.digits) || c.digits[c.at] != digit {
		return false
	}
	c.at++
	return true
}

// end asks that nothing is left.
func (c *coupon) end() (int, string) {
	if c.at < len(c.digits) {
		c.fail(c.at, "digits follow the end of the coupon code")
	}
	return c.pos, c.why
}

// purchase consumes one purchase requirement: value, code and family.
func (c *coupon) purchase() {
	c.sized("12345", 0, "purchase requirement")
	c.code("012349", "purchase requirement code")
	c.take(3, "purchase family code")
}

// otherCompany consumes the company prefix of a second or third purchase; length 9 means none.
func (c *coupon) otherCompany() {
	if n := c.code("01234569", "length of the company prefix"); n != 9 {
		c.take(6+n, "company prefix")
	}
}

// date consumes YYMMDD.
func (c *coupon) date(what string) string {
	date := c.take(6, what)
	if date == "" {
		return ""
	}
	if pos, why := yymmdd(date); why != "" {
		c.fail(c.at-6+pos, why)
	}
	return date
}

// couponcode: AI 8110, North American Coupon Application Guideline Using GS1 DataBar
// Expanded Symbols. Optional fields come in rising order of the digit that opens them.
func couponcode(field string) (int, string) {
	if pos, why := numeric.check(field); why != "" {
		return pos, why
	}
	c := &coupon{digits: field}
	c.sized("0123456", 6, "company prefix")
	c.take(6, "offer code")
	c.sized("12345", 0, "save value")
	c.purchase()
	if c.optionalField('1') {
		c.code("0123", "additional purchase rules code")
		c.purchase()
		c.otherCompany()
	}
	if c.optionalField('2') {
		c.purchase()
		c.otherCompany()
	}
	expires := ""
	if c.optionalField('3') {
		expires = c.date("expiration date")
	}
	if c.optionalField('4') {
		if begins := c.date("start date"); expires != "" && begins > expires {
			c.fail(c.at-6, "the coupon begins after it expires")
		}
	}
	if c.optionalField('5') {
		c.sized("0123456789", 6, "serial number")
	}
	if c.optionalField('6') {
		c.sized("1234567", 6, "retailer's number")
	}
	if c.optionalField('9') {
		c.code("01256", "save value code")
		c.code("012", "save value applies to item")
		c.code("0123456789", "store coupon flag")
		c.code("01", "don't multiply flag")
	}
	return c.end()
}

// couponposoffer: AI 8112, GS1 AI (8112) Coupon Data Specification.
func couponposoffer(field string) (int, string) {
	if pos, why := numeric.check(field); why != "" {
		return pos, why
	}
	c := &coupon{digits: field}
	c.code("01", "format code")
	c.sized("0123456", 6, "funder")
	c.take(6, "offer code")
	c.sized("0123456789", 6, "serial number")
	return c.end()
}
