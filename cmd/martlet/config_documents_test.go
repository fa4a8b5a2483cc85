package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/internal/phone"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// What martlet.toml publishes, a phone lists.
func TestPublishedFoldersReachPhones(t *testing.T) {
	dir := t.TempDir()
	plans := filepath.Join(dir, "plans")
	if err := os.MkdirAll(plans, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(plans, "roof.txt"), []byte("slate"), 0o644); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "martlet.toml")
	text := "[store]\npath = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n[[documents]]\nshare = '\\\\files\\plans'\nfolder = \"plans\"\nreaders = [\"ada@example.org\"]\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	c.HashCost = directory.HashCost{Memory: 16, Time: 1, Threads: 1}
	s, err := startServer(t.Context(), c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	ctx := t.Context()
	err = s.directory.AddDomain(ctx, directory.Domain{Name: "example.org"})
	if err == nil {
		_, err = s.directory.AddUser(ctx, directory.Account{Login: "ada@example.org", ActiveSync: true}, "sesame open")
	}
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + s.Addr("http") + "/Microsoft-Server-ActiveSync"
	p, err := phone.New(phone.Config{URL: url, User: "ada@example.org", Password: "sesame open", DeviceID: "adas"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	link := ""
	body, err := wbxml.Marshal(&eas.Search{Store: &eas.SearchStore{Name: eas.StoreDocumentLibrary, Query: &eas.SearchQuery{
		SearchConditions: eas.SearchConditions{EqualTo: []eas.SearchComparison{{LinkID: &link, Value: `\\files\plans`}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"?Cmd=Search&User=ada&DeviceId=adas&DeviceType=SmartPhone", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("ada@example.org", "sesame open")
	r.Header.Set("MS-ASProtocolVersion", "16.1")
	r.Header.Set("Content-Type", "application/vnd.ms-sync.wbxml")
	r.Header.Set("X-MS-PolicyKey", fmt.Sprint(p.PolicyKey()))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if doc := wbxml.Dump(answer); !strings.Contains(doc, `\\files\plans\roof.txt`) {
		t.Errorf("%s\n%s", resp.Status, doc)
	}
}
