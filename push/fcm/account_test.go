package fcm

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
)

// pemOf writes a key as the file has it.
func pemOf(t testing.TB, kind string, key any) string {
	t.Helper()
	var der []byte
	var err error
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if der = x509.MarshalPKCS1PrivateKey(k); kind == "PRIVATE KEY" {
			der, err = x509.MarshalPKCS8PrivateKey(k)
		}
	case *ecdsa.PrivateKey:
		if der, err = x509.MarshalECPrivateKey(k); kind == "PRIVATE KEY" {
			der, err = x509.MarshalPKCS8PrivateKey(k)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestWhatIsWrongWithAnAppIsSaidPlainly(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := func() map[string]any {
		return map[string]any{
			"type": "service_account", "project_id": "mail-1a2b3", "private_key_id": "0123abcd",
			"private_key": pemOf(t, "PRIVATE KEY", key), "client_email": "push@mail-1a2b3.iam.gserviceaccount.com",
			"token_uri": "https://oauth2.googleapis.com/token",
		}
	}
	file := func(change func(map[string]any)) App {
		m := good()
		change(m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return App{Name: "mail", ServiceAccount: b}
	}
	set := func(name string, value any) App { return file(func(m map[string]any) { m[name] = value }) }
	without := func(name string) App { return file(func(m map[string]any) { delete(m, name) }) }
	with := func(change func(*App)) App {
		a := file(func(map[string]any) {})
		change(&a)
		return a
	}
	for _, c := range []struct {
		name string
		app  App
		want string // empty: it is fine
	}{
		{"Google's file", with(func(*App) {}), ""},
		{"an older form of key", set("private_key", pemOf(t, "RSA PRIVATE KEY", key)), ""},
		{"a project of a domain", set("project_id", "example.com:mail-app"), ""},
		{"the project from the configuration", func() App { a := without("project_id"); a.ProjectID = "mail-1a2b3"; return a }(), ""},
		{"no file", App{Name: "mail"}, "service account is missing"},
		{"not JSON", App{Name: "mail", ServiceAccount: []byte("-----BEGIN")}, "not the JSON"},
		{"JSON of something else", App{Name: "mail", ServiceAccount: []byte("[1]")}, "not the JSON"},
		{"a video", App{Name: "mail", ServiceAccount: make([]byte, 1<<20)}, "too large"},
		{"the app's file", App{Name: "mail", ServiceAccount: []byte(`{"project_info":{"project_id":"x"},"client":[]}`)}, "google-services.json"},
		{"no type", without("type"), "has no type"},
		{"a person's credentials", set("type", "authorized_user"), `its type is "authorized_user"`},
		{"no address", without("client_email"), "no client_email"},
		{"no key", without("private_key"), "no private_key"},
		{"a key that is not PEM", set("private_key", "secret-key-text"), "not PEM"},
		{"a key that ends early", set("private_key", pemOf(t, "PRIVATE KEY", key)[:200]), "not PEM"},
		{"PEM of something else", set("private_key", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"), "cannot be read"},
		{"an elliptic key", set("private_key", pemOf(t, "PRIVATE KEY", curve)), "not RSA"},
		{"an elliptic key in its own form", set("private_key", pemOf(t, "EC PRIVATE KEY", curve)), "not RSA"},
		{"no project", without("project_id"), "project id is missing"},
		{"a project's number", set("project_id", "123456789012"), "is not one"},
		{"a path for a project", set("project_id", "mail/../other"), "is not one"},
		{"no token_uri", without("token_uri"), "no token_uri"},
		{"a token_uri in the clear", set("token_uri", "http://oauth2.googleapis.com/token"), "token_uri is not an https URL"},
		{"an endpoint in the clear", with(func(a *App) { a.Endpoint = "http://localhost/v1" }), "endpoint is not an https URL"},
		{"an endpoint with a password", with(func(a *App) { a.Endpoint = "https://u:secret-p@localhost/v1" }), "endpoint is not an https URL"},
		{"no name", with(func(a *App) { a.Name = "" }), "has no name"},
	} {
		_, err := New(Config{Apps: []App{c.app}})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		case err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "BEGIN")):
			t.Errorf("%s: %v has a secret in it", c.name, err)
		}
	}
	app := with(func(*App) {})
	if _, err := New(Config{Apps: []App{app, app}}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("an app twice: %v", err)
	}
	if _, err := New(Config{InFlight: -1}); err == nil {
		t.Error("a negative limit is taken")
	}
	if text := fmt.Sprintf("%v %+v", app, Config{Apps: []App{app}}); strings.Contains(text, "private_key") || strings.Contains(text, "123 34") {
		t.Errorf("printed, an app shows its key: %.100s", text)
	}
}

func TestShortKeysAreRefused(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkKey(pemOf(t, "PRIVATE KEY", key)); err == nil || !strings.Contains(err.Error(), "1024 bits") {
		t.Errorf("%v", err)
	}
}

func FuzzAccount(f *testing.F) {
	f.Add([]byte(`{"type":"service_account","client_email":"a","private_key":"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----"}`))
	f.Add([]byte(`{"project_info":{}}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		a, err := parseAccount(file)
		if err == nil && (a.Type != "service_account" || a.Email == "" || a.Key == "") {
			t.Errorf("%q is taken", file)
		}
	})
}
