// Package web shows the station to people and takes their decisions: a status
// page for whoever stands at the line, /healthz and /metrics for machines, and
// the control socket for the operator's commands.
//
// It decides nothing itself. What it shows comes from the functions of a Desk,
// and what a person decides goes back through one of them as an event, so that a
// click takes the same way to the disk as a press.
//
// The page needs no script: what it says is in its HTML when it loads. With a
// script it is live, by server-sent events. Nothing here has a key, and so
// nothing here can show one.
package web
