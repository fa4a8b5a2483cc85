package acceptance

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A service manager hears which process is the service, and the new one speaks
// for itself afterwards (sd_notify(3)).
func TestAServiceManagerFollowsAnUpgrade(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	said := func() string {
		t.Helper()
		b := make([]byte, 100)
		if err := l.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := l.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	t.Setenv("NOTIFY_SOCKET", socket)
	h := newHouse(t, "")
	if got := said(); got != "READY=1" {
		t.Errorf("at the start it says %q", got)
	}
	for range 2 {
		h.upgrade()
		if got, want := said(), fmt.Sprint("MAINPID=", h.server.PID()); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
	h.stop()
	if got := said(); got != "STOPPING=1" {
		t.Errorf("at the end it says %q", got)
	}
}

// In a container the first process must not end before the others: it stays,
// passes signals on, and ends when they have.
func TestTheFirstProcessOfAContainerStaysForTheOthers(t *testing.T) {
	if out, err := exec.Command("unshare", "--pid", "--fork", "--mount-proc", "true").CombinedOutput(); err != nil {
		t.Skipf("no namespace of processes of its own: %v %s", err, out)
	}
	h := newHouse(t, "")
	h.stop()
	log := &lines{}
	cmd := exec.Command("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", filepath.Join(h.Dir, "martlet"), "serve", "-c", filepath.Join(h.Dir, "martlet.toml"))
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	status := func() (st upgraded) {
		t.Helper()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(30 * time.Second); ; <-tick.C {
			out, err := h.Try("", "status", "--json")
			if err == nil && json.Unmarshal([]byte(out), &st) == nil {
				return st
			}
			if time.Now().After(deadline) {
				t.Fatalf("it does not run: %s\n%s", out, log.text())
			}
		}
	}
	if pid := status().PID; pid != 1 {
		t.Fatalf("it is process %d of its container", pid)
	}
	for range 2 {
		h.Run("", "upgrade")
	}
	if pid := status().PID; pid == 1 {
		t.Error("the first process still serves")
	}
	select {
	case err := <-ended:
		t.Fatalf("the container ended with the upgrade: %v\n%s", err, log.text())
	default:
	}
	first := firstChild(t, cmd.Process.Pid)
	if err := syscall.Kill(first, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("it ends with %v\n%s", err, log.text())
	}
	if bad := log.errors(); len(bad) > 0 {
		t.Errorf("it logged %s", bad)
	}
	h.start()
}

// firstChild is the process that unshare started, as this side numbers it.
func firstChild(t *testing.T, parent int) (pid int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	if err == nil {
		_, err = fmt.Sscan(strings.TrimSpace(string(b)), &pid)
	}
	if err != nil {
		t.Skip("no /proc to tell the children of a process: ", err)
	}
	return pid
}
