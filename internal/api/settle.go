package api

import "time"

const (
	// packetTime is how long a packet may still be under way that nobody sends any
	// more: the segment lifetime that Linux keeps (half of its TIME-WAIT).
	packetTime = 30 * time.Second

	// proxyTime is how long the kernel of a proxy may go on sending what this station
	// gave up. Linux lets go of a connection that nobody holds any more after eight
	// more tries, each at twice the distance of the last: 102 s at the shortest.
	proxyTime = 105 * time.Second
)

// SettleLeast is how long after an attempt was given up an absence proves nothing
// yet, at the least: a packet of it may be under way, and then the vendor may take
// as long to do it as one waits for its answer. This station's own kernel sends
// nothing any more; see conn.
func SettleLeast(byProxy bool) time.Duration {
	least := packetTime + ResponseTime
	if byProxy {
		least += proxyTime
	}
	return least
}

// RelayPatience is how long after a station has asked a relay of the plant for something the
// relay may still begin it. It is as long as an ask waits there for its turn and one read
// takes.
const RelayPatience = 40 * time.Second

// SettleByRelay is SettleLeast for a station that asks a relay: what the relay begins last
// may take as long as finding and reaching the vendor takes until it leaves. byProxy is
// whether the relay reaches the vendor by a proxy.
func SettleByRelay(byProxy bool) time.Duration {
	return SettleLeast(byProxy) + RelayPatience + LookTime + 2*ConnectTime
}
