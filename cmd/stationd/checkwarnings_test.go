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
