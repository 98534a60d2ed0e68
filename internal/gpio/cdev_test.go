package gpio

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	var (
		header    = candidate{"pinctrl-rp1", "1f000d0000.gpio", "/dev/gpiochip0"}
		power     = candidate{"gpio-brcmstb@107d508500", "107d508500.gpio", "/dev/gpiochip10"}
		expander  = candidate{"mcp23017", "1-0020", "/dev/gpiochip11"}
		expander2 = candidate{"mcp23017", "1-0021", "/dev/gpiochip12"}
		pl061     = candidate{"9030000.pl061", "9030000.pl061", "/dev/gpiochip0"}
	)
	tests := []struct {
		name   string
		chip   string
		found  []candidate
		want   int
		errors string
	}{
		{name: "no name means the header of a known board", found: []candidate{power, header, expander}, want: 1},
		{name: "no name means the only chip there is", found: []candidate{pl061}, want: 0},
		{name: "no name and two unknown chips is not clear", found: []candidate{pl061, expander}, errors: "9030000.pl061@9030000.pl061 (/dev/gpiochip0), mcp23017@1-0020 (/dev/gpiochip11)"},
		{name: "a label may have an @ of its own", chip: "gpio-brcmstb@107d508500", found: []candidate{header, power}, want: 1},
		{name: "one label on two chips is ambiguous", chip: "mcp23017", found: []candidate{header, expander, expander2}, errors: "write LABEL@PARENT"},
		{name: "a parent tells two chips apart", chip: "mcp23017@1-0021", found: []candidate{header, expander, expander2}, want: 2},
		{name: "a chip that is missing lists those that are there", chip: "pinctrl-bcm2711", found: []candidate{header}, errors: `no chip "pinctrl-bcm2711"; there are: pinctrl-rp1@1f000d0000.gpio (/dev/gpiochip0)`},
		{name: "no chip at all says where to look", errors: "/dev/gpiochip*"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := choose(test.chip, test.found)
			if (err != nil) != (test.errors != "") || err != nil && !strings.Contains(err.Error(), test.errors) {
				t.Fatalf("error %v, want %q", err, test.errors)
			}
			if got != test.want {
				t.Errorf("chip %d, want %d", got, test.want)
			}
		})
	}
}

func TestPickLine(t *testing.T) {
	t.Parallel()
	board := []string{"GPIO17", "GPIO22", "GPIO23", "GPIO24", "GPIO25", "GPIO27", "GPIO5", "GPIO6"}
	zero := []string{"ID_SDA", "ID_SCL", "SDA1", "SCL1", "GPIO_GCLK", "GPIO5"}
	tests := []struct {
		name   string
		pin    int
		lines  []string
		want   int
		errors string
	}{
		{name: "a pin is the line of its name", pin: 22, lines: board, want: 1},
		{name: "the name goes before the offset", pin: 5, lines: board, want: 6},
		{name: "a line with a name of another kind is found by its offset", pin: 2, lines: zero, want: 2},
		{name: "a line whose name only begins like a pin's is found by its offset", pin: 4, lines: zero, want: 4},
		{name: "an offset that is called after another pin is refused", pin: 3, lines: board, errors: "offset 3 is called GPIO24"},
		{name: "a pin beyond the chip is refused", pin: 9, lines: board, errors: "only 8 lines"},
		{name: "a negative pin is refused", pin: -1, lines: board, errors: "only 8 lines"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := pickLine(test.pin, test.lines)
			if (err != nil) != (test.errors != "") || err != nil && !strings.Contains(err.Error(), test.errors) {
				t.Fatalf("error %v, want %q", err, test.errors)
			}
			if got != test.want {
				t.Errorf("line %d, want %d", got, test.want)
			}
		})
	}
}

func TestAMachineWithoutChipsSaysWhereToLook(t *testing.T) {
	t.Parallel()
	chips, refused, err := findChips(t.TempDir())
	if len(chips)+len(refused) > 0 || err != nil {
		t.Errorf("%v, %v, %v", chips, refused, err)
	}
}

func TestAChipThatIsNotPermittedYetIsNamed(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may open every device: that a chip before its udev rule is named was NOT proved")
	}
	dev := t.TempDir()
	if err := os.WriteFile(filepath.Join(dev, "gpiochip0"), nil, 0o000); err != nil {
		t.Fatal(err)
	}
	_, refused, err := findChips(dev)
	if err != nil || len(refused) != 1 || !strings.Contains(refused[0].Error(), "gpiochip0: permission denied") {
		t.Errorf("%v, %v", refused, err)
	}
}
