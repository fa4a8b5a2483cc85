package acceptance

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dovecot is another server, with a mailbox of robin's.
type dovecot struct {
	t    *testing.T
	dir  string
	home string // of the Maildir
	port string
	cmd  *exec.Cmd
}

func startDovecot(t *testing.T) *dovecot {
	t.Helper()
	path, err := exec.LookPath("dovecot")
	if err != nil {
		t.Skip("dovecot is not installed")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if me.Uid != "0" {
		t.Skip("dovecot must be started by root")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	dir, err := os.MkdirTemp("", "dovecot") // the names of its sockets must be short
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // its own users look into it
		t.Fatal(err)
	}
	d := &dovecot{t: t, dir: dir, home: filepath.Join(dir, "mail"), port: port}
	conf := fmt.Sprintf(`
base_dir = %[1]s/run
state_dir = %[1]s/run
log_path = %[1]s/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:%[2]s
passdb {
  driver = static
  args = password=old
}
userdb {
  driver = static
  args = uid=%[4]d gid=%[4]d home=%[1]s
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Gesendet {
    special_use = \Sent
  }
  mailbox Everything {
    special_use = \All
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %[3]s
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
`, dir, d.home, port, nobody)
	if err := os.WriteFile(filepath.Join(dir, "dovecot.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	d.cmd = exec.Command(path, "-F", "-c", filepath.Join(dir, "dovecot.conf"))
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.cmd.Process.Signal(os.Interrupt)
		d.cmd.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("dovecot: %s", log)
		}
		os.RemoveAll(dir)
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
			return d
		}
		if time.Now().After(deadline) {
			t.Fatal("dovecot does not listen")
		}
	}
}

// nobody is whom Dovecot's processes read the mail as.
const nobody = 65534

// message puts a message into a folder of the Maildir.
func (d *dovecot) message(folder, name, text string) {
	d.t.Helper()
	dir := filepath.Join(d.home, folder, "cur")
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(filepath.Dir(dir), sub), 0o700); err != nil {
			d.t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	at := time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
		d.t.Fatal(err)
	}
}

// giveAway has the mail belong to who reads it.
func (d *dovecot) giveAway() {
	d.t.Helper()
	if err := filepath.WalkDir(d.home, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	}); err != nil {
		d.t.Fatal(err)
	}
}

// Who moves in from Dovecot has what was there, and later what has come since.
func TestMovingInFromDovecot(t *testing.T) {
	d := startDovecot(t)
	d.message("", "1.M1.host:2,S", "Subject: one\n\ntext\n")
	d.message("", "2.M2.host:2,F", "Subject: two\n\n"+strings.Repeat("many words\n", 100_000))
	d.message(".Gesendet", "3.M3.host:2,S", "Subject: sent\n\ntext\n")
	d.message(".Entw&APw-rfe", "4.M4.host:2,D", "Subject: draft\n\ntext\n")
	d.message(".Arbeit.Pl&AOQ-ne", "5.M5.host:2,", "Subject: plan\n\ntext\n")
	for i := range 700 {
		d.message(".Arbeit", fmt.Sprintf("%d.M6.host:2,", 1000+i), fmt.Sprintf("Subject: number %d\n\ntext\n", i))
	}
	d.giveAway()
	h := newHouse(t, "")
	secret := filepath.Join(h.Dir, "old")
	if err := os.WriteFile(secret, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"import", robin, "--imap", "imap://127.0.0.1:" + d.port, "--imap-plain", "--imap-user", "robin", "--imap-password-file", secret}
	if got := h.Run("", args...); !strings.Contains(got, " 705 messages added") || !strings.Contains(got, " 0 refused") {
		t.Fatalf("it says %s", got)
	}
	d.message("", "9.M9.host:2,", "Subject: three\n\ntext\n")
	d.giveAway()
	if err := os.Rename(filepath.Join(d.home, "cur", "1.M1.host:2,S"), filepath.Join(d.home, "cur", "1.M1.host:2,RS")); err != nil {
		t.Fatal(err)
	}
	if got := h.Run("", args...); !strings.Contains(got, " 1 messages added") || !strings.Contains(got, " 1 with new flags, 704 brought before") {
		t.Fatalf("again it says %s", got)
	}

	out := filepath.Join(h.Dir, "out")
	h.Run("", "export", robin, "--mbox", out)
	for name, want := range map[string][]string{
		"Inbox":            {"From MAILER-DAEMON Sat Feb 29 12:00:00 2020\nStatus: RO\nX-Status: A\nSubject: one\n\ntext\n", "Status: O\nX-Status: F\nSubject: two\n", "Subject: three\n"},
		"Sent Items":       {"Subject: sent\n"},
		"Drafts":           {"X-Status: T\nSubject: draft\n"},
		"Arbeit.sbd/Pläne": {"Subject: plan\n"},
		"Arbeit":           {"Subject: number 0\n", "Subject: number 699\n"},
	} {
		raw, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Error(err)
		}
		for _, w := range want {
			if !strings.Contains(string(raw), w) {
				t.Errorf("%s has no %q: %.300q", name, w, raw)
			}
		}
	}
	h.fsck()
}
