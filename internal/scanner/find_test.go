package scanner

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A tree is a folder that looks like /sys and /dev.
type tree struct{ deviceRoots }

func newTree(t *testing.T) tree {
	t.Helper()
	root := t.TempDir()
	tr := tree{deviceRoots{sys: filepath.Join(root, "sys"), dev: filepath.Join(root, "dev")}}
	for _, dir := range []string{"sys/class/tty", "sys/class/input", "sys/devices", "dev"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// A line without hardware, as every computer has them.
	if err := os.MkdirAll(filepath.Join(tr.sys, "class/tty/tty0"), 0o755); err != nil {
		t.Fatal(err)
	}
	return tr
}

// line adds a serial line on a USB device, as the kernel shows it. below is the
// level between the interface and the line: "" for cdc_acm, the line's name for
// usb-serial.
func (tr tree) line(t *testing.T, name, at, below, vendor, product, serial string) {
	t.Helper()
	usb := filepath.Join(tr.sys, "devices/usb1", at)
	device := filepath.Join(usb, at+":1.0", below)
	tty := filepath.Join(device, "tty", name)
	for _, err := range []error{
		os.MkdirAll(tty, 0o755),
		os.WriteFile(filepath.Join(usb, "idVendor"), []byte(vendor+"\n"), 0o644),
		os.WriteFile(filepath.Join(usb, "idProduct"), []byte(product+"\n"), 0o644),
		os.WriteFile(filepath.Join(usb, "serial"), []byte(serial+"\n"), 0o644),
		os.Symlink(device, filepath.Join(tty, "device")),
		os.Symlink(tty, filepath.Join(tr.sys, "class/tty", name)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// input adds an input device, as the kernel shows it.
func (tr tree) input(t *testing.T, name, vendor, product, serial, says, keys string) {
	t.Helper()
	device := filepath.Join(tr.sys, "devices/usb1", name, "input/input1")
	event := filepath.Join(device, name)
	for _, err := range []error{
		os.MkdirAll(event, 0o755),
		os.MkdirAll(filepath.Join(device, "id"), 0o755),
		os.MkdirAll(filepath.Join(device, "capabilities"), 0o755),
		os.WriteFile(filepath.Join(device, "id/vendor"), []byte(vendor+"\n"), 0o644),
		os.WriteFile(filepath.Join(device, "id/product"), []byte(product+"\n"), 0o644),
		os.WriteFile(filepath.Join(device, "uniq"), []byte(serial+"\n"), 0o644),
		os.WriteFile(filepath.Join(device, "name"), []byte(says+"\n"), 0o644),
		os.WriteFile(filepath.Join(device, "capabilities/key"), []byte(keys+"\n"), 0o644),
		os.Symlink(device, filepath.Join(event, "device")),
		os.Symlink(event, filepath.Join(tr.sys, "class/input", name)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// device adds the device file of a line, as a link to another.
func (tr tree) device(t *testing.T, name, to string) {
	t.Helper()
	if err := os.Symlink(to, filepath.Join(tr.dev, name)); err != nil {
		t.Fatal(err)
	}
}

// unplug takes a line away.
func (tr tree) unplug(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(tr.sys, "class/tty", name)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(tr.dev, name)); err != nil {
		t.Fatal(err)
	}
}

func TestPortsAreFoundByTheirUSBNumbers(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.line(t, "ttyACM0", "1-1", "", "0c2e", "0b6a", "SN12345")
	tr.line(t, "ttyUSB0", "1-2", "ttyUSB0", "0403", "6001", "A1")
	tr.line(t, "ttyUSB1", "1-3", "ttyUSB1", "0403", "6001", "B2")
	tests := []struct {
		name, port string
		want       string // under dev
		fault      string
	}{
		{"a path is itself", "/dev/serial/by-id/x", "/dev/serial/by-id/x", ""},
		{"a reader that is a USB device", "usb:0C2E:0B6A", tr.dev + "/ttyACM0", ""},
		{"one of two equal adapters", "usb:0403:6001:B2", tr.dev + "/ttyUSB1", ""},
		{"two equal adapters are not guessed at", "usb:0403:6001", "", "fits " + tr.dev + "/ttyUSB0 and " + tr.dev + "/ttyUSB1; add the serial number, or name one of these, or a path under /dev/serial/by-id"},
		{"a reader that is elsewhere", "usb:05e0:1701", "", "not there, plug the reader in"},
		{"another serial number", "usb:0c2e:0b6a:SN1", "", "not there, plug the reader in"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := tr.find(test.port)
			fault := ""
			if err != nil {
				fault = err.Error()
			}
			if got != test.want || fault != test.fault {
				t.Errorf("find(%q) = %q, %q; want %q, %q", test.port, got, fault, test.want, test.fault)
			}
		})
	}
}

func TestOfTwoReadersWithoutSerialNumbersEachIsNamedByItsPlace(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	folder := filepath.Join(tr.dev, "serial/by-path")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	var links []string
	for i, name := range []string{"ttyUSB0", "ttyUSB1"} {
		at := fmt.Sprint("1-", i+1)
		tr.line(t, name, at, name, "1a86", "7523", "")
		link := filepath.Join(folder, "platform-usb-0:"+at+":1.0-port0")
		for _, err := range []error{os.WriteFile(filepath.Join(tr.dev, name), nil, 0o644), os.Symlink("../../"+name, link)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		links = append(links, link)
	}
	for i, plugged := range tr.plugged(serialLines) {
		if plugged.Port != links[i] {
			t.Errorf("%s is named %s, want %s", plugged.Path, plugged.Port, links[i])
		}
	}
	want := "fits " + links[0] + " and " + links[1] + "; add the serial number, or name one of these, or a path under /dev/serial/by-id"
	if _, err := tr.find("usb:1a86:7523"); err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}
