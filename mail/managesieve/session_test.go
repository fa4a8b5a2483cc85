package managesieve_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"martlet/mail/rules"
	"martlet/mail/sieve"
)

// RFC 5804 1.7 and 2.4
func TestWhatThereIsDependsOnWhoAsks(t *testing.T) {
	h := newHouse(t)
	w := h.dial()
	w.send("CAPABILITY\r\n")
	got := w.until("OK")
	for _, line := range []string{`"IMPLEMENTATION" "Martlet"`, `"VERSION" "1.0"`, `"SASL" ""`, `"STARTTLS"`, `"NOTIFY" "mailto"`, `"MAXREDIRECTS" "4"`} {
		if !slices.Contains(got, line) {
			t.Errorf("%s is missing in %q", line, got)
		}
	}
	if i := slices.IndexFunc(got, func(s string) bool { return strings.HasPrefix(s, `"SIEVE" "body `) }); i < 0 || !strings.Contains(got[i], " vacation ") {
		t.Errorf("%q", got)
	}
	w = h.secure()
	w.send("CAPABILITY\r\n")
	got = w.until("OK")
	if slices.Contains(got, `"STARTTLS"`) || !slices.ContainsFunc(got, func(s string) bool {
		return strings.HasPrefix(s, `"SASL" "SCRAM-SHA-256`) && strings.Contains(s, "PLAIN")
	}) {
		t.Errorf("under TLS: %q", got)
	}
	w = h.login()
	w.send("capability\r\n")
	if got = w.until("OK"); !slices.Contains(got, `"OWNER" "alice@example.org"`) || !slices.Contains(got, `"UNAUTHENTICATE"`) {
		t.Errorf("after the login: %q", got)
	}
}

func TestNobodyLogsInInTheClear(t *testing.T) {
	h := newHouse(t)
	w := h.dial()
	w.say(plain("alice@example.org", "correct horse"), `NO \(ENCRYPT-NEEDED\) "Use TLS first"`)
	for _, command := range []string{`LISTSCRIPTS`, `GETSCRIPT "a"`, `PUTSCRIPT "a" "keep;"`, `HAVESPACE "a" 5`, `SETACTIVE ""`, `UNAUTHENTICATE`} {
		w.say(command, `NO "Log in first"`)
	}
	// What stands behind STARTTLS came in the clear.
	w.say("STARTTLS\r\nNOOP", `BYE "Nothing may follow STARTTLS before the handshake"`, "")
}

func TestWhoMayLogIn(t *testing.T) {
	h := newHouse(t)
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	w := h.secure()
	w.say(`AUTHENTICATE "NONE"`, `NO "Mechanism not known"`)
	w.say(`AUTHENTICATE "PLAIN" "%%%"`, `NO "Not what the mechanism asks for"`)
	w.say(`AUTHENTICATE "PLAIN"`, `""`)
	w.say(`"*"`, `NO "Cancelled"`)
	w.say(`AUTHENTICATE "PLAIN"`, `""`)
	w.say(`7`, `NO "Not what the mechanism asks for"`)
	w.say(`AUTHENTICATE "LOGIN"`, `"`+b64("Username:")+`"`)
	w.say(`"`+b64("alice@example.org")+`"`, `"`+b64("Password:")+`"`)
	text := b64("correct horse")
	w.say(fmt.Sprintf("{%d+}\r\n%s", len(text), text), `OK "Welcome"`)
	w.say(plain("alice@example.org", "correct horse"), `NO "You are logged in"`)
	w.say("UNAUTHENTICATE", `OK "Nobody is logged in"`)
	w.say("LISTSCRIPTS", `NO "Log in first"`)
	w.say(plain("carol@example.org", "correct horse"), `NO "Wrong login or password"`)
	w.say("LOGOUT", `OK "Goodbye"`, "")
}

func TestASessionOfABarredAccountEnds(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	check(t, h.directory.SetDisabled(context.Background(), h.alice, true))
	w.say("LISTSCRIPTS", `BYE "Log in again"`, "")
}

func TestTheLifeOfAScript(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	source := "require \"fileinto\";\r\nfileinto \"A\\\"B\";\r\n"
	w.say("LISTSCRIPTS", "OK")
	w.say(`HAVESPACE "main" 1000`, `OK "There is room"`)
	w.say(fmt.Sprintf("PUTSCRIPT {4+}\r\nmain {%d+}\r\n%s", len(source), source), `OK "The script is kept"`)
	w.say("GETSCRIPT \"main\"", fmt.Sprintf(`\{%d\}`, len(source)), `require "fileinto";`, `fileinto "A\\"B";`, "", "OK")
	w.say(`PUTSCRIPT "second \"one\"" "keep;"`, `OK .*`)
	w.say(`SETACTIVE "main"`, "OK .*")
	w.say("LISTSCRIPTS", `"main" ACTIVE`, `"second \\"one\\""`, "OK")
	w.say(`DELETESCRIPT "main"`, `NO \(ACTIVE\) .*`)
	w.say(`RENAMESCRIPT "main" "second \"one\""`, `NO \(ALREADYEXISTS\) .*`)
	w.say(`RENAMESCRIPT "main" "first"`, "OK .*")
	w.say("LISTSCRIPTS", `"first" ACTIVE`, `"second \\"one\\""`, "OK")
	for _, command := range []string{`GETSCRIPT "main"`, `DELETESCRIPT "main"`, `SETACTIVE "main"`, `RENAMESCRIPT "main" "x"`} {
		w.say(command, `NO \(NONEXISTENT\) .*`)
	}
	w.say(`SETACTIVE ""`, "OK .*")
	w.say(`DELETESCRIPT "first"`, "OK .*")
	w.say("LISTSCRIPTS", `"second \\"one\\""`, "OK")
	w.say("NOOP", `OK "Done"`)
	w.say(`NOOP "tag"`, `OK \(TAG "tag"\) "Done"`)
}

func TestAWrongScriptIsRefusedWithItsPlace(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	w.say(`PUTSCRIPT "main" "kepp;"`, `NO "line 1, column 1: there is no command \\"kepp\\""`)
	w.say("CHECKSCRIPT {12+}\r\nkeep;\r\nstop ", `NO "line 2, column 6: .*"`)
	w.say(`CHECKSCRIPT "keep;"`, `OK "The script is right"`)
	w.say(`PUTSCRIPT "" "keep;"`, `NO "Not the name of a script"`)
	w.say("LISTSCRIPTS", "OK")
}

func TestScriptsHaveQuotas(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	w.say(fmt.Sprintf(`HAVESPACE "main" %d`, sieve.MaxScript+1), `NO \(QUOTA/MAXSIZE\) .*`)
	w.say(`HAVESPACE "main" 9223372036854775807`, `NO \(QUOTA/MAXSIZE\) .*`)
	long := strings.Repeat("#", sieve.MaxScript+1)
	w.say(fmt.Sprintf("PUTSCRIPT \"main\" {%d+}\r\n%s", len(long), long), `NO \(QUOTA/MAXSIZE\) .*`)
	for i := range rules.MaxScripts {
		check(t, h.rules.Put(t.Context(), h.alice, fmt.Sprint(i), "keep;"))
	}
	w.say(`PUTSCRIPT "main" "keep;"`, `NO \(QUOTA/MAXSCRIPTS\) .*`)
	w.say(`HAVESPACE "main" 5`, `NO \(QUOTA/MAXSCRIPTS\) .*`)
	w.say("PUTSCRIPT \"main\" {99999999+}", `BYE \(QUOTA/MAXSIZE\) .*`, "")
	if all, err := h.rules.List(t.Context(), h.alice); len(all) != rules.MaxScripts || err != nil {
		t.Errorf("%d, %v", len(all), err)
	}
}

// What is announced as text is never taken for commands.
func TestALiteralIsNoCommand(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	evil := "x\r\nSETACTIVE \"main\"\r\n"
	for _, command := range []string{
		fmt.Sprintf("GETSCRIPT x {%d+}\r\n%s", len(evil), evil),
		fmt.Sprintf("NONSENSE! {%d+}\r\n%s", len(evil), evil),
		fmt.Sprintf("HAVESPACE \"a\\x\" {%d+}\r\n%s", len(evil), evil),
		fmt.Sprintf("NOOP \"a\" \"b\" \"c\" \"d\" \"e\" {%d+}\r\n%s", len(evil), evil),
		fmt.Sprintf("FETCH {%d+}\r\n%s", len(evil), evil),
		fmt.Sprintf("LISTSCRIPTS {%d+}\r\n%s", len(evil), evil),
	} {
		w.say(command, `NO .*`)
	}
	w.say("NOOP", `OK "Done"`)
	w.say("GETSCRIPT {3}", `NO .*`) // only servers write that
	w.say("NOOP", `OK "Done"`)
	w.say("NOOP\n", `BYE "Lines end in CRLF and hold no other CR or LF"`, "")
}

func TestGarbageEndsASession(t *testing.T) {
	h := newHouse(t)
	w := h.dial()
	w.say("GET / HTTP/1.1", `NO .*|BYE .*`)
	w = h.dial()
	for range 19 {
		w.say("WHAT", `NO "Command not known"`)
	}
	w.say("WHAT", `BYE "Too many errors"`, "")
	w = h.dial()
	w.send(strings.Repeat("x", 8<<10)) // no more, or the answer is lost with what is not read
	w.until(`BYE "Line too long"`)
}
