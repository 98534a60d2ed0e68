// Package gpio is the station's buttons, lamps and buzzers: lines of GPIO chips.
// Everything is asked of the kernel's character device itself, through its second
// interface (github.com/warthog618/go-gpiocdev v0.9.1, of which uapi alone is
// imported): chips are looked for anew at each Open, so that one which appears after
// the program, or is not permitted before udev's rules are through, is found.
//
// # Chips and lines
//
// A chip is chosen by its label, never by its number: a Raspberry Pi 5's header
// was gpiochip4 and became gpiochip0 with kernel 6.6.45 (raspberrypi/linux#6144).
//
//	Zero, 1, 2, 3   pinctrl-bcm2835   54 lines
//	4               pinctrl-bcm2711   58 lines
//	5               pinctrl-rp1       54 lines, beside four gpio-brcmstb@…
//
// Two chips of one label, as two expanders on one I²C bus, are told apart by
// their parent device: mcp23017@1-0020. Pin 17 is the line called GPIO17, else the
// line at offset 17, unless that is called after another pin.
//
// # Polarity
//
// A button usually closes to ground: its closed contact is low, pulled up. A lamp is usually lit
// by a high level. The bias "none" leaves the line as the firmware set it, for an
// external resistor. A bare pin is for 3.3 V and has no protection.
//
// A normally closed contact is open while its button is pressed, and so is a cut wire. Only
// a contact that closes again proves that its wire is whole, so a press of such a button is
// reported when it is released, and a cut wire is never a press. With a normally open
// contact besides, a press is known at once: the two contacts disagree where a wire is cut.
//
// # Debounce
//
// A press counts when the contact has been closed for 30 ms: above the 6.4 ms
// filter of a Siemens S7-1200 (system manual, 6.6.2) and the 5 ms of the kernel's
// gpio-keys, below the 50 ms of Home Assistant. A release counts after 50 ms,
// since worn contacts bounce longer when they open. The press happened at the first
// edge of the run that was accepted, not when it was accepted (the rule of ABB's
// 615 relays). Up to 250 ms may be set, so that the longest bouncing switch of
// Ganssle's study (157 ms) can be used, and down to 1 ms for a sensor that counts.
//
// # Reading and recording
//
// One loop for each chip reads the lines (Bank.Run), and one for the whole board records
// what was pressed (Board.Run). A commit on a slow card takes hundreds of milliseconds.
// If reading waited for it, the kernel's buffer of edges would soon be full where a
// contact chatters. The queue between the two loops is bounded and in memory. It holds
// what no lamp has confirmed, as the kernel's buffer does, so that nothing in it was
// promised to anybody; what finds no room in it is dropped, logged and counted.
//
// # What would lose or invent a press
//
//   - A wait whose time is over before it begins looks once more all the same. A level
//     that cannot be read ends Run and is passed on to nobody: taken for low it would be
//     a press.
//   - The kernel buffers 16 edges per line unless it is asked for more. It is asked for
//     its most, 1,024 per chip. It drops the oldest without a word, but numbers them:
//     what is missing is counted, logged and a fault of its button, and a run in which
//     edges are missing is never a press.
//   - The direction of an edge is the level some time after its interrupt. Two that are
//     too quick for that are reported as one, which says what the one before said: the
//     run begins anew.
//   - An edge that is read late has its own time, and what its button did until then is
//     settled first: a press that is read late as a whole is reported, and one that was
//     too short is not made longer by the delay.
//   - A level may be ahead of an edge that is on its way, and an edge may be missing.
//     No run is accepted while the level differs from what the edges said; when it
//     has for half a second, and no edge came, the level counts.
//   - Edges of a chip without interrupts, which is read every 5 ms, have no time of
//     their own. They are dated when they are read, and what is read late cannot
//     lengthen the run before it.
//   - An output is only ever driven: it is requested with its first level, and the
//     type through which lamps are driven has no way to read.
//   - One goroutine owns the inputs of a chip, and its waits are short.
//   - Lines are taken by their offsets, so that one without a name can be.
//   - A chip that is gone answers at once and for ever. Run returns the error, and
//     the board is closed and opened anew.
//
// # The demo
//
// A chip called sim:PATH is a unix socket whose far end is a Sim; it is refused
// unless the environment variable STATIOND_DEMO is 1. The protocol stands in
// sim.go.
package gpio
