package lagerkoll

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// orderPath is the path of a production order: its id, a whole number without
// anything before it.
func orderPath(order string) (string, error) {
	if n, err := strconv.ParseUint(order, 10, 63); err != nil || strconv.FormatUint(n, 10) != order {
		return "", fmt.Errorf("order %q is not the id of a production order: a whole number is wanted", order)
	}
	return order, nil
}

// articlePath is the path of an article of an order.
func articlePath(order, article string) (string, error) {
	path, err := orderPath(order)
	if err != nil {
		return "", err
	}
	name, err := segment(article)
	if err != nil {
		return "", fmt.Errorf("article %w", err)
	}
	return path + "/article/" + name, nil
}

// segment writes a bar code's text as one segment of a path. A slash becomes
// %2F: Lagerkoll's page says that parameters in the URL are to be encoded, and
// its template for article ids, {article_id : .+}, allows one.
//
// What a server could take for a step up or for no segment at all is refused,
// for it would be another operation: a PUT to 7/article/ updates the article
// record, one to 7/article/.. the whole order.
func segment(text string) (string, error) {
	switch {
	case text == "":
		return "", fmt.Errorf("is empty")
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return "", fmt.Errorf("%q holds characters that no name can", text)
	case climbs(text):
		return "", fmt.Errorf("%q would lead to another place", text)
	}
	return url.PathEscape(text), nil
}

// climbs reports whether a server that decodes a path once, twice or more often
// than it should could find a step in it.
func climbs(text string) bool {
	for {
		for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == '/' || r == '\\' }) {
			part, _, _ = strings.Cut(part, ";") // what follows is a parameter to Java servers
			if part == "." || part == ".." {
				return true
			}
		}
		decoded, err := url.PathUnescape(text)
		if err != nil || decoded == text {
			return strings.Trim(text, `/\`) == ""
		}
		text = decoded
	}
}
