package hil

import (
	"fmt"
	"strings"
)

// An Arch is a kind of board.
type Arch string

// The two kinds of board that stationd is shipped for.
const (
	ARM64 Arch = "arm64" // a Pi 3 and later: Cortex-A53, Debian's arm64 kernel
	ARMv6 Arch = "armv6" // runs the binary for a Zero and a Pi 1: a 32-bit Cortex-A7, Debian's armhf kernel
)

// A model is all that differs between the boards.
type model struct {
	qemu    string   // the emulator
	machine string   // its -M
	cpu     string   // its -cpu
	debian  string   // Debian's name of the architecture
	kernel  string   // the flavour at the end of the kernel package's name
	goenv   []string // how its programs are compiled
	program string   // the environment variable that names a packaged stationd
}

func (a Arch) model() (model, error) {
	switch a {
	case ARM64:
		return model{
			qemu: "qemu-system-aarch64", machine: "virt", cpu: "cortex-a53",
			debian: "arm64", kernel: "arm64-unsigned",
			goenv:   []string{"GOARCH=arm64"},
			program: "STATIOND_ARM64",
		}, nil
	case ARMv6:
		return model{
			qemu: "qemu-system-arm", machine: "virt,highmem=off", cpu: "cortex-a7",
			debian: "armhf", kernel: "armmp",
			goenv:   []string{"GOARCH=arm", "GOARM=6"},
			program: "STATIOND_ARMV6",
		}, nil
	}
	return model{}, fmt.Errorf("board: architecture %q is not one of %s, %s", a, ARM64, ARMv6)
}

// hardware is the part of QEMU's command line that shapes the device tree: the
// run must say the same as the dump that the line names were added to.
func (m model) hardware(machine string) []string {
	return []string{"-M", machine, "-cpu", m.cpu, "-smp", "2", "-m", "512", "-accel", "tcg", "-display", "none", "-nodefaults"}
}

// Chip is the label of the board's GPIO chip, for [gpio] chip in a configuration.
const Chip = "9030000.pl061"

// Buttons are the lines of the buttons by their GPIO number, as a Pi's header
// names them. They are wired active low and are idle high.
func Buttons() []int { return []int{17, 27, 5, 6} }

// Lamps are the lines of the lamps by their GPIO number. They are active high.
func Lamps() []int { return []int{22, 23, 24, 25} }

// EveryLine are all lines of the chip by their GPIO number.
func EveryLine() []int {
	all := lines()
	return all[:]
}

// lines maps the chip's eight lines, in their order, to GPIO numbers.
func lines() [8]int { return [8]int{17, 22, 23, 24, 25, 27, 5, 6} }

// lineNames is the device tree's property that names the lines:
//
//	gpio-line-names = "GPIO17", "GPIO22", "GPIO23", "GPIO24", "GPIO25", "GPIO27", "GPIO5", "GPIO6";
func lineNames() string {
	var names []string
	for _, n := range lines() {
		names = append(names, fmt.Sprintf("%q", fmt.Sprintf("GPIO%d", n)))
	}
	return "gpio-line-names = " + strings.Join(names, ", ") + ";"
}
