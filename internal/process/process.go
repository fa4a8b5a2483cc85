// Package process runs a real martlet binary for tests and benchmarks: built,
// configured, started, killed and stopped as on a machine of its own. It must
// never look into the server other than a command or a client could.
package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Installation is a martlet binary with its configuration and an empty store.
type Installation struct {
	t          testing.TB
	Dir        string    // holds martlet, martlet.toml and data
	HTTP, SMTP string    // addresses, the same after every start
	Log        io.Writer // gets every line that a server logs, when set before Start
}

// Install builds the binary and configures it: plain HTTP and SMTP on loopback,
// warnings logged as JSON.
func Install(t testing.TB) *Installation {
	t.Helper()
	free := freeAddresses(t, 2)
	in := &Installation{t: t, Dir: t.TempDir(), HTTP: free[0], SMTP: free[1]}
	build := exec.Command("go", "build", "-o", in.binary(), "martlet/cmd/martlet")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	text := fmt.Sprintf("hostname = \"mail.process.example\"\n[store]\npath = \"data\"\n[log]\nlevel = \"warn\"\nformat = \"json\"\n[http]\nlisten = %q\n[smtp]\nlisten = %q\nsessions_per_host = 0\n", in.HTTP, in.SMTP)
	if err := os.WriteFile(in.config(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(in.Dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	return in
}

func (in *Installation) binary() string { return filepath.Join(in.Dir, "martlet") }
func (in *Installation) config() string { return filepath.Join(in.Dir, "martlet.toml") }

// freeAddresses are addresses that were free a moment ago, each another one.
func freeAddresses(t testing.TB, n int) (all []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // when all are found, or the next might be the same
		all = append(all, l.Addr().String())
	}
	return all
}

// Configure adds to the configuration, for the next start.
func (in *Installation) Configure(text string) {
	in.t.Helper()
	f, err := os.OpenFile(in.config(), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		in.t.Fatal(err)
	}
}

// Run runs a command of the binary to its end and returns what it printed. An
// exit status other than 0 fails the test.
func (in *Installation) Run(stdin string, args ...string) string {
	in.t.Helper()
	out, err := in.Try(stdin, args...)
	if err != nil {
		in.t.Fatalf("martlet %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// Try is Run for a command that may fail. The error is that of the process.
func (in *Installation) Try(stdin string, args ...string) (string, error) {
	cmd := exec.Command(in.binary(), append(args, "-c", in.config())...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Server is a running server.
type Server struct {
	cmd    *exec.Cmd
	pid    int // of the process that serves: another one after an upgrade
	exited chan error
	log    *tail
}

// Start runs the server and returns when both doors accept connections.
func (in *Installation) Start(ctx context.Context) *Server {
	in.t.Helper()
	p := &Server{cmd: exec.Command(in.binary(), "serve", "-c", in.config()), exited: make(chan error, 1), log: &tail{all: in.Log}}
	out, err := p.cmd.StderrPipe()
	if err != nil {
		in.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
	p.pid = p.cmd.Process.Pid
	go func() {
		p.log.follow(out)
		p.exited <- p.cmd.Wait()
	}()
	deadline := time.Now().Add(20 * time.Second)
	for _, address := range []string{in.HTTP, in.SMTP} {
		for {
			conn, err := net.DialTimeout("tcp", address, time.Second)
			if err == nil {
				conn.Close()
				break
			}
			select {
			case err := <-p.exited:
				in.t.Fatalf("the server ended at its start: %v\n%s", err, p.log)
			case <-ctx.Done():
				in.t.Fatal(ctx.Err())
			case <-time.After(2 * time.Millisecond):
			}
			if time.Now().After(deadline) {
				p.Kill()
				in.t.Fatalf("the server does not listen\n%s", p.log)
			}
		}
	}
	return p
}

// Succeeded says that the server was replaced by another process, which Kill,
// Stop and PID are about from then on.
func (p *Server) Succeeded(pid int) { p.pid = pid }

// Signal sends a signal to the process.
func (p *Server) Signal(s syscall.Signal) error { return syscall.Kill(p.pid, s) }

// Kill ends the process as a power cut would.
func (p *Server) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.exited
}

// Stop ends it as an administrator would.
func (p *Server) Stop() error {
	p.Signal(syscall.SIGTERM)
	return <-p.exited // when all who write to its log have ended
}

// PID is the process's number, for /proc.
func (p *Server) PID() int { return p.pid }

// Log is the last lines that the server logged. Call it after Kill or Stop.
func (p *Server) Log() string { return p.log.String() }

// tail keeps the last lines that the server logged.
type tail struct {
	lines []string
	all   io.Writer
}

func (l *tail) follow(r io.Reader) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if l.all != nil {
			fmt.Fprintln(l.all, s.Text())
		}
		if l.lines = append(l.lines, s.Text()); len(l.lines) > 40 {
			l.lines = l.lines[1:]
		}
	}
}

func (l *tail) String() string { return strings.Join(l.lines, "\n") }
