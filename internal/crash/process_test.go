package crash

import (
	"bufio"
	"context"
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

const (
	login    = "robin@crash.example"
	password = "never-lands-here"
)

// installation is a martlet binary with its configuration and store.
type installation struct {
	t          *testing.T
	binary     string
	config     string
	http, smtp string // addresses, the same after every start
}

// install builds the binary and sets up a server with one user.
func install(t *testing.T) *installation {
	t.Helper()
	dir := t.TempDir()
	in := &installation{t: t, binary: filepath.Join(dir, "martlet"), config: filepath.Join(dir, "martlet.toml"), http: freeAddress(t), smtp: freeAddress(t)}
	build := exec.Command("go", "build", "-o", in.binary, "martlet/cmd/martlet")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	text := fmt.Sprintf("hostname = \"crash.example\"\n[store]\npath = \"data\"\n[log]\nlevel = \"warn\"\nformat = \"json\"\n[http]\nlisten = %q\n[smtp]\nlisten = %q\nsessions_per_host = 0\n", in.http, in.smtp)
	if err := os.WriteFile(in.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	in.run(password+"\n", "user", "add", login, "--new-domain", "--password-stdin")
	return in
}

// freeAddress is an address that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// run runs a command of the binary to its end and returns what it printed.
func (in *installation) run(stdin string, args ...string) string {
	in.t.Helper()
	cmd := exec.Command(in.binary, append(args, "-c", in.config)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		in.t.Fatalf("martlet %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// process is a running server.
type process struct {
	cmd    *exec.Cmd
	exited chan error
	stderr *tail
}

// start runs the server and returns when both doors accept connections.
func (in *installation) start(ctx context.Context) *process {
	in.t.Helper()
	p := &process{cmd: exec.Command(in.binary, "serve", "-c", in.config), exited: make(chan error, 1), stderr: &tail{}}
	out, err := p.cmd.StderrPipe()
	if err != nil {
		in.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
	go func() {
		p.stderr.follow(out)
		p.exited <- p.cmd.Wait()
	}()
	deadline := time.Now().Add(20 * time.Second)
	for _, address := range []string{in.http, in.smtp} {
		for {
			conn, err := net.DialTimeout("tcp", address, time.Second)
			if err == nil {
				conn.Close()
				break
			}
			select {
			case err := <-p.exited:
				in.t.Fatalf("the server ended at its start: %v\n%s", err, p.stderr)
			case <-ctx.Done():
				in.t.Fatal(ctx.Err())
			case <-time.After(2 * time.Millisecond):
			}
			if time.Now().After(deadline) {
				p.kill()
				in.t.Fatalf("the server does not listen\n%s", p.stderr)
			}
		}
	}
	return p
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.exited
}

// stop ends it as an administrator would.
func (p *process) stop() error {
	p.cmd.Process.Signal(syscall.SIGTERM)
	return <-p.exited
}

// tail keeps the last lines that the server logged.
type tail struct{ lines []string }

func (l *tail) follow(r io.Reader) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if l.lines = append(l.lines, s.Text()); len(l.lines) > 40 {
			l.lines = l.lines[1:]
		}
	}
}

func (l *tail) String() string { return strings.Join(l.lines, "\n") }
