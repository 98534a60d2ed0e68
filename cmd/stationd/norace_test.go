//go:build !race

package main

// raced is 1: the race detector watches nothing here.
const raced = 1
