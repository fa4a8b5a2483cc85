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

	"CreateCollection": {"<Status>1<", "<ServerId>"},
	"DeleteCollection": {"<Status>1<"},
	"MoveCollection":   {"<Status>1<"},

	"/autodiscover/autodiscover.xml": {"<Type>MobileSync</Type>", "<Url>"},
}

// subjects are what must be shown besides, at every version named: by what
// stands in the request and in the answer.
var subjects = []struct {
	name, request string
	answer        []string
	versions      string
}{
	{"a conversation that comes whole", "<ConversationMode>1<", []string{"<Add>", "<Truncated>1<", "<Preview>"}, "14.0 14.1 16.1"},
	{"a signed message", "", []string{"IPM.Note.SMIME.MultipartSigned", "pkcs7-signature"}, "2.5 12.1 14.1 16.1"},
	{"an encrypted message", "", []string{"<MessageClass xmlns=\"Email\">IPM.Note.SMIME<", "pkcs7-mime"}, "2.5 12.1 14.1 16.1"},
	{"a body in RTF", "<Type>3<", []string{"<Type>3<", "<Data>"}, "12.1 14.1 16.1"},
	{"the message itself as a body", "<Type>4<", []string{"<Type>4<", "<Data>"}, "12.0 12.1 14.0 14.1 16.0 16.1"},
	{"a body that is cut off", "<Truncation>1<", []string{"<BodyTruncated xmlns=\"Email\">1<", "<Body xmlns=\"Email\">"}, "2.5"},
	{"what is new in a message", "<BodyPartPreference", []string{"<BodyPart ", "<Data>"}, "14.1 16.1"},
	{"a voice mail", "", []string{"<UmCallerID", "<UmAttDuration"}, "14.1 16.1"},
	{"a short message", "", []string{"<Class>SMS<", "IPM.Note.Mobile.SMS"}, "14.0 14.1 16.1"},
	{"the recipient information", "<CollectionId>RI<", []string{"<Add>", "<WeightedRank"}, "14.0 14.1 16.1"},
	{"an absence with its times", "<Oof><Get>", []string{"<OofState>2<", "<StartTime>", "<ReplyMessage>"}, "12.1 14.1 16.1"},
	{"a flag", "", []string{"<Flag ", "<Status>2<", "<DueDate"}, "12.1 14.1 16.1"},
	{"a meeting", "", []string{"<MeetingRequest", "<Organizer>"}, "2.5 12.0 12.1 14.0 14.1 16.0 16.1"},
	{"a draft", "", []string{"<Add>", "<IsDraft xmlns=\"Email2\">1<"}, "16.0"},
	{"a draft's attachments", "<ClientId>", []string{"<Responses>", "<FileReference>"}, "16.1"},
}

// isShown tells whether an answer shows what the command is for.
func isShown(x exchange) bool {
	if x.status != "200" {
		return false
	}
	want, listed := showing[x.command]
	if listed && len(want) == 0 {
		return x.answer == ""
	}
	return hasAll(x.answer, want)
}

func hasAll(s string, parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(s, part) })
}

// exchange is a request of a transcript and its answer.
type exchange struct{ command, version, request, status, answer string }

// exchanges calls fn with every exchange of the transcripts.
func exchanges(t *testing.T, fn func(exchange)) {
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
		versions, x := map[string]string{}, exchange{}
		for _, f := range txtar.Parse(b).Files {
			words := strings.Fields(f.Name)
			switch {
			case words[0] == "phone":
				if len(words) > 2 {
					versions[words[1]] = words[2]
				}
				x.version = versions[words[1]]
			case words[0] == "message":
				x.command, x.request = words[1], string(f.Data)
			case words[0] == "http":
				x.command, x.request = words[2], string(f.Data)
			default:
				if _, err := strconv.Atoi(words[0]); err == nil {
					x.status, x.answer = words[0], strings.TrimSpace(string(f.Data))
					fn(x)
				} else {
					x.command, x.request = words[0], string(f.Data)
				}
			}
		}
	}
}

// Every command is shown by a transcript at every version that has it.
func TestEveryCommandIsShownAtEveryVersion(t *testing.T) {
	shown := map[string]bool{}
	exchanges(t, func(x exchange) {
		shown[x.command+" "+x.version] = shown[x.command+" "+x.version] || isShown(x)
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

// What is peculiar to some messages and folders is shown by transcripts, too.
func TestEverySubjectIsShown(t *testing.T) {
	shown := map[string]bool{}
	exchanges(t, func(x exchange) {
		for _, s := range subjects {
			if x.status == "200" && strings.Contains(x.request, s.request) && hasAll(x.answer, s.answer) {
				shown[s.name+" "+x.version] = true
			}
		}
	})
	for _, s := range subjects {
		for _, version := range strings.Fields(s.versions) {
			if !shown[s.name+" "+version] {
				t.Errorf("no transcript shows %s at %s", s.name, version)
			}
		}
	}
}
