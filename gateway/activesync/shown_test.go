package activesync

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"martlet/protocol/eas"
)

// showing is what an answer must have for its exchange to show what a command is
// for; an empty one is answered with nothing.
var showing = map[string][]string{
	"Sync":              {"<Commands>", "<Add>", "<ApplicationData>"},
	"SendMail":          {},
	"SmartForward":      {},
	"SmartReply":        {},
	"GetAttachment":     {"hello terms"},
	"GetHierarchy":      {"<Folder>"},
	"FolderSync":        {"<Status>1<", "<Add>"},
	"FolderCreate":      {"<Status>1<", "<ServerId>"},
	"FolderDelete":      {"<Status>1<"},
	"FolderUpdate":      {"<Status>1<"},
	"MoveItems":         {"<Status>3<", "<DstMsgId>"},
	"GetItemEstimate":   {"<Status>1<", "<Estimate>"},
	"MeetingResponse":   {"<Status>1<", "<RequestId>"},
	"Search":            {"<Status>1<", "<Properties>"},
	"Settings":          {"<Status>1<", "<Get>"},
	"Ping":              {"<Status>2<", "<Folder>"},
	"ItemOperations":    {"<Status>1<", "<Properties>"},
	"Provision":         {"<Status>1<", "<PolicyKey>", "<Data>"},
	"ResolveRecipients": {"<Status>1<", "<Recipient>", "<Certificates>"},
	"ValidateCert":      {"<Status>1<", "<Certificate>"},
	"Find":              {"<Status>1<", "<Result>", "<Properties>"},

	"/autodiscover/autodiscover.xml": {"<Type>MobileSync</Type>", "<Url>"},
}

// isShown tells whether an answer shows what the command is for.
func isShown(command, status, answer string) bool {
	if status != "200" {
		return false
	}
	want, listed := showing[command]
	if listed && len(want) == 0 {
		return answer == ""
	}
	return !slices.ContainsFunc(want, func(s string) bool { return !strings.Contains(answer, s) })
}

// exchanges calls fn with every request of the transcripts and its answer.
func exchanges(t *testing.T, fn func(command, version, status, answer string)) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		versions, version, command := map[string]string{}, "", ""
		for _, f := range txtar.Parse(b).Files {
			words := strings.Fields(f.Name)
			switch {
			case words[0] == "phone":
				if len(words) > 2 {
					versions[words[1]] = words[2]
				}
				version = versions[words[1]]
			case words[0] == "message":
				command = words[1]
			case words[0] == "http":
				command = words[2]
			default:
				if _, err := strconv.Atoi(words[0]); err == nil {
					fn(command, version, words[0], strings.TrimSpace(string(f.Data)))
				} else {
					command = words[0]
				}
			}
		}
	}
}

// Every command is shown by a transcript at every version that has it.
func TestEveryCommandIsShownAtEveryVersion(t *testing.T) {
	shown := map[string]bool{}
	exchanges(t, func(command, version, status, answer string) {
		shown[command+" "+version] = shown[command+" "+version] || isShown(command, status, answer)
	})
	for _, c := range rows(0) {
		for _, v := range eas.Versions() {
			if c.run != nil && c.from <= v && v <= c.to && !shown[c.name+" "+v.String()] {
				t.Errorf("no transcript shows %s at %s", c.name, v)
			}
		}
	}
	for _, path := range []string{"/autodiscover/autodiscover.xml", "/autodiscover/autodiscover.json/v1.0/anna@example.org?Protocol=ActiveSync"} {
		if !shown[path+" 16.1"] {
			t.Errorf("no transcript shows %s", path)
		}
	}
	for name := range showing { // of a name that is spelled otherwise nothing would be asked
		if name[0] != '/' && !slices.ContainsFunc(rows(0), func(c command) bool { return c.name == name }) {
			t.Errorf("there is no command %s", name)
		}
	}
}
