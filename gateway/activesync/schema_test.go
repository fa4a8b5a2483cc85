package activesync_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"martlet/protocol/wbxml"
)

// specXSD is where the schemas of responses are, outside the repository.
const specXSD = "../../../shared/spec/xsd"

// heard is what a house has answered, by schema, each answer once.
type heard struct {
	mu      sync.Mutex
	docs    map[string]map[string]bool
	foreign []string // tags that an answer's version does not have
	tags    int      // answers whose tags were looked at
}

// maxHeard bounds the answers that one test holds to their schemas.
const maxHeard = 500

// collectionClass is what a collection names before 14.0. The schemas, which
// describe later versions, do not have it.
var collectionClass = regexp.MustCompile(`(?m)^\s*<Class[^>]*>\w+</Class>\n`)

// hear keeps an answer for the check at the end. There are no schemas for 2.5.
func (d *heard) hear(r *http.Request, w *httptest.ResponseRecorder) {
	version := r.Header.Get("MS-ASProtocolVersion")
	command := r.URL.Query().Get("Cmd")
	h := w.Result().Header
	if w.Code != http.StatusOK || command == "" || h.Get("Content-Encoding") != "" || h.Get("Content-Type") != "application/vnd.ms-sync.wbxml" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tags++; d.tags <= maxHeard {
		for _, tag := range foreignTags(wbxml.Dump(w.Body.Bytes()), version) {
			d.foreign = append(d.foreign, version+" "+command+": "+tag)
		}
	}
	if version == "2.5" {
		return
	}
	if d.docs == nil {
		d.docs = map[string]map[string]bool{}
	}
	all := d.docs[command]
	if all == nil {
		all = map[string]bool{}
		d.docs[command] = all
	}
	if len(all) < maxHeard {
		doc := wbxml.Dump(w.Body.Bytes())
		if version < "14" && (command == "Sync" || command == "GetItemEstimate") {
			doc = collectionClass.ReplaceAllString(doc, "")
		}
		all[doc] = true
	}
}

// validate holds every answer to its command's schema. It does nothing where
// xmllint or the schemas are missing.
func (d *heard) validate(t testing.TB) {
	for _, tag := range d.foreign {
		t.Errorf("%s is no tag of the version", tag)
	}
	files, err := filepath.Glob(filepath.Join(specXSD, "*.xsd"))
	if _, lookErr := exec.LookPath("xmllint"); lookErr != nil || err != nil || len(files) == 0 {
		t.Log("xmllint or the schemas are not here: responses are not held to them")
		return
	}
	if len(d.docs) == 0 {
		return
	}
	dir := t.TempDir()
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if name := filepath.Base(file); !strings.Contains(name, "Autodiscover") {
			write(t, filepath.Join(dir, name), withImports(string(b), name))
		}
	}
	for command, docs := range d.docs {
		schema := filepath.Join(dir, command+"Response.xsd")
		if _, err := os.Stat(schema); err != nil {
			continue
		}
		args := []string{"--noout", "--schema", schema}
		for doc := range docs {
			name := filepath.Join(dir, fmt.Sprintf("%s%d.xml", command, len(args)))
			write(t, name, doc)
			args = append(args, name)
		}
		out, err := exec.Command("xmllint", args...).CombinedOutput()
		if err == nil {
			continue
		}
		for line := range strings.Lines(string(out)) {
			if file, _, ok := strings.Cut(line, ":"); ok && strings.Contains(line, "validity error") {
				doc, _ := os.ReadFile(file)
				t.Errorf("%s: not valid by its schema: %s\n%s", command, strings.TrimSpace(line), doc)
			}
		}
	}
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var (
	schemaTag  = regexp.MustCompile(`<xs:schema[^>]*>`)
	declared   = regexp.MustCompile(`xmlns:?(\w*)\s*=\s*"(\w+)"`)
	targetName = regexp.MustCompile(`targetNamespace="(\w+)"`)
)

// withImports gives a schema the imports that the published ones leave out.
func withImports(schema, file string) string {
	exists := func(name string) bool {
		_, err := os.Stat(filepath.Join(specXSD, name))
		return err == nil
	}
	head := schemaTag.FindString(schema)
	target := targetName.FindStringSubmatch(head)[1]
	imports := ""
	if own := target + ".xsd"; own != file && exists(own) {
		imports += fmt.Sprintf("<xs:include schemaLocation=%q/>", own)
	}
	for _, m := range declared.FindAllStringSubmatch(head, -1) {
		name := m[2]
		if name == target {
			continue
		}
		location := name + ".xsd"
		if name == "Settings" || !exists(location) {
			location = name + "Response.xsd"
		}
		imports += fmt.Sprintf("<xs:import namespace=%q schemaLocation=%q/>", name, location)
	}
	schema = changeReply.ReplaceAllString(schema, `$1<xs:element name="ApplicationData" minOccurs="0"><xs:complexType><xs:sequence><xs:element ref="airsyncbase:Attachments"/></xs:sequence></xs:complexType></xs:element>`)
	schema = forwardee.Replace(schema)
	schema = addedItem.ReplaceAllString(schema, `$1<xs:element ref="Class" minOccurs="0"/>$2`)
	return strings.Replace(strings.TrimPrefix(schema, "\ufeff"), head, head+imports, 1)
}

// forwardee names the parts of a Forwardee as MS-ASCMD 2.2.3.53 and 2.2.3.120.3
// and the code page do (MS-ASWBXML 2.1.2.1.22).
var forwardee = strings.NewReplacer(`name="ForwardeeEmail"`, `name="Email"`, `name="ForwardeeName"`, `name="Name"`)

// addedItem is an Add of the server's, in which the schema lacks the class that
// MS-ASCMD_R941 and R944 put there when it is not the folder's.
var addedItem = regexp.MustCompile(`(?s)(<xs:element name="Commands".*?<xs:element name="Add".*?<xs:sequence>\s*)(<xs:element ref="ServerId"/>)`)

// changeReply is the answer to a Change, in which the schema lacks what
// MS-ASCMD_R6234 and MS-ASAIRS_R1336 put there: new attachments.
var changeReply = regexp.MustCompile(`(?s)(<xs:element name="Responses".*?<xs:element name="Change".*?<xs:element ref="Status"/>)`)
