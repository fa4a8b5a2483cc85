package benchmark

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"martlet/internal/process"
)

// restingMailboxes is how many mailboxes the server at rest has.
const restingMailboxes = 10_000

// BenchmarkAtRest measures the resident memory of a server with 10,000
// mailboxes, each with its folders and a message, some seconds after its start.
func BenchmarkAtRest(b *testing.B) {
	ctx := context.Background()
	in := process.Install(b)
	settle(b, in, restingMailboxes)
	server := in.Start(ctx)
	s := dial(b, in.SMTP)
	const each = 100
	for i := 0; i < restingMailboxes; i += each {
		var to []string
		for n := range each {
			to = append(to, login(i+n))
		}
		s.send(message(fmt.Sprintf("to %d and others", i), 10_000), to...)
	}
	filled := resident(b, server.PID())
	if err := server.Stop(); err != nil {
		b.Fatalf("%v\n%s", err, server.Log())
	}
	server = in.Start(ctx)
	timer := time.NewTimer(5 * time.Second)
	<-timer.C
	rested := resident(b, server.PID())
	if err := server.Stop(); err != nil {
		b.Fatalf("%v\n%s", err, server.Log())
	}
	for b.Loop() { // there is nothing to repeat: memory is measured, not time
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(rested, "MB-resident")
	b.ReportMetric(filled, "MB-after-filling")
}

// resident is the resident set of a process in megabytes (Linux).
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skipf("no /proc: %v", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kb * 1024 / 1e6
		}
	}
	b.Skip("no VmRSS in /proc")
	return 0
}
