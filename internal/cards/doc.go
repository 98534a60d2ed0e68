// Package cards makes the sheets of codes that a station understands: commands as UNDO, the
// badges of people, products for changeovers, orders that are in progress; each with what
// scanning it does, in the language of the station.
//
// A card is only made of a code that the program in force takes for what the card says: the
// code is read as each reader would read it, and the binding that would be carried out must
// be the one that the card is made of.
//
// It is pure: programs and lists in, cards out; nothing is read but what is handed in.
package cards
