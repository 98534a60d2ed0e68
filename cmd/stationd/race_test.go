//go:build race

package main

// raced is how many times as much memory a program takes that the race detector
// watches: it keeps a shadow of everything.
const raced = 2
