package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdAsk asks the server's API as Ada, and prints status and body: ask METHOD
// PATH [FILE].
func cmdAsk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: ask method path [file]")
	}
	document := ""
	if len(args) == 3 {
		document = ts.ReadFile(args[2])
	}
	url := args[1]
	if strings.HasPrefix(url, "/") {
		url = "http://" + ts.Getenv("http") + url
	}
	r, err := http.NewRequest(args[0], url, strings.NewReader(document))
	ts.Check(err)
	r.SetBasicAuth("ada@example.org", "correct horse battery")
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s\n", resp.StatusCode, b)
}
