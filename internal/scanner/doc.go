// Package scanner reads bar code scanners (on serial lines, on the network, in HID-POS
// mode, or typing like a keyboard) and turns each scan into one event.
//
// For each code that it reads a scanner sends an optional AIM identifier, the characters
// of the symbol, and an end. Nothing marks the beginning, no checksum shows whether it is
// whole, and nothing is sent twice. So the bytes are cut into frames with care ([Config],
// the key frame). A scan that is cut short, too long, or of which something was lost is
// counted and dropped rather than passed on as another code. A scan that is whole is
// passed on whatever it holds.
//
// A scanner that is a USB keyboard sends key positions and no characters. It must be set
// to the layout that the configuration names, and to send control characters, GS above
// all, as Ctrl and a key or as Alt and digits. One on a serial line sends the bytes
// themselves, and should be preferred.
//
// docs/hardware-defects.md lists what the libraries and drivers below get wrong, and
// the tests that hold against it.
//
// This is how two scanners look on the wire. A hand-held one, set to transmit AIM
// identifiers and to end with CR, reads a GS1 DataMatrix with article (01),
// batch (10) and serial (21); 1D is the separator FNC1 after the batch, whose
// length is not fixed:
//
//	5D 64 32                                           ]d2
//	30 31 30 39 35 30 36 30 30 30 31 33 34 33 35 32    0109506000134352
//	31 30 41 42 2D 31 32 1D                            10AB-12<GS>
//	32 31 30 30 34 32                                  210042
//	0D                                                 <CR>
//
// It becomes the event
//
//	Kind  scan
//	Code  0109506000134352 10AB-12<GS> 210042    (without the blanks)
//	Data  symbology=gs1-datamatrix  aim=]d2
//	      gs1.01=09506000134352  gs1.10=AB-12  gs1.21=0042
//
// A fixed one over an RS-232 adapter, with identifiers off and its frame in
// STX and ETX, reads a Code 39 label. The first byte is not from the symbol:
// the line broke as the scanner was switched on, and a break reads as 00:
//
//	00 02 50 4F 34 37 31 31 03 0D 0A                   <NUL><STX>PO4711<ETX><CR><LF>
//
// It becomes Code PO4711 with symbology "unknown": without an identifier
// it is not known what was printed.
package scanner
