package acceptance

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// proxied is a proxy of docs/proxies, run as its file says but for places and
// ports.
type proxied struct {
	program string
	file    string
	edits   func(p *proxied) []string // what stands in the file, and instead of it
	check   func(file string) []string
	run     func(file string) []string

	dir, listen, behind, cert, key string
}

func proxies() []*proxied {
	return []*proxied{
		{
			program: "nginx", file: "nginx.conf",
			edits: func(p *proxied) []string {
				return []string{
					"server {", "daemon off;\nmaster_process off;\npid " + p.dir + "/nginx.pid;\nerror_log " + p.dir + "/error.log;\nevents { worker_connections 256; }\n" +
						"http {\naccess_log off;\nclient_body_temp_path " + p.dir + "/body;\nproxy_temp_path " + p.dir + "/temp;\nfastcgi_temp_path " + p.dir + "/f;\nuwsgi_temp_path " + p.dir + "/u;\nscgi_temp_path " + p.dir + "/s;\nserver {",
					"listen 443 ssl", "listen " + p.listen + " ssl", "/etc/ssl/mail.example.org/fullchain.pem", p.cert, "/etc/ssl/mail.example.org/privkey.pem", p.key,
					"proxy_buffering off;\n    }\n}\n", "proxy_buffering off;\n    }\n}\n}\n",
				}
			},
			check: func(f string) []string { return []string{"-t", "-q", "-c", f} },
			run:   func(f string) []string { return []string{"-c", f} },
		},
		{
			program: "haproxy", file: "haproxy.cfg",
			edits: func(p *proxied) []string {
				return []string{"maxconn 20000", "maxconn 200", "bind :443", "bind " + p.listen, "/etc/haproxy/mail.example.org.pem", p.dir + "/both.pem"}
			},
			check: func(f string) []string { return []string{"-c", "-q", "-f", f} },
			run:   func(f string) []string { return []string{"-db", "-f", f} },
		},
		{
			program: "caddy", file: "Caddyfile",
			edits: func(p *proxied) []string {
				return []string{
					"{\n\tservers", "{\n\tadmin off\n\tauto_https disable_redirects\n\tservers",
					"mail.example.org, autodiscover.example.org {", "https://" + p.listen + " {\n\tbind 127.0.0.1\n\ttls " + p.cert + " " + p.key,
				}
			},
			check: func(f string) []string { return []string{"validate", "--adapter", "caddyfile", "--config", f} },
			run:   func(f string) []string { return []string{"run", "--adapter", "caddyfile", "--config", f} },
		},
	}
}

// start runs the proxy with a limit in place of an hour.
func (p *proxied) start(t *testing.T, limit string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "proxies", p.file))
	if err != nil {
		t.Fatal(err)
	}
	s := string(text)
	for e := p.edits(p); len(e) > 0; e = e[2:] {
		if !strings.Contains(s, e[0]) {
			t.Fatalf("%s has no %q", p.file, e[0])
		}
		s = strings.Replace(s, e[0], e[1], 1)
	}
	if !strings.Contains(s, "3600s") {
		t.Fatalf("%s does not allow an hour", p.file)
	}
	s = strings.ReplaceAll(strings.ReplaceAll(s, "127.0.0.1:8080", p.behind), "3600s", limit)
	cert, err1 := os.ReadFile(p.cert)
	key, err2 := os.ReadFile(p.key)
	file := filepath.Join(p.dir, p.file)
	if err := errors.Join(err1, err2, os.WriteFile(file, []byte(s), 0o600), os.WriteFile(filepath.Join(p.dir, "both.pem"), append(cert, key...), 0o600)); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "HOME="+p.dir, "XDG_DATA_HOME="+p.dir, "XDG_CONFIG_HOME="+p.dir)
	check := exec.Command(p.program, p.check(file)...)
	check.Env = env
	if out, err := check.CombinedOutput(); err != nil {
		t.Fatalf("%s does not take docs/proxies/%s: %v\n%s", p.program, p.file, err, out)
	}
	var out bytes.Buffer
	cmd := exec.Command(p.program, p.run(file)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s: %s", p.program, &out)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.DialTimeout("tcp", p.listen, time.Second)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen: %v", p.program, err)
		}
	}
}

// The proxies of the documentation let a phone wait: one that would end the
// request after three seconds does, the one of the documentation does not.
func TestPhonesWaitThroughTheProxiesOfTheDocumentation(t *testing.T) {
	thorough(t)
	h := newHouse(t, "[https]\nlisten = \"127.0.0.1:0\"\n[activesync]\nmin_heartbeat = 1\n")
	t.Run("all", func(t *testing.T) { h.throughAll(t) }) // the house stands until they are done
}

func (h *house) throughAll(t *testing.T) {
	for _, p := range proxies() {
		for limit, want := range map[string]bool{"3600s": true, "3s": false} {
			t.Run(p.program+" "+limit, func(t *testing.T) {
				if _, err := exec.LookPath(p.program); err != nil {
					t.Skipf("%s is not installed", p.program)
				}
				t.Parallel()
				q := *p
				q.dir, q.listen, q.behind = t.TempDir(), free(t), h.HTTP
				q.cert, q.key = filepath.Join(h.Dir, "data", "tls", "self-signed.crt"), filepath.Join(h.Dir, "data", "tls", "self-signed.key")
				q.start(t, limit)
				h.waitThrough(t, &q, want)
			})
		}
	}
}

// waitThrough has a phone wait for six seconds.
func (h *house) waitThrough(t *testing.T, p *proxied, want bool) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // self-signed
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, p.listen)
		},
	}, Timeout: time.Minute}
	t.Cleanup(client.CloseIdleConnections)
	ph, err := phone.New(phone.Config{
		URL: "https://" + p.listen, User: robin, Password: password, DeviceID: strings.ToUpper(p.program) + fmt.Sprint(want), HTTPClient: client, Version: eas.V161,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ph.Provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := ph.FolderSync(t.Context()); err != nil {
		t.Fatal(err)
	}
	inbox, err := ph.Folder(eas.FolderInbox)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ph.Sync(t.Context(), inbox.ServerID, phone.SyncOptions{All: true}); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	got, err := ph.Ping(t.Context(), 6*time.Second, inbox.ServerID)
	held := time.Since(start)
	switch {
	case want && (err != nil || got.Status != eas.PingStatusExpired || held < 6*time.Second):
		t.Errorf("after %v: %v, %v", held, got, err)
	case !want && (err == nil || held > 5500*time.Millisecond):
		t.Errorf("a limit of 3 s ends nothing: after %v: %v, %v", held, got, err)
	}
}

// free is an address that was free a moment ago.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
