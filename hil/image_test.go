package hil

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheNewestPlainKernelIsTriedFirst(t *testing.T) {
	t.Parallel()
	const found = `linux-image-6.1.0-9-arm64-unsigned - Linux 6.1 for 64-bit ARMv8 machines
linux-image-6.1.0-10-arm64-unsigned - Linux 6.1 for 64-bit ARMv8 machines
linux-image-6.1.0-11-cloud-arm64-unsigned - Linux 6.1 for arm64 cloud
linux-image-6.1.0-11-rt-arm64-unsigned - Linux 6.1 for 64-bit ARMv8 machines, PREEMPT_RT
linux-image-6.12.9+deb12-arm64-unsigned - Linux 6.12 for 64-bit ARMv8 machines
linux-image-6.12.10+deb12-arm64-unsigned - Linux 6.12 for 64-bit ARMv8 machines
linux-image-6.12.11+deb12-rt-arm64-unsigned - Linux 6.12 for 64-bit ARMv8 machines, PREEMPT_RT
`
	want := []string{
		"linux-image-6.12.10+deb12-arm64-unsigned",
		"linux-image-6.12.9+deb12-arm64-unsigned",
		"linux-image-6.1.0-10-arm64-unsigned",
		"linux-image-6.1.0-9-arm64-unsigned",
	}
	if diff := cmp.Diff(want, newestFirst(found, "arm64-unsigned")); diff != "" {
		t.Errorf("kernels (-want +got):\n%s", diff)
	}
}

func TestAnInitramfsIsUnpackedByCpio(t *testing.T) {
	t.Parallel()
	cpio, err := exec.LookPath("cpio")
	if err != nil {
		t.Skip("NOT PROVED without the Debian package cpio: that another program reads the initramfs")
	}
	a := archive{}
	a.add("/init", 0o755, []byte("#!/bin/sh\n"))
	a.add("/etc/stationd/l2l.key", 0o600, []byte("secret"))
	a.add("/etc/empty", 0o644, nil)
	var b bytes.Buffer
	if err := a.writeTo(&b); err != nil {
		t.Fatal(err)
	}
	list := exec.Command(cpio, "--list", "--quiet", "--verbose", "--numeric-uid-gid")
	list.Stdin = bytes.NewReader(b.Bytes())
	list.Env = []string{"TZ=UTC", "LC_ALL=C"}
	got, err := list.Output()
	if err != nil {
		t.Fatalf("cpio: %v", err)
	}
	const want = `drwxr-xr-x   1 0        0               0 Jan  1  1970 etc
drwxr-xr-x   1 0        0               0 Jan  1  1970 etc/stationd
-rw-r--r--   1 0        0               0 Jan  1  1970 etc/empty
-rw-------   1 0        0               6 Jan  1  1970 etc/stationd/l2l.key
-rwxr-xr-x   1 0        0              10 Jan  1  1970 init
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("cpio's list (-want +got):\n%s", diff)
	}
}
