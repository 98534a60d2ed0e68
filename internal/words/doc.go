// Package words is what people read of the station, in six languages: a catalogue for
// each, with the forms that a number takes, and times and numbers as the language has them.
//
// A catalogue is one file, sv.properties, with a text a line, and one who translates sees one
// language in it:
//
//	# the headline
//	how.lost = Ingen kontakt med {vendor} {since}
//	how.held.one = Åtgärd krävs: {n} pausad
//	how.held.other = Åtgärd krävs: {n} pausade
//
// What stands in braces is filled in, and may stand anywhere in the text. What counts has a
// text for each form that its language has: one and other, in Polish one, few and many.
//
// A new text goes into every file, under the heading where it belongs; the tests say what is
// missing, what is not used any more and which braces disagree. names.md of the wording and
// the words of the floor win over a dictionary.
package words
