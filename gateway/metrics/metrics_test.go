package metrics

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// scrape is what Prometheus gets.
func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- m.Serve(l) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	return string(text)
}

func wantLines(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, want := range lines {
		if !strings.Contains("\n"+text, "\n"+want+"\n") {
			t.Errorf("no line %q", want)
		}
	}
}

func TestWhatIsLoggedIsCounted(t *testing.T) {
	m := New("1.2.3")
	var out strings.Builder
	log := slog.New(m.Count(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn})))
	for range 3 {
		log.Info("activesync request", "login", "ada@example.org", "command", "Ping", "http", 200, "took", 3*time.Millisecond)
	}
	log.With("took", time.Second, "from", "x@y.example").Info("smtp message accepted", "discarded", false)
	log.Warn("login failed", "door", "imap", "login", "ada@example.org")
	log.Error("something of ours failed", "error", errors.New("secret"))
	log.Info("of no interest")
	log.Debug("activesync request", "command", "Ping", "http", 200)
	text := scrape(t, m)
	wantLines(t, text,
		`martlet_build_info{version="1.2.3"} 1`,
		`martlet_activesync_requests_total{command="Ping",http="200"} 3`,
		`martlet_activesync_request_seconds_bucket{command="Ping",le="0.0025"} 0`,
		`martlet_activesync_request_seconds_bucket{command="Ping",le="0.005"} 3`,
		`martlet_smtp_messages_total{outcome="accepted"} 1`,
		`martlet_smtp_message_seconds_sum 1`,
		`martlet_logins_failed_total{door="imap",outcome="failed"} 1`,
		`martlet_log_events_total{level="ERROR",message="something of ours failed"} 1`,
	)
	for _, secret := range []string{"ada@", "x@y", "secret"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is told", secret)
		}
	}
	if got := strings.Count(out.String(), "\n"); got != 2 || strings.Contains(out.String(), "activesync") {
		t.Errorf("logged: %s", out.String())
	}
}

func TestGaugesAreAskedAndOneThatFailsIsLeftOut(t *testing.T) {
	m := New("x")
	for _, g := range []Gauge{
		{Name: "martlet_held_phones", Help: "h", Value: func(context.Context) (float64, error) { return 7, nil }},
		{Name: "martlet_sessions", Help: "s", Labels: map[string]string{"protocol": "imap"}, Value: func(context.Context) (float64, error) { return 2, nil }},
		{Name: "martlet_broken", Help: "b", Value: func(context.Context) (float64, error) { return 0, errors.New("no") }},
	} {
		if err := m.Add(g); err != nil {
			t.Fatal(err)
		}
	}
	text := scrape(t, m)
	wantLines(t, text, "martlet_held_phones 7", `martlet_sessions{protocol="imap"} 2`)
	if strings.Contains(text, "martlet_broken ") {
		t.Error("a gauge that fails has a value")
	}
}

// Every message that is counted is logged somewhere, with the attributes that are
// labels: who changes a line of the log hears of it here.
func TestWhatIsCountedIsLoggedSomewhere(t *testing.T) {
	sources := map[string]string{}
	for _, room := range []string{"../../mail", "../../gateway", "../../directory"} {
		err := filepath.WalkDir(room, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "metrics") {
				return err
			}
			text, err := os.ReadFile(path)
			sources[path] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for message, e := range events() {
		found := false
		for _, text := range sources {
			if !strings.Contains(text, `"`+message+`"`) {
				continue
			}
			has := true
			for _, l := range e.labels {
				has = has && strings.Contains(text, `"`+l+`"`)
			}
			found = found || has && (e.seconds == "" || strings.Contains(text, `"took"`))
		}
		if !found {
			t.Errorf("nobody logs %q with %v", message, e.labels)
		}
	}
}

func BenchmarkCount(b *testing.B) {
	m := New("x")
	log := slog.New(m.Count(slog.DiscardHandler))
	b.ReportAllocs()
	for b.Loop() {
		log.LogAttrs(context.Background(), slog.LevelInfo, "activesync request", slog.String("login", "a"), slog.String("command", "Ping"), slog.Int("http", 200), slog.Duration("took", time.Millisecond))
	}
}
