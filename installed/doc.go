// Package installed boots a real Debian with systemd under QEMU, in which stationd
// is installed as on a plant: with apt, from the package that is shipped, by the
// steps of deploy/README.md. Unlike the emulated board (package hil) nothing of the
// guest's user space is ours but stationd; the lines, the readers, the network and
// the vendors are.
//
// A test reads as what a technician does and sees:
//
//	guest := installed.Boot(t, installed.Setting{Plant: plant.Addr()})
//	guest.Run("systemctl start stationd")
//	guest.Push(17)
//	guest.Lamp(22, installed.Steady, time.Minute)
//	guest.PowerCut()
//	guest.PowerOn()
//
// Its tests stand behind the build tag installed; they need the Debian packages that
// [Missing] names, and make the guest's card on first use under build/installed.
package installed
