package config

import (
	"fmt"
	"strings"
)

// choice returns the tail of a fault about a wrong word: the word that was
// perhaps meant, and all that are allowed.
//
//	; did you mean "line"? Allowed here: url, key, site, line
func choice(wrong string, allowed []string) string {
	switch {
	case len(allowed) == 0:
		return "; nothing is allowed here"
	case Nearest(wrong, allowed) == "":
		return "; allowed here: " + strings.Join(allowed, ", ")
	}
	return fmt.Sprintf("; did you mean %q? Allowed here: %s", Nearest(wrong, allowed), strings.Join(allowed, ", "))
}

// longestWord is the longest text that is worth comparing with a key.
const longestWord = 64

// Nearest returns the allowed word that was perhaps meant by the wrong one, or
// "": up to one slip of the finger in three letters, case and dashes aside.
func Nearest(wrong string, allowed []string) string {
	best, slips := "", 0
	if len(wrong) > longestWord {
		return ""
	}
	for _, word := range allowed {
		n := distance(normalize(wrong), normalize(word))
		if n <= max(1, len(word)/3) && n < len(word) && (best == "" || n < slips) {
			best, slips = word, n
		}
	}
	return best
}

func normalize(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }

// distance counts the letters to insert, leave out, replace or swap with their
// neighbour to get from a to b (optimal string alignment).
func distance(a, b string) int {
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
