// Engines compares what keeps a queue on disk, stationd's own outbox among them, and writes
// what it found as JSON. It is a program of its own because it takes minutes to build.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"stationd/bench/store"
)

func main() {
	dir := flag.String("dir", "", "an empty folder on the disk that is measured")
	rounds := flag.Int("rounds", 3, "how often each thing is measured")
	flag.Parse()
	if err := run(*dir, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "engines:", err)
		os.Exit(1)
	}
}

func run(dir string, rounds int) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	rows, err := store.Compare(ctx, dir, append(store.Kinds(), others()...), store.Size{Records: 150, Cycles: 100, Counted: 40, Rounds: rounds, Writers: 16, Each: 100})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(rows)
}
