package sieve_test

import (
	"os"
	"strings"
	"testing"

	"martlet/mail/sieve"
)

func TestTheExamplesInTheDocumentsAreRight(t *testing.T) {
	text, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```sieve\n")[1:]
	for _, b := range blocks {
		source, _, _ := strings.Cut(b, "```")
		if _, err := sieve.Compile(source); err != nil {
			t.Errorf("%v in\n%s", err, source)
		}
	}
	if len(blocks) == 0 {
		t.Error("no examples")
	}
}
