// Package hil is the emulated board: a whole ARM computer under QEMU, with a
// kernel of Debian's, real GPIO lines behind the real gpio-pl061 driver, a USB
// scanner behind the real ftdi_sio, an ext4 card that survives a power cut as a
// card does, and a network that can fail. Nothing in the guest knows that it is
// not hardware, and stationd runs there as it was packaged.
//
// A test reads as what a person on the floor does and sees:
//
//	board := hil.Boot(t, hil.Setting{Arch: hil.ARM64, Config: config, Plant: plant.Addr})
//	board.Press(17)
//	board.Lamp(22).Is(hil.Slow, 10*time.Second)
//	board.PowerCut()
//	board.PowerOn()
//	board.Lamp(22).Is(hil.Steady, 30*time.Second)
//
// The board is wired once and for all: [Buttons] close to ground and are idle
// high, [Lamps] light on a high level. Its tests stand behind the build tag hil;
// they need the Debian packages that [Missing] names, and fetch the guest's
// kernel on first use into [Cache].
package hil
