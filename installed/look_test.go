//go:build installed

package installed_test

import (
	"os"
	"testing"

	"stationd/installed"
)

// TestLook boots a guest, installs the package and runs the script that
// $STATIOND_INSTALLED_LOOK holds as root, for whoever wants to see something there.
func TestLook(t *testing.T) {
	script := os.Getenv("STATIOND_INSTALLED_LOOK")
	if script == "" {
		t.Skip("nobody looks: STATIOND_INSTALLED_LOOK holds no script")
	}
	debians, err := installed.SelectedDebians()
	if err != nil {
		t.Fatal(err)
	}
	for _, debian := range debians {
		vendors := openPlant(t)
		s := &fixture{Guest: installed.Boot(t, installed.Setting{Debian: debian, Plant: vendors.Addr()}), vendors: vendors, debian: debian}
		s.install(pkg(t, debian.Arch))
		text, err := s.Try(script)
		t.Logf("%s (%v)\n%s", debian, err, text)
	}
}
