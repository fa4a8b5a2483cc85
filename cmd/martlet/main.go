// Martlet is an Exchange ActiveSync server with its own mail core: one binary.
// This package turns flags and configuration into a running server and into
// requests to one; it must never decide anything about mail or phones.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

func main() {
	useTheCore()
	os.Exit(run())
}

// useTheCore lets a machine with one core work while a commit waits for its
// disk: with one processor in Go's sense nothing else runs until the runtime has
// noticed, which takes up to ten milliseconds. Who sets GOMAXPROCS knows better.
func useTheCore() {
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < 2 {
		runtime.GOMAXPROCS(2)
	}
}

// run is main without the exit, so that deferred work is done.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := newApp(os.Stdin, os.Stdout, os.Stderr)
	if err := a.root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "martlet: "+plainError(err))
		return 1
	}
	return 0
}

// plainError takes our packages' names off the front of an error: they mean
// nothing to who typed the command.
func plainError(err error) string {
	text := err.Error()
	for {
		name, rest, ok := strings.Cut(text, ": ")
		switch name {
		case "directory", "admin", "store", "blob", "mailbox", "archive", "gateway", "phone", "share", "mail", "transfer", "migrate", "queue":
		default:
			ok = false
		}
		if !ok {
			return text
		}
		text = rest
	}
}
