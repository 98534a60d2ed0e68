package httpserver

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// errNoPeer says that the other end of a connection is not open any more, or not in this
// machine's network.
var errNoPeer = errors.New("the connection has ended")

// PeerUID returns the account whose process has the other end of a connection over the
// loopback. local and remote are the addresses of this end. The kernel says so, in
// /proc/net/tcp and tcp6 (see proc_pid_net(5)). An error says that it cannot be known.
func PeerUID(local, remote netip.AddrPort) (uid uint32, err error) {
	// "self" is there where the rest of /proc is hidden.
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		uid, err = peerIn(table, unmapped(local), unmapped(remote))
		if err == nil {
			return uid, nil
		}
		if !errors.Is(err, errNoPeer) && !errors.Is(err, os.ErrNotExist) { // there is no tcp6 without IPv6
			return 0, err
		}
	}
	return 0, errNoPeer
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// peerIn finds the other end in one of the kernel's tables: the socket whose own
// address is remote.
//
//	sl  local_address rem_address   st tx_queue:rx_queue tr:tm->when retrnsmt   uid  timeout inode
//	 1: 0100007F:C350 0100007F:20E4 01 00000000:00000000 00:00000000 00000000  1000        0 50123 …
//
// Only a socket that is established and has an inode counts: of one that its process
// has closed already the kernel says 0, which would be root.
func peerIn(table string, local, remote netip.AddrPort) (uint32, error) {
	const established = "01"
	file, err := os.Open(table)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		field := strings.Fields(lines.Text())
		if len(field) < 10 || field[3] != established || field[9] == "0" {
			continue
		}
		own, errOwn := parseAddrPort(field[1])
		other, errOther := parseAddrPort(field[2])
		if errOwn != nil || errOther != nil || own != remote || other != local {
			continue
		}
		uid, err := strconv.ParseUint(field[7], 10, 32)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", table, err)
		}
		return uint32(uid), nil
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("%s: %w", table, err)
	}
	return 0, errNoPeer
}

// parseAddrPort reads an address as the kernel writes it: words of four bytes in the
// machine's own order, and a port.
func parseAddrPort(text string) (netip.AddrPort, error) {
	address, port, _ := strings.Cut(text, ":")
	words, err := hex.DecodeString(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for i := 0; i+4 <= len(words); i += 4 {
		binary.NativeEndian.PutUint32(words[i:], binary.BigEndian.Uint32(words[i:]))
	}
	a, ok := netip.AddrFromSlice(words)
	n, err := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address", text)
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), nil
}
