// Package gs1 reads what a scanner sends for a GS1 symbol and takes it apart into
// application identifiers (AI) and their values.
//
//	]d2 01 09520123456788 10 ABC123 <GS> 21 12345     an element string
//	]E0 9520123456788                                 an EAN-13 symbol, which is a GTIN
//	]Q1 https://id.gs1.org/01/09520123456788/10/ABC   a GS1 Digital Link URI
//
// The package is pure: text in, elements out, no clock, no state, standard library
// only. It checks everything that one symbol can prove about itself: lengths and
// character sets, check digits and check characters, dates and times, country and
// currency codes, and AIs that may not stand beside each other.
//
// # Where the facts come from
//
// The table of AIs, their parts, checks and exclusions is the GS1 Barcode Syntax
// Dictionary, release 2026-01-27 (Apache-2.0, (c) GS1 AISBL); a test holds the table
// against it line by line. What each check means is taken from the descriptions of
// GS1's Syntax Tests ("linters"), and the meaning of FNC1, check digits and the
// century of a date from the GS1 General Specifications (7.8 to 7.12). Which symbology
// identifiers carry GS1 elements is ISO/IEC 15424 as the General Specifications list
// it. testdata/vectors.jsonl holds what GS1's own engine (gs1-syntax-engine 1.4.1)
// says of 1,478 scans, and Parse agrees with every one.
//
// Exclusions ("ex=", such as a GTIN and a count of units in one symbol) are enforced:
// the engine has no switch to allow them. None of the vectors holds such a pair, so
// this rests on the dictionary and not on the vectors.
//
// # What the parser deliberately does not do
//
//   - It does not demand companions ("req=": a batch needs a GTIN). Those rules bind
//     all symbols on an item together, and labels made for use inside a factory break
//     them on purpose.
//   - It does not guess. A symbol without its AIM identifier, a lost FNC1 or an AI that
//     is not in the dictionary is an error and not a heuristic.
//   - It reads neither the human-readable form with brackets, "(01)0952...", nor the
//     words that older links used for AIs ("/gtin/"), nor a GTIN shorter than 14 digits
//     in the path of a link.
//   - It does not look up company prefixes; "gcppos1" and "gcppos2" only ask for the
//     four digits that every prefix begins with.
//   - It does not decode: values are what the symbol holds, with percent signs of
//     AIs such as 4300 left alone and the decimal place of 310n still in the AI. Date
//     and GTIN14 are offered beside Parse for the two forms that everybody needs.
//   - It does not join the two halves of a composite symbol under an EAN-13; the second
//     half arrives as a scan of its own, under ]e0.
//
// Where it differs from the engine on purpose: ]E0 and ]E4 give their number as AI 01
// (the engine accepts them and names no AI); plain text under ]d1 and ]Q1 is ErrNotGS1
// (the engine accepts it, with no AI again); ]E0 may have 12 digits, for scanners set
// to send UPC-A so; a value of a link longer than 90 characters is refused and not cut.
package gs1
