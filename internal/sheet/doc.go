// Package sheet draws sides of A4 for a station: text, areas, and bar codes that people
// scan from paper or from a screen; and writes them as PDF.
//
// Lengths are in millimetres from the upper left corner. A PDF has its letters with it (the
// Go fonts, with the letters of Latin scripts), so that it prints alike everywhere.
//
// The PDF is written here: the libraries for it were measured at 0.64 MB of the program,
// which is as much as everything that talks to a vendor.
package sheet
