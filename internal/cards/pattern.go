package cards

import (
	"regexp/syntax"
	"slices"
	"strings"
)

// A piece of a code is a text, or stands for a value that the binding reads, or both: one of
// the values that it can only have.
type piece struct {
	text string
	name string
}

// mostCodes is how many codes a pattern may allow for and still be listed.
const mostCodes = 32

// codesOf lists codes that a pattern matches, made of pieces; those first that have the least
// in them. A named group that allows for anything becomes a piece with its name. ok is false
// for a pattern that allows for more than can be listed.
//
//	^UNDO$                     UNDO
//	^(YES|NO)$                 YES, NO
//	^PO(?P<order>\d+)$         PO and the order
func codesOf(pattern string) (codes [][]piece, ok bool) {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, false
	}
	codes, _ = codesIn(tree)
	return codes, codes != nil
}

// codesIn is codesOf a part of a pattern; nil where there are too many. all reports whether
// they are all codes that it takes.
func codesIn(re *syntax.Regexp) (codes [][]piece, all bool) {
	nothing := [][]piece{{}}
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return nothing, true
	case syntax.OpLiteral:
		return [][]piece{{{text: string(re.Rune)}}}, true
	case syntax.OpCharClass:
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				if len(codes) == mostCodes {
					return nil, false
				}
				codes = append(codes, []piece{{text: string(r)}})
			}
		}
		return codes, true
	case syntax.OpCapture:
		return captured(re)
	case syntax.OpConcat:
		return concatenated(re.Sub)
	case syntax.OpAlternate:
		all = true
		for _, sub := range re.Sub {
			next, whole := codesIn(sub)
			if next == nil || len(codes)+len(next) > mostCodes {
				return nil, false
			}
			codes, all = append(codes, next...), all && whole
		}
		return codes, all
	case syntax.OpQuest:
		codes, all = codesIn(re.Sub[0])
		if len(codes) == mostCodes {
			codes, all = nil, false
		}
		return append(nothing, codes...), all
	case syntax.OpStar:
		return nothing, false // none of it is enough
	case syntax.OpRepeat:
		if re.Min == 0 {
			return nothing, false
		}
	}
	return nil, false
}

// captured lists what a group takes. A named one that takes more than can be listed stands
// for its value.
func captured(group *syntax.Regexp) (codes [][]piece, all bool) {
	codes, all = codesIn(group.Sub[0])
	if group.Name == "" {
		return codes, all
	}
	if !all || slices.ContainsFunc(codes, func(code []piece) bool { return len(code) == 0 }) {
		return [][]piece{{{name: group.Name}}}, false
	}
	for i, code := range codes {
		codes[i] = []piece{{text: filled(code, ""), name: group.Name}}
	}
	return codes, true
}

func concatenated(parts []*syntax.Regexp) (codes [][]piece, all bool) {
	codes, all = [][]piece{{}}, true
	for _, part := range parts {
		next, whole := codesIn(part)
		if next == nil || len(codes)*len(next) > mostCodes {
			return nil, false
		}
		var longer [][]piece
		for _, begin := range codes {
			for _, end := range next {
				longer = append(longer, slices.Concat(begin, end))
			}
		}
		codes, all = longer, all && whole
	}
	return codes, all
}

// names lists the values that a code leaves open, each once.
func names(code []piece) (all []string) {
	for _, p := range code {
		if p.name != "" && p.text == "" && !slices.Contains(all, p.name) {
			all = append(all, p.name)
		}
	}
	return all
}

// filled is the code with a value in the place of the name that it leaves open.
func filled(code []piece, value string) string {
	var b strings.Builder
	for _, p := range code {
		if p.text == "" {
			p.text = value
		}
		b.WriteString(p.text)
	}
	return b.String()
}

// meaning is the same for two codes that mean the same to their binding: the values in them.
func meaning(code []piece) string {
	var all []string
	for _, p := range code {
		if p.name != "" {
			all = append(all, p.name+"="+p.text)
		}
	}
	return strings.Join(all, " ")
}
