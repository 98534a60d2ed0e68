// Package config reads stationd's one configuration file, strictly: every
// fault of a file is found in one pass and reported with its line and column,
// what is wrong there and what is allowed instead. An unknown key is a fault.
// Only an error in the TOML itself ends the reading, because what follows it cannot be
// parsed with any certainty.
//
// A section is decoded into a plain struct of the package that owns it, by
// [File.Section] and [File.Tables]; that package needs to know nothing of this
// one. The bindings ([[on]]) belong to no such package: they are compiled here, into a
// station.Program.
package config
