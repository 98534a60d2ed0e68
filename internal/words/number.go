package words

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// separators are what a language has between thousands and before decimals, and how many
// digits a number has before its thousands are set apart. Of the Unicode CLDR.
func (c *Catalogue) separators() (group, decimal string, from int) {
	switch c.tag {
	case "de":
		return ".", ",", 4
	case "es":
		return ".", ",", 5
	case "pl":
		return "\u00a0", ",", 5
	case "sv", "fi":
		return "\u00a0", ",", 4
	}
	return ",", ".", 4
}

// Number writes a whole number as the language does: 12,500 or 12 500.
func (c *Catalogue) Number(n int) string {
	return c.Amount(strconv.Itoa(n))
}

// Amount writes a decimal number, "1234.5", as the language does: 1 234,5. What is none is
// returned as it is.
func (c *Catalogue) Amount(number string) string {
	digits, negative := strings.CutPrefix(number, "-")
	whole, decimals, hasDecimals := strings.Cut(digits, ".")
	if !isDigits(whole) || hasDecimals && !isDigits(decimals) {
		return number
	}
	group, decimal, from := c.separators()
	var b strings.Builder
	if negative {
		b.WriteString("−")
	}
	for i, digit := range whole {
		if left := len(whole) - i; i > 0 && left%3 == 0 && len(whole) >= from {
			b.WriteString(group)
		}
		b.WriteRune(digit)
	}
	if hasDecimals {
		b.WriteString(decimal + decimals)
	}
	return b.String()
}

func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// Capital is a word as it stands alone: with a capital first letter.
func Capital(word string) string {
	if word == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(word)
	return string(unicode.ToUpper(first)) + word[size:]
}
