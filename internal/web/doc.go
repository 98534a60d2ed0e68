// Package web shows the station to people and takes their decisions: a status page
// for whoever stands at the line, and /healthz and /metrics for machines.
//
// It decides nothing itself. What it shows comes from a Station, and what a person
// decides goes to an operator.Recorder, so that a click takes the same way to the disk
// as a press.
//
// The page works without a script: everything it says is in its HTML. With one it
// follows the station by server-sent events. It is drawn once for all viewers, and
// again only when something it shows has changed (mainCache). A viewer on this machine
// may decide; one elsewhere is a visitor, who may only look. Nothing here has a key,
// and so nothing here can show one.
package web
