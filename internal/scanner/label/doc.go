// Package label says what a scan holds: which symbology, which text, and which values by
// the rules of GS1, of ISO 15434 with its data identifiers, of HIBC and of shops' own
// numbers.
//
// It puts the decoders together, which are packages of their own: charset, checkchar, gs1,
// hibc, mh10. Like them it is pure: the bytes of one scan and the [Rules] of its scanner in,
// a code and names with values out. It never refuses to read: what is wrong stands under a
// name of its own, and the station decides.
//
//	symbology      gs1-128, qr …; unknown without an AIM identifier
//	aim            ]C1
//	gs1.01 …       elements of a GS1 symbol or link by their application identifiers
//	gs1.310 …      amounts as decimal numbers, wherever the label has the point
//	gtin …         the article number without zeros in front; gtin13, gtin12, gtin8 as far
//	               as it has that form
//	gs1.error      what is wrong by GS1's rules
//	di.P …         data identifiers, and di.error
//	hibc.lic …     lic, item, unit, lot, serial, quantity, expiry, produced; and hibc.error
//	store.item …   item, weight, price of a shop's or a scale's own number
//	bad            the names of values that are on the label and are wrong: "gs1.17 di.Q"
//	refused        why nothing of the scan may be used
package label
