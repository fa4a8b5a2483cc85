package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what commands print into the scripts' golden files")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"martlet": main})
}

// TestScripts runs the real commands; `serve` and `stop` start and end a real
// process.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata", UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Values["servers"] = map[string]*process{}
			env.Defer(func() {
				for _, p := range env.Values["servers"].(map[string]*process) {
					p.kill()
				}
			})
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": cmdServe, "stop": cmdStop, "kill9": cmdKill, "loopback": cmdLoopback, "unstamp": cmdUnstamp, "mail": cmdMail, "ask": cmdAsk,
		},
	})
}

// process is a running `martlet serve` and what it has logged.
type process struct {
	cmd  *exec.Cmd
	log  logBuffer
	done chan error
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// logBuffer collects the log and tells when a line matches.
type logBuffer struct {
	add  chan []byte
	want chan logWant
}

type logWant struct {
	re    *regexp.Regexp
	found chan []string
}

func newLogBuffer() logBuffer {
	l := logBuffer{make(chan []byte), make(chan logWant)}
	go func() {
		var text bytes.Buffer
		var waiting []logWant
		for {
			select {
			case b := <-l.add:
				text.Write(b)
			case w := <-l.want:
				waiting = append(waiting, w)
			}
			var still []logWant
			for _, w := range waiting {
				if m := w.re.FindStringSubmatch(text.String()); m != nil {
					w.found <- m
				} else {
					still = append(still, w)
				}
			}
			waiting = still
		}
	}()
	return l
}

func (l logBuffer) Write(b []byte) (int, error) {
	l.add <- bytes.Clone(b)
	return len(b), nil
}

// wait returns the submatches of the first line that matches.
func (l logBuffer) wait(ts *testscript.TestScript, expr string, done <-chan error) []string {
	found := make(chan []string, 1)
	l.want <- logWant{regexp.MustCompile(expr), found}
	select {
	case m := <-found:
		return m
	case err := <-done:
		ts.Fatalf("the server ended before it logged %s: %v", expr, err)
	case <-time.After(time.Minute):
		ts.Fatalf("the server did not log %s", expr)
	}
	return nil
}

// cmdServe starts a server: serve CONFIG. $smtp, $http and so on are then the
// addresses it listens on.
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: serve config")
	}
	self, err := exec.LookPath(filepath.Join(strings.Split(ts.Getenv("PATH"), string(os.PathListSeparator))[0], "martlet"))
	ts.Check(err)
	p := &process{cmd: exec.Command(self, "serve", "-c", ts.MkAbs(args[0])), log: newLogBuffer(), done: make(chan error, 1)}
	p.cmd.Dir, p.cmd.Stderr = ts.MkAbs("."), p.log
	ts.Check(p.cmd.Start())
	go func() { p.done <- p.cmd.Wait() }()
	ts.Value("servers").(map[string]*process)[args[0]] = p
	p.log.wait(ts, `msg=ready`, p.done)
	for _, door := range doors() {
		if listens(ts, args[0], door) {
			ts.Setenv(door, p.log.wait(ts, `msg=listening door=`+door+` address=(\S+)`, p.done)[1])
		}
	}
}

func listens(ts *testscript.TestScript, config, door string) bool {
	c, err := loadConfig(ts.MkAbs(config))
	ts.Check(err)
	return len(c.listeners(door)) > 0
}

// cmdStop ends a server as systemd does and wants it to end well: stop CONFIG.
func cmdStop(ts *testscript.TestScript, neg bool, args []string) {
	p := ts.Value("servers").(map[string]*process)[args[0]]
	ts.Check(p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-p.done:
		ts.Check(err)
	case <-time.After(time.Minute):
		ts.Fatalf("the server did not stop")
	}
	delete(ts.Value("servers").(map[string]*process), args[0])
}

// cmdKill ends a server as a power cut does: kill9 CONFIG.
func cmdKill(ts *testscript.TestScript, neg bool, args []string) {
	servers := ts.Value("servers").(map[string]*process)
	servers[args[0]].kill()
	delete(servers, args[0])
}

var listenLine = regexp.MustCompile(`(?m)^listen = "[^"]*"`)

// cmdLoopback makes every listener of a configuration take a free port:
// loopback CONFIG.
func cmdLoopback(ts *testscript.TestScript, neg bool, args []string) {
	text := listenLine.ReplaceAllString(ts.ReadFile(args[0]), `listen = "127.0.0.1:0"`)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// cmdUnstamp writes a file's text without what differs from run to run, under
// another name: unstamp FROM TO.
func cmdUnstamp(ts *testscript.TestScript, neg bool, args []string) {
	text := regexp.MustCompile(`\$argon2id\$[^'"]*|SCRAM-SHA-256\$[^'"]*`).ReplaceAllString(ts.ReadFile(args[0]), "HASH")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}
