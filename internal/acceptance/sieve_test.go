package acceptance

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const scriptDoors = mailboxDoors + "[sieve]\nlisten = \"127.0.0.1:0\"\n"

// write makes a file in the installation's folder.
func (h *house) write(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.Dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// filed counts the messages in a folder, as a mail program sees them.
func (h *house) filed(folder string) string {
	h.t.Helper()
	r := h.reader()
	r.send(`a STATUS "` + folder + `" (MESSAGES)`)
	return r.until("* STATUS")
}

func TestSieveConnectPutsRulesThatFileMail(t *testing.T) {
	h := newHouse(t, scriptDoors)
	host, port, _ := net.SplitHostPort(h.doors["sieve"])
	local := h.write("local.sieve", "require [\"fileinto\", \"mailbox\"];\nif header :contains \"subject\" \"tides\" { fileinto :create \"Sea/Tides\"; }\n")
	secret := h.write("secret", password+"\n")
	connect := func(args ...string) (string, bool) {
		line := fmt.Sprintf("exec 3<%q; exec sieve-connect --server %s --port %s --user %q --passwordfd 3 --nosslverify", secret, host, port, robin)
		for _, a := range args {
			line += fmt.Sprintf(" %q", a)
		}
		if out, ok := h.program("sieve-connect", "--help"); !ok && out == "" {
			return out, ok
		}
		return h.program("sh", "-c", line)
	}
	for _, args := range [][]string{
		{"--localsieve", local, "--remotesieve", "sea", "--upload"},
		{"--remotesieve", "sea", "--activate"},
	} {
		if out, ok := connect(args...); !ok {
			t.Fatalf("sieve-connect %q: %s", args, out)
		}
	}
	if out, ok := connect("--list"); !ok || !strings.Contains(out, `"sea" ACTIVE`) {
		t.Errorf("listed: %s", out)
	}
	wrong := h.write("wrong.sieve", "keep;\nfileino \"x\";\n")
	if out, ok := connect("--localsieve", wrong, "--remotesieve", "sea", "--upload"); ok || !strings.Contains(out, "line 2, column 1") {
		t.Errorf("a wrong script: %v %s", ok, out)
	}
	h.deliver(letter("tides", "High water at noon."))
	h.deliver(letter("lunch", "At one."))
	if got := h.filed("Sea/Tides"); !strings.Contains(got, "MESSAGES 1") {
		t.Error(got)
	}
	if got := h.filed("INBOX"); !strings.Contains(got, "MESSAGES 1") {
		t.Error(got)
	}
	h.fsck()
}

// Python's library logs in by other mechanisms, and reads what it has put.
func TestSievelibManagesScripts(t *testing.T) {
	h := newHouse(t, scriptDoors)
	if _, ok := h.program("/usr/bin/python3", "-c", "import sievelib"); !ok {
		t.Skip("python3-sievelib is not installed")
	}
	host, port, _ := net.SplitHostPort(h.doors["sieve"])
	script := h.write("client.py", fmt.Sprintf(`
import ssl, sys
ssl._create_default_https_context = ssl._create_unverified_context
from sievelib.managesieve import Client
c = Client(%q, %s)
mechanism = sys.argv[1]
assert c.connect(%q, %q, starttls=True, authmech=mechanism), c.errmsg
text = 'require "vacation";\nvacation "Ich bin weg – 100%%.";\n'
assert c.havespace("main", len(text)), c.errmsg
assert c.putscript("main", text), c.errmsg
assert c.setactive("main"), c.errmsg
assert c.listscripts() == ("main", []), c.listscripts()
assert c.getscript("main").replace("\r\n", "\n").strip() == text.strip(), c.getscript("main")
assert c.checkscript("keep;"), c.errmsg
assert not c.checkscript("kepp;")
assert c.renamescript("main", "other"), c.errmsg
assert not c.deletescript("other")
assert c.setactive(""), c.errmsg
assert c.deletescript("other"), c.errmsg
c.logout()
`, host, port, robin, password))
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		if out, ok := h.program("/usr/bin/python3", script, mechanism); !ok {
			t.Errorf("%s: %s", mechanism, out)
		}
	}
}

func TestTheAdministratorTriesAScript(t *testing.T) {
	h := newHouse(t, scriptDoors)
	rules := h.write("rules.sieve", "require \"fileinto\";\nif address :is \"from\" \"wren@elsewhere.example\" { fileinto \"Nowhere\"; }\n")
	mail := h.write("letter.eml", letter("tides", "High water at noon."))
	h.Run("", "sieve", "check", rules)
	h.Run("", "sieve", "put", "main", rules, "--user", robin, "--activate")
	var tried struct {
		Actions []string
		Failure string
	}
	if out := h.Run("", "sieve", "test", "--user", robin, "--message", mail, "--json"); json.Unmarshal([]byte(out), &tried) != nil ||
		len(tried.Actions) != 1 || tried.Actions[0] != `file into "Nowhere"` || !strings.Contains(tried.Failure, "no folder") {
		t.Errorf("tried: %s", out)
	}
	h.deliver(letter("tides", "High water at noon."))
	if out := h.Run("", "sieve", "list", "--user", robin); !strings.Contains(out, "main failed on") || !strings.Contains(out, `there is no folder "Nowhere"`) {
		t.Errorf("listed: %s", out)
	}
	h.Run("", "sieve", "activate", "--none", "--user", robin)
	h.Run("", "sieve", "delete", "main", "--user", robin)
	if out := h.Run("", "sieve", "list", "--user", robin); out != "" {
		t.Errorf("left: %s", out)
	}
}
