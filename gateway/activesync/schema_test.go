package activesync_test

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

// specXSD is where the schemas of responses are, outside the repository.
const specXSD = "../../../shared/spec/xsd"

// schemas returns a function that holds a response to its command's schema; it
// does nothing where xmllint or the schemas are missing.
func schemas(t testing.TB) func(t testing.TB, command, version string, body []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(specXSD, "*.xsd"))
	if _, lookErr := exec.LookPath("xmllint"); lookErr != nil || err != nil || len(files) == 0 {
		t.Log("xmllint or the schemas are not here: responses are not held to them")
		return func(testing.TB, string, string, []byte) {}
	}
	dir := t.TempDir()
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		if strings.Contains(name, "Autodiscover") {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(withImports(string(b), name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(t testing.TB, command, version string, body []byte) {
		t.Helper()
		schema := filepath.Join(dir, command+"Response.xsd")
		// The schemas describe the versions from 12.1 on; up to there a collection
		// names its Class, which they do not have.
		if _, err := os.Stat(schema); err != nil || version < "14" || version == "2.5" {
			return
		}
		doc := wbxml.Dump(body)
		c := exec.Command("xmllint", "--noout", "--schema", schema, "-")
		c.Stdin = strings.NewReader(doc)
		if out, err := c.CombinedOutput(); err != nil {
			var errs []string
			for line := range strings.Lines(string(out)) {
				if strings.Contains(line, "validity error") {
					errs = append(errs, strings.TrimSpace(line))
				}
			}
			t.Errorf("%s: not valid by its schema: %s\n%s", command, strings.Join(errs, "\n"), doc)
		}
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
	return strings.Replace(strings.TrimPrefix(schema, "\ufeff"), head, head+imports, 1)
}
