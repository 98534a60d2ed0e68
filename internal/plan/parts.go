package plan

// The parts of a station that can fail without keeping it from recording, as faults
// call them. check refuses an input or a lamp of one of these names: they are in
// config.Parts.
const (
	PartConfiguration = "configuration"
	PartPage          = "page"
	PartControl       = "control"
	PartMetrics       = "metrics"
	PartData          = "data"
	PartStarts        = "starts"
	PartAlert         = "alert"
)
