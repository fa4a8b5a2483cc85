package main

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"martlet/gateway/activesync"
	"martlet/gateway/admin"
)

// reloadable is a server whose configuration is in a file.
type reloadable struct {
	*server
	t    *testing.T
	file string
	log  *logWatch
}

// logWatch keeps what is logged and lets wait for a line.
type logWatch struct {
	lines chan string
}

func (l *logWatch) Write(p []byte) (int, error) {
	l.lines <- string(p)
	return len(p), nil
}

func (l *logWatch) wait(t *testing.T, text string) string {
	t.Helper()
	for {
		select {
		case line := <-l.lines:
			if strings.Contains(line, text) {
				return line
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%q is not logged", text)
		}
	}
}

func newReloadable(t *testing.T, text string) *reloadable {
	t.Helper()
	r := &reloadable{t: t, file: filepath.Join(t.TempDir(), "martlet.toml"), log: &logWatch{make(chan string, 1000)}}
	r.write(text)
	c, err := loadConfig(r.file)
	if err != nil {
		t.Fatal(err)
	}
	log, level := newLogger(r.log, &c)
	if r.server, err = (launch{log: log, level: level}).start(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *reloadable) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte("hostname = \"mail.example.org\"\n[store]\npath = \"data\"\n"+text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// command reloads as an administrator does.
func (r *reloadable) command() (string, error) {
	r.t.Helper()
	var out strings.Builder
	a := newApp(os.Stdin, &out, io.Discard)
	cmd := a.root()
	cmd.SetArgs([]string{"reload", "-c", r.file})
	err := cmd.ExecuteContext(r.t.Context())
	return out.String(), err
}

func TestReloadChangesWhatCanChangeAndNamesTheRest(t *testing.T) {
	r := newReloadable(t, "[http]\nlisten = \"127.0.0.1:0\"\n[log]\nlevel = \"warn\"\n")
	if out, err := r.command(); err != nil || out != "nothing has changed\n" {
		t.Errorf("%q, %v", out, err)
	}
	r.write("[http]\nlisten = \"127.0.0.1:0\"\n[log]\nlevel = \"debug\"\n[activesync]\nmax_heartbeat = 1200\nmanaged_elsewhere = true\n[smtp]\nlisten = \"127.0.0.1:0\"\n")
	out, err := r.command()
	want := "changed: log.level, activesync.managed_elsewhere, activesync.max_heartbeat\nwaits for a restart or martlet upgrade: smtp.listen\n"
	if err != nil || out != want {
		t.Errorf("%q, %v", out, err)
	}
	if r.level.Level() != slog.LevelDebug {
		t.Error("the log's level stays")
	}
	if line := r.log.wait(t, "configuration reloaded"); !strings.Contains(line, "needs_restart=smtp.listen") {
		t.Error(line)
	}
	// What waits is named until it was done.
	if out, err := r.command(); err != nil || out != "waits for a restart or martlet upgrade: smtp.listen\n" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestAWrongFileChangesNothing(t *testing.T) {
	r := newReloadable(t, "[http]\nlisten = \"127.0.0.1:0\"\n")
	r.write("[log]\nlevel = \"debug\"\n[activesync]\nmax_heartbeat = 36000\n")
	_, said := r.command()
	_, err := r.reload(t.Context())
	if said == nil || said.Error() != err.Error() {
		t.Errorf("the command says %v", said)
	}
	if want := r.file + ":7: activesync.max_heartbeat: 36000 is not"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	if r.level.Level() != slog.LevelInfo {
		t.Error("the level has changed")
	}
	if line := r.log.wait(t, "nothing has changed"); !strings.Contains(line, ":7: activesync.max_heartbeat") {
		t.Error(line)
	}
}

func TestSIGHUPTakesARenewedCertificateAtOnce(t *testing.T) {
	dir := t.TempDir()
	made := func(name string) (cert, key string) {
		p := &pair{cert: filepath.Join(dir, name+".pem"), key: filepath.Join(dir, name+".key")}
		if err := makeSelfSigned(p, []string{"mail.example.org"}, time.Now()); err != nil {
			t.Fatal(err)
		}
		return p.cert, p.key
	}
	cert, key := made("first")
	text := func(cert, key string) string {
		return "[https]\nlisten = \"127.0.0.1:0\"\ntls = { cert = \"" + cert + "\", key = \"" + key + "\" }\n"
	}
	r := newReloadable(t, text(cert, key))
	serial := func() string {
		t.Helper()
		conn, err := tls.Dial("tcp", r.Addr("https"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	ctx, cancel := context.WithCancel(t.Context())
	asked, quiet := wishes()
	tended := make(chan error, 1)
	go func() { _, err := r.tend(ctx, asked); tended <- err }()
	defer func() { cancel(); <-tended; quiet() }()
	hangup := func() {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	first := serial()
	made("first") // renewed under the same name
	hangup()
	if line := r.log.wait(t, "configuration reloaded"); !strings.Contains(line, "changed=certificate") {
		t.Error(line)
	}
	second := serial()
	if second == first {
		t.Error("the old certificate is still given out")
	}
	other, otherKey := made("other")
	r.write(text(other, key)) // does not match
	hangup()
	if line := r.log.wait(t, "nothing has changed"); !strings.Contains(line, "https.tls") {
		t.Error(line)
	}
	if serial() != second {
		t.Error("a certificate without its key is taken")
	}
	r.write(text(other, otherKey))
	hangup()
	r.log.wait(t, "https.tls certificate")
	if serial() == second {
		t.Error("the other files are not taken")
	}
}

// Every setting is either changed by a reload or named as one that waits.
func TestEverySettingIsLookedAt(t *testing.T) {
	for i := range reflect.TypeFor[Config]().NumField() {
		field := reflect.TypeFor[Config]().Field(i)
		if slices.Contains([]string{"File", "KeyFile", "Missing", "PublicURL", "SMIMERoots", "TLS", "ActiveSync"}, field.Name) {
			continue // follow from others, or are looked at below
		}
		var a, b Config
		v := reflect.ValueOf(&b).Elem().Field(i)
		switch v.Kind() {
		case reflect.String:
			v.SetString("x")
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Int, reflect.Int64:
			v.SetInt(4)
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		case reflect.Struct:
			if f := v.Field(0); f.CanSet() && f.CanUint() {
				f.SetUint(1)
			} else {
				continue
			}
		default:
			continue
		}
		if now, restart := a.differences(&b); len(now)+len(restart) == 0 {
			t.Errorf("a change of %s is not noticed", field.Name)
		}
	}
	for i := range reflect.TypeFor[activesync.Rules]().NumField() {
		var a, b Config
		v := reflect.ValueOf(&b.ActiveSync).Elem().Field(i)
		if v.Kind() == reflect.Bool {
			v.SetBool(true)
		} else {
			v.SetInt(int64(time.Minute))
		}
		if now, restart := a.differences(&b); len(now) != 1 || len(restart) != 0 {
			t.Errorf("a change of ActiveSync.%s: %v, %v", reflect.TypeFor[activesync.Rules]().Field(i).Name, now, restart)
		}
	}
	var a, b Config
	b.TLS = TLSConfig{Mode: tlsACME, Email: "a@example.org"}
	if now, restart := a.differences(&b); len(now) != 0 || !slices.Equal(restart, []string{"https.tls", "acme"}) {
		t.Errorf("%v, %v", now, restart)
	}
}

func TestReloadWithoutAServerSaysSo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "martlet.toml")
	if err := os.WriteFile(file, []byte("[store]\npath = \"data\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := newApp(os.Stdin, io.Discard, io.Discard).root()
	cmd.SetArgs([]string{"reload", "-c", file})
	if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), admin.ErrNotRunning.Error()) {
		t.Error(err)
	}
}
