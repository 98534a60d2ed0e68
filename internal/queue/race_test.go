//go:build race

package queue

// raceDetector: it takes memory of its own, and has sync.Pool give some away.
const raceDetector = true
