package label

import (
	"fmt"
	"strings"
)

// A Store says how a number of 13 digits is divided that a shop or a factory has made
// itself: from the left its prefix, the item, where there is one a check digit of the
// amount, the amount as weight or as price, and the check digit of the whole.
//
//	20 12345 01234 9    prefix 20, item 12345, weight 1.234 with three decimals
type Store struct {
	Prefix   string `toml:"prefix"`   // the digits it begins with: "20"
	Item     int    `toml:"item"`     // how many digits the item has
	Weight   int    `toml:"weight"`   // how many digits a weight has; 0: it says none
	Price    int    `toml:"price"`    // how many digits a price has; 0: it says none
	Decimals int    `toml:"decimals"` // how many digits of the amount stand behind the point
	Check    bool   `toml:"check"`    // a check digit of the amount stands in front of it
}

// Fault says what is wrong with a rule: the key and why; "" and "" where nothing is.
func (s Store) Fault() (key, why string) {
	const digits, longest = 13, 11
	amount := s.Weight + s.Price
	length := len(s.Prefix) + s.Item + amount + 1
	if s.Check {
		length++
	}
	switch {
	case s.Prefix == "" || strings.Trim(s.Prefix, "0123456789") != "":
		return "prefix", `says which numbers are the shop's own, in the digits they begin with, as "20"`
	case s.Item < 1 || s.Item > longest:
		return "item", "says how many digits the item has, from 1 to 11"
	case s.Weight < 0 || s.Price < 0 || s.Weight > 0 && s.Price > 0:
		return "weight", "a number says a weight or a price, in so many digits, and not both"
	case s.Decimals < 0 || s.Decimals > amount:
		return "decimals", "says how many digits of the weight or price stand behind the point"
	case s.Check && amount != 4 && amount != 5:
		return "check", "only a weight or price of 4 or 5 digits has a check digit of its own"
	case length != digits:
		return "", fmt.Sprintf("prefix, item, weight or price and the check digits are %d digits together, and must be 13", length)
	}
	return "", ""
}

// storeNumber reads a number that is a shop's own and no article number of the world.
func (l *reading) storeNumber(gtin string) {
	digits := gtin[1:]
	for _, s := range l.Store {
		rest, ok := strings.CutPrefix(digits, s.Prefix)
		if !ok {
			continue
		}
		l.data["store.item"], rest = rest[:s.Item], rest[s.Item:]
		check := ""
		if s.Check {
			check, rest = rest[:1], rest[1:]
		}
		name, length := "store.weight", s.Weight
		if s.Price > 0 {
			name, length = "store.price", s.Price
		}
		if length == 0 {
			return
		}
		amount := rest[:length]
		if s.Check && check != amountCheck(amount) {
			l.markBad(name)
			l.data["gs1.error"] = fmt.Sprintf("the check digit of %s is %s and should be %s", amount, check, amountCheck(amount))
			return
		}
		l.data[name] = decimal(amount, s.Decimals)
		return
	}
	l.data["gs1.error"] = "a number of a shop's or a factory's own (prefix " + digits[:2] + "), which is no article number; [[scanner.store]] says how its digits are divided"
}

func decimal(digits string, places int) string {
	whole, part := digits[:len(digits)-places], digits[len(digits)-places:]
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if part == "" {
		return whole
	}
	return whole + "." + part
}

// amountCheck computes the check digit of a weight or price of four or five digits (GS1
// General Specifications 7.9.2 to 7.9.4): each place has a table of products.
func amountCheck(amount string) string {
	const (
		twoMinus  = "0246891357"
		three     = "0369258147"
		fivePlus  = "0516273849"
		fiveMinus = "0594837261"
	)
	tables := []string{twoMinus, twoMinus, three, fiveMinus}
	if len(amount) == 5 {
		tables = []string{fivePlus, twoMinus, fiveMinus, fivePlus, twoMinus}
	}
	sum := 0
	for i := range len(amount) {
		sum += int(tables[i][amount[i]-'0'] - '0')
	}
	if len(amount) == 5 {
		return string(rune('0' + strings.IndexByte(fiveMinus, byte('0'+(10-sum%10)%10))))
	}
	return string(rune('0' + sum*3%10))
}
