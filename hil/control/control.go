// Package control is what the test and a program in the guest say to each other,
// one JSON value a line, over a virtio serial port: the test sends an [Order], the
// guest sends one [Answer] to it. Before the first order it sends one Answer of its
// own accord. On the emulated board that is init, when the program has been started;
// in an installed Debian it is a service, which knows Exec and Put alone.
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
	Put   = "put"   // write Body to the file Path with Mode, whole
)

// An Order is one thing init should do.
type Order struct {
	Do     string `json:"do"`
	Script string `json:"script,omitempty"`
	Nanos  int64  `json:"nanos,omitempty"` // since 1970
	Path   string `json:"path,omitempty"`
	Mode   uint32 `json:"mode,omitempty"` // the permissions
	Body   []byte `json:"body,omitempty"`
}

// An Answer is what came of an order. Error is empty when it was carried out.
type Answer struct {
	Text  string `json:"text,omitempty"`
	Error string `json:"error,omitempty"`
}
