package eas_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"martlet/protocol/wbxml"
)

const schemas = "../../../shared/spec/xsd"

// schemaDir returns a copy of the specification's schemas that xmllint can
// resolve: the published ones refer to each other without importing.
func schemaDir(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("xmllint is not here:", err)
	}
	files, err := filepath.Glob(filepath.Join(schemas, "*.xsd"))
	if err != nil || len(files) == 0 {
		t.Skip("the specification's schemas are not here")
	}
	dir := t.TempDir()
	for _, file := range files {
		if strings.Contains(file, "Autodiscover") {
			continue // plain XML, no WBXML
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), []byte(withImports(string(b), filepath.Base(file))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var (
	schemaTag  = regexp.MustCompile(`<xs:schema[^>]*>`)
	declared   = regexp.MustCompile(`xmlns:?(\w*)\s*=\s*"(\w+)"`)
	targetName = regexp.MustCompile(`targetNamespace="(\w+)"`)
)

func withImports(schema, file string) string {
	head := schemaTag.FindString(schema)
	target := targetName.FindStringSubmatch(head)[1]
	imports := ""
	if own := target + ".xsd"; own != file && exists(filepath.Join(schemas, own)) {
		imports += fmt.Sprintf("<xs:include schemaLocation=%q/>", own)
	}
	for _, m := range declared.FindAllStringSubmatch(head, -1) {
		name := m[2]
		if name == target {
			continue
		}
		location := name + ".xsd"
		if name == "Settings" || !exists(filepath.Join(schemas, location)) { // the response's DeviceInformation
			location = name + "Response.xsd"
		}
		imports += fmt.Sprintf("<xs:import namespace=%q schemaLocation=%q/>", name, location)
	}
	schema = strings.TrimPrefix(schema, "\ufeff")
	return strings.Replace(schema, head, head+imports, 1)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestResponsesAreValidByTheSchemas(t *testing.T) {
	dir := schemaDir(t)
	for name, response := range exampleResponses() {
		t.Run(name, func(t *testing.T) {
			b, err := wbxml.Marshal(response)
			if err != nil {
				t.Fatal(err)
			}
			doc := filepath.Join(t.TempDir(), "response.xml")
			if err := os.WriteFile(doc, []byte(wbxml.Dump(b)), 0o600); err != nil {
				t.Fatal(err)
			}
			file, _, _ := strings.Cut(name, " ")
			if out, err := exec.Command("xmllint", "--noout", "--schema", filepath.Join(dir, file+".xsd"), doc).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s\n%s", err, out, wbxml.Dump(b))
			}
		})
	}
}

func TestSchemasRefuseAWrongResponse(t *testing.T) {
	dir := schemaDir(t)
	doc := filepath.Join(t.TempDir(), "response.xml")
	if err := os.WriteFile(doc, []byte(`<Ping xmlns="Ping"><Folders/></Ping>`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("xmllint", "--noout", "--schema", filepath.Join(dir, "PingResponse.xsd"), doc).Run(); err == nil {
		t.Error("a Ping response without Status passed")
	}
}

// Debian's libwbxml is a second reader of what is written.
func TestLibwbxmlReadsWhatIsWritten(t *testing.T) {
	if _, err := exec.LookPath("wbxml2xml"); err != nil {
		t.Skip("wbxml2xml is not here:", err)
	}
	for name, response := range exampleResponses() {
		t.Run(name, func(t *testing.T) {
			b, err := wbxml.Marshal(response)
			if err != nil {
				t.Fatal(err)
			}
			doc := filepath.Join(t.TempDir(), "response.wbxml")
			if err := os.WriteFile(doc, b, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("wbxml2xml", "-l", "ACTIVESYNC", "-o", "-", doc).Output()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			want, got := elementNames(wbxml.Dump(b)), elementNames(string(out))
			if len(want) != len(got) {
				t.Fatalf("elements read:\n%s\nwritten:\n%s", got, want)
			}
			for i := range want {
				if got[i] != want[i] && otherNames[got[i]] != want[i] && got[i] != strings.Replace(want[i], "Address", "", 1) && got[i] != "unknown" {
					t.Errorf("element %d read as %s, written as %s", i, got[i], want[i])
				}
			}
		})
	}
}

var element = regexp.MustCompile(`<(?:[\w-]+:)?(\w+)`)

func elementNames(xml string) []string {
	var names []string
	for _, m := range element.FindAllStringSubmatch(xml, -1) {
		names = append(names, strings.TrimPrefix(m[1], "Recurrence_"))
	}
	return names
}

// otherNames are libwbxml's names for tokens that it knows by another one; the
// Find page it does not know at all.
var otherNames = map[string]string{
	"Reply": "ReplyTo", "FlagStatus": "Status", "DTStamp": "DtStamp", "SmtpAddress": "SMTPAddress",
	"UTCStartDate": "UtcStartDate", "UTCDueDate": "UtcDueDate", "DeviceEncryptionEnabled": "RequireStorageCardEncryption",
	"TimeZone": "Timezone", "Organizer_Name": "OrganizerName", "Organizer_Email": "OrganizerEmail", "Attendee_Email": "Email", "Attendee_Name": "Name",
	"Attendee_Status": "AttendeeStatus", "Attendee_Type": "AttendeeType", "Exception_Deleted": "Deleted", "Exception_StartTime": "ExceptionStartTime",
	"AssistantTelephoneNumber": "AssistantPhoneNumber", "ihsManagementInformation": "RightsManagementInformation",
}
