#!/usr/bin/env bash
# A Debian as somebody has it who installs stationd: image.sh SUITE ARCH DIRECTORY
# makes root.img (ext4), vmlinuz and initrd.img in DIRECTORY with mmdebstrap, from
# the mirrors that this machine's apt uses. $GUEST is the program that takes the
# test's orders, built for ARCH.
set -euo pipefail

# What a Pi's or a PC's installation has and a bare one has not. ed is the editor,
# dmsetup makes cards that fail.
packages=systemd-sysv,systemd-timesyncd,udev,dbus,kmod,procps,iproute2,ca-certificates,passwd,login,adduser,sudo,ed,dmsetup,e2fsprogs,tiny-initramfs

# What of the kernel's package no test needs: unpacking it takes longer than all else.
unneeded=(drivers/gpu drivers/media drivers/infiniband drivers/net/wireless drivers/net/ethernet
	drivers/scsi drivers/iio sound fs/xfs fs/btrfs)

make_image() {
	local suite=$1 arch=$2 out=$3 setting part mirrors
	local options=(
		--variant=apt --architectures="$arch" --format=null --include="$packages,linux-image-$arch"
		--aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' --dpkgopt=force-unsafe-io
	)
	for part in doc man locale info; do
		options+=(--dpkgopt="path-exclude=/usr/share/$part/*")
	done
	for part in "${unneeded[@]}"; do
		options+=(--dpkgopt="path-exclude=*/lib/modules/*/kernel/$part/*")
	done
	while read -r setting; do
		options+=(--aptopt="${setting%;}")
	done < <(apt-config dump | grep -E '^Acquire::(https?::Proxy|Check-Valid-Until|Check-Date|Retries) ' || true)
	mapfile -t mirrors < <(mirrors "$suite")
	# A foreign board's lines are QEMU's; the driver is for this machine's own kind.
	local lines=none
	[[ $arch != "$(dpkg --print-architecture)" ]] || lines=gpio-sim
	mmdebstrap "${options[@]}" \
		--essential-hook="'$0' --begin \"\$1\"" \
		--customize-hook="'$0' --furnish \"\$1\" '$out' $arch $lines" \
		"$suite" /dev/null "${mirrors[@]}" </dev/null
}

# mirrors prints apt's source lines for a suite, with the addresses that this
# machine has for its own.
mirrors() {
	local own main security
	own=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	main=$(mirror_of "$own")
	security=$(mirror_of "$own-security")
	echo "deb ${main:?apt on this machine has no source for $own} $1 main"
	echo "deb ${security:?apt on this machine has no source for $own-security} $1-security main"
}

mirror_of() {
	apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		awk -v release="$1" '$1 == release { print $2; exit }'
}

# begin comes before the kernel is installed: its initramfs takes the card's driver
# and the file system's, and nothing else. An emulated processor needs half a minute
# for what Debian's usual one does, and nothing of ours depends on it.
begin() {
	mkdir -p "$1/etc/tiny-initramfs"
	printf '%s\n' AUTO_MODULES=no MICROCODE=no INCLUDE_MODULES=virtio_pci,virtio_blk,crc32c_generic,ext4 \
		>"$1/etc/tiny-initramfs/tiny-initramfs.conf"
}

furnish() {
	local root=$1 out=$2 arch=$3 lines=$4
	put() { install -D -m "${2:-644}" /dev/stdin "$root$1"; }

	echo station | put /etc/hostname
	printf '127.0.0.1 localhost station\n' | put /etc/hosts
	echo '/dev/vda / ext4 noatime,errors=remount-ro 0 1' | put /etc/fstab
	# No way out but to QEMU's own network, where the vendors are.
	put /etc/systemd/network/wired.network <<-'FILE'
		[Match]
		Type=ether
		[Network]
		Address=10.0.2.15/24
		IPv6AcceptRA=no
	FILE
	chroot "$root" systemctl -q enable systemd-networkd
	chroot "$root" systemctl -q mask systemd-networkd-wait-online

	# What comes by itself once a day would come in the middle of a test.
	local timer
	for timer in apt-daily apt-daily-upgrade dpkg-db-backup e2scrub_all fstrim; do
		ln -sf /dev/null "$root/etc/systemd/system/$timer.timer"
	done

	# The first user of a Raspberry Pi OS, with its groups, at a terminal.
	local group
	for group in gpio input dialout; do
		chroot "$root" groupadd -rf "$group"
	done
	chroot "$root" useradd -m -s /bin/bash -G sudo,gpio,input,dialout,systemd-journal technician
	echo 'technician ALL=(ALL) NOPASSWD: ALL' | put /etc/sudoers.d/technician 440
	# Wide, so that what is typed is echoed as it stands.
	echo 'stty cols 300 rows 50; export EDITOR=ed PS1="\u\$ " HISTFILE=' >>"$root/home/technician/.profile"
	put /etc/systemd/system/serial-getty@hvc0.service.d/technician.conf <<-'FILE'
		[Service]
		ExecStart=
		ExecStart=-/sbin/agetty --autologin technician --noclear %I dumb
	FILE
	chroot "$root" systemctl -q enable serial-getty@hvc0

	# What the test needs in the guest: who takes its orders, and lines.
	put /usr/local/lib/guest 755 <"$GUEST"
	put /etc/systemd/system/guest.service <<-'FILE'
		[Unit]
		Description=Takes the test's orders
		DefaultDependencies=no
		StartLimitIntervalSec=0
		[Service]
		ExecStart=/usr/local/lib/guest
		Restart=always
		KillMode=process
		OOMScoreAdjust=-900
		[Install]
		WantedBy=sysinit.target
	FILE
	chroot "$root" systemctl -q enable guest
	[[ $lines = none ]] || wire "$root" "$arch"

	# Another keeper of the clock than Debian's own, for who changes to it.
	mkdir -p "$root/root/chrony/partial"
	chroot "$root" apt-get -qq -y -o APT::Sandbox::User=root -o Dir::Cache::archives=/root/chrony \
		--download-only --no-install-recommends install chrony >/dev/null
	rm -rf "$root/root/chrony/partial" "$root/root/chrony/lock"

	# The technician installs with apt from a file, as on a plant without internet.
	rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb
	rm -f "$root"/etc/dpkg/dpkg.cfg.d/99mmdebstrap "$root"/etc/resolv.conf
	# Its first boot is behind it: nobody is asked for a locale.
	echo 5f1e6c0d8a7b4c32b1d09e8f7a6b5c4d >"$root/etc/machine-id"
	install -m 644 "$(ls "$root"/boot/vmlinuz-* | tail -n 1)" "$out/vmlinuz"
	install -m 644 "$(ls "$root"/boot/initrd.img-* | tail -n 1)" "$out/initrd.img"
	rm -f "$root"/boot/*
	# mmdebstrap keeps services from starting, and takes that back after this.
	[[ ! -e $root/usr/sbin/start-stop-daemon.REAL ]] || mv "$root/usr/sbin/start-stop-daemon.REAL" "$root/usr/sbin/start-stop-daemon"
	rm -f "$root/usr/sbin/policy-rc.d"
	truncate -s 1500M "$out/root.img"
	# Without what is mounted in it now.
	cp -al --one-file-system "$root" "$root.card"
	PATH="$PATH:/usr/sbin:/sbin" mke2fs -q -F -t ext4 -E lazy_itable_init=1 -d "$root.card" "$out/root.img"
	rm -rf "$root.card"
}

# wire gives the guest a GPIO chip whose lines are pressed and read from outside the
# program: the kernel's gpio-sim. Debian's kernels are built without it, so it is
# built here as a module from the source of the very same kernel.
wire() {
	local root=$1 arch=$2 release build=$1.build
	release=$(basename "$(ls -d "$root"/lib/modules/*)")
	cp -al --one-file-system "$root" "$build"
	# Only what the module is built with: no kernel, no manuals.
	chroot "$build" apt-get -qq -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 -o DPkg::Options::=--force-unsafe-io \
		install --no-install-recommends "linux-headers-$release" make xz-utils >/dev/null
	chroot "$build" sh -c "cd /root && apt-get -qq -o APT::Sandbox::User=root download linux-source-$(cut -d. -f1,2 <<<"$release")"
	mkdir "$build/root/lines"
	# tar stops reading when it has these files, and dpkg-deb minds.
	{ dpkg-deb --fsys-tarfile "$build"/root/linux-source-*.deb 2>/dev/null || true; } |
		tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		tar -xJ -C "$build/root/lines" --strip-components=3 --occurrence=1 --wildcards \
			'linux-source-*/drivers/gpio/gpio-sim.c' 'linux-source-*/drivers/gpio/gpiolib.h' 'linux-source-*/kernel/irq/irq_sim.c' || true
	mv "$build/root/lines/gpio-sim.c" "$build/root/lines/chip.c"
	# What the kernel keeps to itself is reached by what it exports.
	sed -i 's/irq_to_desc(\(irqnum\))/irq_data_to_desc(irq_get_irq_data(\1))/' "$build/root/lines/irq_sim.c"
	printf 'obj-m += gpio-sim.o\ngpio-sim-y := chip.o irq_sim.o\n' >"$build/root/lines/Kbuild"
	chroot "$build" make -s -C "/usr/src/linux-headers-$release" M=/root/lines modules >&2
	install -D -m 644 "$build/root/lines/gpio-sim.ko" "$root/lib/modules/$release/extra/gpio-sim.ko"
	rm -rf "$build"
	chroot "$root" depmod "$release"

	# A Pi's header, by the names that its lines have there, before udev gives
	# anybody the right to open it.
	install -m 755 /dev/stdin "$root/usr/local/lib/lines" <<-'FILE'
		#!/bin/sh -e
		modprobe gpio-sim
		cd /sys/kernel/config/gpio-sim
		mkdir -p station/header
		echo 28 >station/header/num_lines
		echo pinctrl-bcm2711 >station/header/label
		for n in $(seq 0 27); do
			mkdir "station/header/line$n"
			echo "GPIO$n" >"station/header/line$n/name"
		done
		echo 1 >station/live
	FILE
	install -m 644 /dev/stdin "$root/etc/systemd/system/lines.service" <<-'FILE'
		[Unit]
		Description=The lines of a Pi's header
		DefaultDependencies=no
		RequiresMountsFor=/sys/kernel/config
		Wants=sys-kernel-config.mount
		After=sys-kernel-config.mount
		Before=systemd-udev-trigger.service
		[Service]
		Type=oneshot
		RemainAfterExit=yes
		ExecStart=/usr/local/lib/lines
		[Install]
		WantedBy=sysinit.target
	FILE
	chroot "$root" systemctl -q enable lines
}

case "$1" in
--begin) begin "$2" ;;
--furnish) furnish "${@:2}" ;;
*) make_image "$@" ;;
esac
