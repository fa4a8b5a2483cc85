package compose

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"martlet/mail/message"
)

// What stands in a winmail.dat is forwarded as files that anybody can open, and
// its text is quoted.
func TestAWinmailIsForwardedUnpacked(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "message", "testdata", "winmail-outlook.eml"))
	if err != nil {
		t.Fatal(err)
	}
	o := original(raw)
	out, err := Smart([]byte("To: b@example.org\r\nContent-Type: text/html\r\n\r\n<p>See below</p>"), o, Options{Kind: Forward, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	ix := message.Parse(out)
	found := map[string]string{}
	for i := range ix.Parts {
		b, err := io.ReadAll(ix.Open(i, message.Bytes(out)))
		if err != nil {
			t.Fatal(err)
		}
		found[ix.Parts[i].Filename+"|"+ix.Parts[i].ContentID] = string(b)
	}
	if found["picture.png|pic"] != "\x89PNG" || found["Übersicht.txt|"] != "content of the file" || !strings.Contains(found["Inner.eml|"], "Subject: Inner") {
		t.Errorf("%q in\n%s", found, out)
	}
	if _, there := found["winmail.dat|"]; there {
		t.Error("the winmail.dat is sent along")
	}
}

func TestTheMeetingOfAWinmailIsForwarded(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "message", "testdata", "winmail-meeting.eml"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := Smart([]byte("To: b@example.org\r\n\r\nSee below"), original(raw), Options{Kind: Forward, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	ix := message.Parse(out)
	for i := range ix.Parts {
		if ix.Parts[i].Type == "text/calendar" && ix.Parts[i].Method == "REQUEST" {
			return
		}
	}
	t.Errorf("no meeting in\n%s", out)
}
