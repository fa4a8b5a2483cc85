package main

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A certificate that has been forgotten is what turns all phones away at once:
// the log tells of it before and after, once a day.
func TestTheLogTellsOfACertificateThatEnds(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		left time.Duration
		want string
	}{
		{60 * 24 * time.Hour, ""},
		{10 * 24 * time.Hour, `level=WARN msg="certificate ends soon"`},
		{-time.Hour, `level=ERROR msg="certificate has ended: phones refuse it"`},
	} {
		var out bytes.Buffer
		dir := t.TempDir()
		p := &pair{cert: filepath.Join(dir, "c.crt"), key: filepath.Join(dir, "c.key"), log: slog.New(slog.NewTextHandler(&out, nil))}
		if err := makeSelfSigned(p, []string{"localhost"}, now.Add(test.left-selfSignedLife)); err != nil {
			t.Fatal(err)
		}
		if _, err := p.load(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), test.want) || (test.want == "") != (out.Len() == 0) {
			t.Errorf("with %s left the log has %q, want %q", test.left, out.String(), test.want)
		}
		before := out.Len()
		p.lookAtEndLocked(now.Add(time.Hour))
		if out.Len() != before {
			t.Errorf("told twice within an hour: %s", out.String())
		}
		p.lookAtEndLocked(now.Add(25 * time.Hour))
		if (test.want != "") != (out.Len() > before) {
			t.Errorf("the next day, with %s left on the first: %q", test.left, out.String())
		}
	}
}
