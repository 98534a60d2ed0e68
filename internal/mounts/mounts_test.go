package mounts

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFstabIsReadAsMountDoes(t *testing.T) {
	t.Parallel()
	got := parseFstab(`# /etc/fstab
proc            /proc           proc    defaults          0       0
PARTUUID=1-01   /boot/firmware  vfat    defaults          0       2
PARTUUID=1-02   /               ext4    defaults,noatime  0       1
LABEL=data      /var/lib/stationd/ ext4 nofail,noauto     0       2
/swap           none            swap    sw                0       0
/srv/a\040b     /mnt/a\040b     none    bind
broken
`)
	want := []partition{{"proc", "/proc", false}, {"PARTUUID=1-01", "/boot/firmware", false}, {"LABEL=data", "/var/lib/stationd", false}, {`/srv/a\040b`, "/mnt/a b", true}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(partition{})); diff != "" {
		t.Error(diff)
	}
}

func TestTheUpperLayerOfAnOverlayIsFoundInWhatTheKernelSays(t *testing.T) {
	t.Parallel()
	got := parseMounts("28 1 0:25 / / rw,relatime - overlay overlay rw,lowerdir=/lower,upperdir=/upper/data\n36 28 8:2 / /var/lib/sta\\040tiond rw master:1 - ext4 /dev/mmcblk0p3 rw\nbroken\n")
	want := []mount{{"/", "overlay", "rw,lowerdir=/lower,upperdir=/upper/data"}, {"/var/lib/sta tiond", "ext4", "rw"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(mount{})); diff != "" {
		t.Error(diff)
	}
	for path, beside := range map[string]bool{"/var/lib/stationd": true, "/var/lib/stationd/history": true, "/var/lib/stationdata": false, "/var": false} {
		if beneath(path, "/var/lib/stationd") != beside {
			t.Errorf("%s in /var/lib/stationd: %v", path, !beside)
		}
	}
}
