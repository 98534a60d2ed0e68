package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checkWarnings returns what check says of a configuration with a reader's port and bindings;
// its exit code is 0.
func checkWarnings(t *testing.T, port, on string) string {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(key, []byte("a-key-of-a-test\n"), 0o600))
	head, _, _ := strings.Cut(fmt.Sprintf(scansConfig, t.TempDir(), key, key, port), "[[on]]")
	path := writeConfig(t, "%s", head+on)
	var out, errs bytes.Buffer
	if code := command(t.Context(), []string{"check", path}, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("check ends with %d: %s", code, errs.String())
	}
	return errs.String()
}

func TestCheckSaysWhatTheUnitDoesNotAllow(t *testing.T) {
	t.Parallel()
	for _, device := range []string{"/dev/rfcomm0", "/dev/ttySC0", "/dev/ttyCH343USB0", "/dev/ttyS1"} {
		want := "warning: the packaged unit does not allow this device: `systemctl edit stationd`, write [Service] and below it DeviceAllow=" + device + " rw"
		if said := checkWarnings(t, device, onOrder); !strings.Contains(said, want) {
			t.Errorf("%s: check says %q", device, said)
		}
	}
	for _, device := range []string{"/dev/ttyAMA0", "/dev/serial/by-id/usb-x", "/dev/serial/by-path/x", "usb:0403:6001", "tcp:192.0.2.5:9004"} {
		if said := checkWarnings(t, device, onOrder); said != "" {
			t.Errorf("%s: check says %q", device, said)
		}
	}
}

func TestCheckWarnsOfANameThatAnotherReaderMayHaveTomorrow(t *testing.T) {
	t.Parallel()
	for _, device := range []string{"/dev/ttyUSB0", "/dev/ttyACM1", "hid:/dev/input/event3"} {
		if said := checkWarnings(t, device, onOrder); !strings.Contains(said, "warning: the kernel gives this name anew with each plug") {
			t.Errorf("%s: check says %q", device, said)
		}
	}
}

func TestCheckWarnsOfAnAmountThatWouldLoseItsPoint(t *testing.T) {
	t.Parallel()
	binding := func(amount string) string {
		return fmt.Sprintf("[[on]]\nevent = \"hand.scan\"\ngs1 = [\"01\", \"3103\"]\ndo = [{ lagerkoll = \"article.trace\", order = \"1\", article = \"{gs1.01}\", batch = \"B\", amount = %q }]\n", amount)
	}
	if said := checkWarnings(t, "usb:0403:6001", binding("{gs1.3103}")); !strings.Contains(said, "warning: {gs1.3103} are the digits of the label without their decimal point; {gs1.310} is the number") {
		t.Errorf("check says %q", said)
	}
	if said := checkWarnings(t, "usb:0403:6001", binding("{gs1.310}")); said != "" {
		t.Errorf("check says %q", said)
	}
}

// What is allowed and seldom meant is warned of with its place, and is a fault where that is
// asked for.
func TestCheckWarnsOfWhatIsSeldomMeant(t *testing.T) {
	t.Parallel()
	const whole = `[station]
name = "pack4-1"
timezone = "Europe/Stockholm"
data = "DATA"
lamp = "white"

[web]
listen = "127.0.0.1:0"

[l2l]
url = "https://acme.leading2lean.com/api/1.0/"
site = 12
line = "PACK4"
machine = "SEAL-1"
trade = "MECH"
key = { file = "KEY" }

[gpio]
chip = "pinctrl-bcm2711"

[[button]]
name = "red"
pin = 17
lamp = "white"

[[lamp]]
name = "white"
pin = 22

[[on]]
event = "red.press"
do = [{ l2l = "dispatch.open", type = "MAINT", description = "Help" }]
`
	check := func(t *testing.T, mode os.FileMode, old, new string, args ...string) (said string, code int) {
		t.Helper()
		key := filepath.Join(t.TempDir(), "key")
		must(t, os.WriteFile(key, []byte("a-key-of-a-test\n"), 0o600))
		must(t, os.Chmod(key, mode))
		if !strings.Contains(whole, old) {
			t.Fatalf("the configuration has no %q", old)
		}
		path := writeConfig(t, "%s", strings.NewReplacer("DATA", t.TempDir(), "KEY", key).Replace(strings.Replace(whole, old, new, 1)))
		var out, errs bytes.Buffer
		code = command(t.Context(), append([]string{"check", path}, args...), strings.NewReader(""), &out, &errs)
		return strings.ReplaceAll(out.String()+errs.String(), path+":", ""), code
	}
	if said, code := check(t, 0o600, "", "", "--strict"); code != 0 {
		t.Errorf("where nothing is to be warned of, it ends with %d: %s", code, said)
	}
	for _, tt := range []struct {
		sentence string
		mode     os.FileMode
		old, new string
		says     string
	}{
		{"a button without a binding", 0o600, "[[lamp]]", "[[button]]\nname = \"blue\"\npin = 27\n\n[[lamp]]", "26:1: warning: no binding answers blue"},
		{"a lamp that is not used", 0o600, "[[on]]", "[[lamp]]\nname = \"green\"\npin = 23\n\n[[on]]", "30:1: warning: no button, scanner or stack light has the lamp green"},
		{"a buzzer that is not used", 0o600, "[[on]]", "[[buzzer]]\nname = \"horn\"\npin = 23\n\n[[on]]", "30:1: warning: no button, scanner or stack light has the buzzer horn"},
		{"a pin of the I2C bus", 0o600, "pin = 17", "pin = 2", "23:7: warning: GPIO2 is a line of the I2C bus"},
		{"a pin of the serial port", 0o600, "pin = 22", "pin = 15", "28:7: warning: GPIO15 is a line of the serial port"},
		{"an address without its path", 0o600, "com/api/1.0/", "com/", `11:7: warning: "url" ends in another path than L2L's operations have, /api/1.0/: https://acme.leading2lean.com/api/1.0/`},
		{"a page for the network", 0o600, "127.0.0.1:0", "0.0.0.0:0", "8:10: warning: no other machine sees the page, for [web] does not say who may"},
		{"a variable as a shell has it", 0o600, `"Help"`, `"Help at $LINE"`, "32:71: warning: $LINE stands there as it is"},
		{"a key that every account may read", 0o644, "", "", "warning: l2l key: "},
		{"a key that is not there", 0o600, `file = "KEY"`, `file = "/nowhere/l2l.key"`, "warning: l2l key: "},
	} {
		said, code := check(t, tt.mode, tt.old, tt.new)
		if code != 0 || !strings.Contains(said, tt.says) {
			t.Errorf("%s: check ends with %d and says %q, want %q", tt.sentence, code, said, tt.says)
		}
		if _, code := check(t, tt.mode, tt.old, tt.new, "--strict"); code != 78 {
			t.Errorf("%s: with --strict check ends with %d", tt.sentence, code)
		}
		if said, code := check(t, tt.mode, tt.old, tt.new, "--json"); code != 0 || strings.Count(said, `"severity": "warning"`) != 1 {
			t.Errorf("%s: with --json check ends with %d and says %s", tt.sentence, code, said)
		}
	}
}
