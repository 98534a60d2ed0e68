//go:build race

package main

// raced is how many times as much memory a program may take that the race detector
// watches: it keeps a shadow of everything, "memory usage may increase by 5-10x"
// (https://go.dev/doc/articles/race_detector).
const raced = 10
