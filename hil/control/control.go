// Package control is what the test and the emulated board's init say to each
// other, one JSON value a line, over a virtio serial port: the test sends an
// [Order], init sends one [Answer] to it. Before the first order init sends one
// Answer of its own accord, when the program has been started.
//
//	{"do":"exec","script":"ls /var/lib/stationd"}
//	{"text":"outbox.db\n"}
package control

// Port is the name of the virtio serial port, as the guest finds it in
// /sys/class/virtio-ports/*/name.
const Port = "hil"

// The orders.
const (
	Exec  = "exec"  // run Script with the guest's shell; the answer's Text is what it printed
	Clock = "clock" // set the clock to Nanos and tell the kernel that it is synchronised
	Stop  = "stop"  // SIGTERM to the program, and leave it stopped; the answer's Text is how it ended
	Edges = "edges" // the answer's Text is how many edges the kernel has remembered since this was first asked
	Start = "start" // start the program again after Stop or a final exit
)

// An Order is one thing init should do.
type Order struct {
	Do     string `json:"do"`
	Script string `json:"script,omitempty"`
	Nanos  int64  `json:"nanos,omitempty"` // since 1970
}

// An Answer is what came of an order. Error is empty when it was carried out.
type Answer struct {
	Text  string `json:"text,omitempty"`
	Error string `json:"error,omitempty"`
}
