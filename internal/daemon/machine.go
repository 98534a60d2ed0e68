package daemon

import (
	"bytes"
	"os"
)

// machine names this computer as its maker did, or as its system was named when it
// was installed; "" where neither is known. A Raspberry Pi has its serial number in
// the device tree (Devicetree Specification, 3.2, property serial-number):
//
//	31 30 30 30 30 30 30 30 61 62 63 64 65 66 30 31 00     10000000abcdef01
func machine() string {
	for _, path := range []string{"/sys/firmware/devicetree/base/serial-number", "/etc/machine-id"} {
		text, err := os.ReadFile(path)
		if name := bytes.Trim(text, "\x00\n "); err == nil && len(name) > 0 {
			return string(name)
		}
	}
	return ""
}
