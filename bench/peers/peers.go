// Package peers has the programs that stationd is measured against, as text.
package peers

import "embed"

// Files are their sources: c/bare.c and c/spent.c, station.py, and Node-RED's package.json,
// settings.js and flows.json, in which @TTY@ and @URL@ stand for the line and the address.
//
//go:embed c/bare.c c/spent.c station.py package.json settings.js flows.json
var Files embed.FS
