package sasl

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	xdg "github.com/xdg-go/scram"

	"martlet/directory"
)

// people is an authority of one account with everything there is.
type people struct {
	password, token string
	iterations      int
	asked           int // of passwords
	offers          Offers
}

const user = "ada@example.org"

func newPeople() *people {
	return &people{password: "pass,wörd=1", token: "tok.en", iterations: 4096,
		offers: Offers{Keys: true, Tokens: true, Certificates: true, Iterations: 4096, OpenID: "https://login.example.org/.well-known/openid-configuration"}}
}

func (p *people) ada(right bool) (directory.Account, error) {
	if !right {
		return directory.Account{}, directory.ErrBadCredentials
	}
	return directory.Account{ID: 7, Login: user}, nil
}

func (p *people) Password(_ context.Context, login, password string) (directory.Account, error) {
	p.asked++
	return p.ada(login == user && password == p.password)
}

func (p *people) Keys(_ context.Context, login string) (Keys, error) {
	if login != user {
		return Keys{}, ErrNoKeys
	}
	return keysOf(p.password, []byte("salt of ada"), p.iterations), nil
}

func (p *people) Proved(_ context.Context, login string, right bool) (directory.Account, error) {
	return p.ada(right && login == user)
}

func (p *people) Token(_ context.Context, login, token string) (directory.Account, error) {
	return p.ada((login == user || login == "") && token == p.token)
}

func (p *people) Certificate(_ context.Context, _ *tls.ConnectionState, login string) (directory.Account, error) {
	return p.ada(login == "" || login == user)
}

func (p *people) Offers() Offers { return p.offers }

func keysOf(password string, salt []byte, iterations int) Keys {
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		panic(err)
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	return Keys{salt, iterations, stored[:], mac(salted, "Server Key")}
}

// handshake is what both ends know of a TLS connection.
func handshake(t testing.TB, version uint16) (server, client tls.ConnectionState) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"mail.example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	s := tls.Server(a, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version, ClientAuth: tls.RequestClientCert})
	c := tls.Client(b, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{cert}, MaxVersion: version})
	done := make(chan error, 1)
	go func() { done <- s.Handshake() }()
	if err := errors.Join(c.Handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	return s.ConnectionState(), c.ConnectionState()
}

// login runs a mechanism against responses that are the same whatever is asked.
func (p *people) login(t testing.TB, state *tls.ConnectionState, name string, initial []byte, responses ...string) (challenges []string, err error) {
	t.Helper()
	c := &Config{Authority: p, Secret: []byte("secret")}
	m, err := c.New(name, Client{TLS: state})
	if err != nil {
		return nil, err
	}
	err = Converse(t.Context(), m, initial, func(challenge []byte) ([]byte, error) {
		challenges = append(challenges, string(challenge))
		if len(responses) == 0 {
			return []byte{}, nil
		}
		r := responses[0]
		responses = responses[1:]
		return []byte(r), nil
	})
	if (err == nil) != (m.Account().ID == 7) {
		t.Fatalf("%s: %v, and the account is %d", name, err, m.Account().ID)
	}
	return challenges, err
}

func TestNothingIsOfferedInTheClear(t *testing.T) {
	c := &Config{Authority: newPeople()}
	if got := c.Offered(Client{}); len(got) > 0 {
		t.Errorf("%v are offered", got)
	}
	for _, name := range []string{"PLAIN", "LOGIN", "SCRAM-SHA-256", "EXTERNAL", "XOAUTH2", "CRAM-MD5", ""} {
		if _, err := c.New(name, Client{}); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestWhatIsOfferedIsWhatCanBeAsked(t *testing.T) {
	state, _ := handshake(t, tls.VersionTLS13)
	p := newPeople()
	offered := func() string { return strings.Join((&Config{Authority: p}).Offered(Client{TLS: &state}), " ") }
	if got, want := offered(), "SCRAM-SHA-256-PLUS SCRAM-SHA-256 EXTERNAL OAUTHBEARER XOAUTH2 PLAIN LOGIN"; got != want {
		t.Errorf("offered: %s, want %s", got, want)
	}
	p.offers = Offers{Keys: true}
	state.PeerCertificates = nil
	if got, want := offered(), "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"; got != want {
		t.Errorf("offered: %s, want %s", got, want)
	}
}

func TestPasswordsInTheirMechanisms(t *testing.T) {
	state, _ := handshake(t, tls.VersionTLS13)
	p := newPeople()
	for _, c := range []struct {
		mechanism string
		initial   []byte
		responses []string
		want      error
	}{
		{"plain", []byte("\x00" + user + "\x00" + p.password), nil, nil},
		{"PLAIN", nil, []string{"\x00" + user + "\x00" + p.password}, nil},
		{"PLAIN", []byte(user + "\x00" + user + "\x00" + p.password), nil, nil},
		{"PLAIN", []byte("bob@example.org\x00" + user + "\x00" + p.password), nil, ErrSyntax},
		{"PLAIN", []byte("\x00" + user + "\x00wrong"), nil, directory.ErrBadCredentials},
		{"PLAIN", []byte{}, nil, ErrSyntax},
		{"PLAIN", []byte("\x00\x00x"), nil, ErrSyntax},
		{"PLAIN", []byte("\x00" + user + "\x00a\x00b"), nil, ErrSyntax},
		{"LOGIN", nil, []string{user, p.password}, nil},
		{"LOGIN", []byte(user), []string{p.password}, nil},
		{"LOGIN", nil, []string{"", p.password}, ErrSyntax},
		{"LOGIN", nil, []string{user, "wrong"}, directory.ErrBadCredentials},
		{"EXTERNAL", []byte{}, nil, nil},
		{"EXTERNAL", nil, []string{user}, nil},
		{"EXTERNAL", []byte("bob@example.org"), nil, directory.ErrBadCredentials},
		{"EXTERNAL", []byte("a\x00b"), nil, ErrSyntax},
	} {
		if _, err := p.login(t, &state, c.mechanism, c.initial, c.responses...); !errors.Is(err, c.want) {
			t.Errorf("%s %q %q: %v, want %v", c.mechanism, c.initial, c.responses, err, c.want)
		}
	}
}

func TestTokensInTheirMechanisms(t *testing.T) {
	state, _ := handshake(t, tls.VersionTLS13)
	p := newPeople()
	for _, c := range []struct {
		mechanism, initial string
		want               error
	}{
		{"OAUTHBEARER", "n,a=" + user + ",\x01host=mail.example.org\x01port=993\x01auth=Bearer tok.en\x01\x01", nil},
		{"OAUTHBEARER", "y,,\x01auth=bearer tok.en\x01\x01", nil},
		{"OAUTHBEARER", "n,a=" + user + ",\x01auth=Bearer other\x01\x01", directory.ErrBadCredentials},
		{"OAUTHBEARER", "n,a=bob@example.org,\x01auth=Bearer tok.en\x01\x01", directory.ErrBadCredentials},
		{"OAUTHBEARER", "n,a=" + user + ",\x01auth=\x01\x01", directory.ErrBadCredentials},
		{"OAUTHBEARER", "n,a=" + user + ",\x01auth=Basic abc\x01\x01", ErrSyntax},
		{"OAUTHBEARER", "n,a=" + user + ",\x01auth=Bearer tok.en\x01", ErrSyntax},
		{"OAUTHBEARER", "n,a=" + user + ",\x01auth=Bearer tok.en\x01auth=Bearer tok.en\x01\x01", ErrSyntax},
		{"OAUTHBEARER", "p=tls-exporter,,\x01auth=Bearer tok.en\x01\x01", ErrSyntax},
		{"OAUTHBEARER", "", ErrSyntax},
		{"XOAUTH2", "user=" + user + "\x01auth=Bearer tok.en\x01\x01", nil},
		{"XOAUTH2", "user=" + user + "\x01auth=Bearer other\x01\x01", directory.ErrBadCredentials},
		{"XOAUTH2", "auth=Bearer tok.en\x01\x01", ErrSyntax},
		{"XOAUTH2", "user=" + user + "\x01auth=Bearer tok en\x01\x01", ErrSyntax},
	} {
		challenges, err := p.login(t, &state, c.mechanism, []byte(c.initial), "\x01")
		if !errors.Is(err, c.want) {
			t.Errorf("%s %q: %v, want %v", c.mechanism, c.initial, err, c.want)
		}
		if errors.Is(c.want, directory.ErrBadCredentials) {
			var said map[string]string
			if len(challenges) != 1 || json.Unmarshal([]byte(challenges[0]), &said) != nil || said["status"] != "invalid_token" || said["openid-configuration"] != p.offers.OpenID {
				t.Errorf("%s %q: told %q", c.mechanism, c.initial, challenges)
			}
		}
	}
}

// The example of RFC 7677 3.
func TestTheExampleOfTheStandard(t *testing.T) {
	state, _ := handshake(t, tls.VersionTLS13)
	m := newScram(base{authority: pencil{newPeople()}}, []byte("secret"), &state, false)
	m.nonce = func() string { return "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0" }
	m.bindings = nil
	challenge, done, err := m.Next(t.Context(), []byte("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"))
	if want := "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"; string(challenge) != want || done || err != nil {
		t.Fatalf("first: %s, %v, %v", challenge, done, err)
	}
	challenge, done, err = m.Next(t.Context(), []byte("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="))
	if want := "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="; string(challenge) != want || !done || err != nil {
		t.Fatalf("final: %s, %v, %v", challenge, done, err)
	}
}

// pencil knows the account of the example.
type pencil struct{ *people }

func (pencil) Keys(context.Context, string) (Keys, error) {
	return keysOf("pencil", []byte("[m\x99h\x9d\x12\x35\x8e\xec\xa0K\x14\x126\xfa\x81"), 4096), nil
}

func (p pencil) Proved(_ context.Context, _ string, right bool) (directory.Account, error) {
	return p.ada(right)
}

// A library's client, with and without the channel bound, over both versions of
// TLS.
func TestTheLibrarysClientLogsInWithSCRAM(t *testing.T) {
	p := newPeople()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server, client := handshake(t, version)
		exporter := xdg.ChannelBinding{Type: xdg.ChannelBindingTLSExporter}
		exporter.Data, _ = client.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
		stolen := exporter
		stolen.Data = bytes.Repeat([]byte{1}, 32)
		unique := xdg.ChannelBinding{Type: xdg.ChannelBindingTLSUnique, Data: client.TLSUnique}
		for _, c := range []struct {
			name, mechanism, password string
			binding                   xdg.ChannelBinding
			want                      error
		}{
			{"plain", "SCRAM-SHA-256", p.password, xdg.ChannelBinding{}, nil},
			{"wrong password", "SCRAM-SHA-256", "wrong", xdg.ChannelBinding{}, directory.ErrBadCredentials},
			{"bound", "SCRAM-SHA-256-PLUS", p.password, exporter, nil},
			{"bound elsewhere", "SCRAM-SHA-256-PLUS", p.password, stolen, directory.ErrBadCredentials},
			{"bound without saying so", "SCRAM-SHA-256", p.password, exporter, ErrSyntax},
			{"not bound", "SCRAM-SHA-256-PLUS", p.password, xdg.ChannelBinding{}, ErrSyntax},
			{"unique", "SCRAM-SHA-256-PLUS", p.password, unique, map[uint16]error{tls.VersionTLS13: ErrSyntax}[version]},
		} {
			t.Run(tls.VersionName(version)+" "+c.name, func(t *testing.T) {
				if got := p.scram(t, &server, c.mechanism, user, c.password, c.binding); !errors.Is(got, c.want) {
					t.Errorf("%v, want %v", got, c.want)
				}
			})
		}
	}
}

func (p *people) scram(t *testing.T, server *tls.ConnectionState, mechanism, login, password string, binding xdg.ChannelBinding) error {
	t.Helper()
	c, err := xdg.SHA256.NewClient(login, password, "")
	if err != nil {
		t.Fatal(err)
	}
	talk := c.NewConversation()
	if binding.Type != xdg.ChannelBindingNone {
		talk = c.NewConversationWithChannelBinding(binding)
	}
	m, err := (&Config{Authority: p, Secret: []byte("secret")}).New(mechanism, Client{TLS: server})
	if err != nil {
		return err
	}
	first, err := talk.Step("")
	if err != nil {
		t.Skipf("the client has no channel of that kind: %v", err)
	}
	err = Converse(t.Context(), m, []byte(first), func(challenge []byte) ([]byte, error) {
		answer, err := talk.Step(string(challenge))
		return []byte(answer), err
	})
	if err == nil && (!talk.Valid() || m.Account().ID != 7 || m.Login() != user) {
		t.Errorf("the client believes us: %v; account %d, login %q", talk.Valid(), m.Account().ID, m.Login())
	}
	return err
}

// A client that could bind and was told that we cannot was lied to.
func TestADowngradeIsNoticed(t *testing.T) {
	state, _ := handshake(t, tls.VersionTLS13)
	p := newPeople()
	if _, err := p.login(t, &state, "SCRAM-SHA-256", []byte("y,,n="+user+",r=abc")); !errors.Is(err, directory.ErrBadCredentials) {
		t.Errorf("%v", err)
	}
}

func TestALoginThatDoesNotExistLooksLikeOneThatDoes(t *testing.T) {
	state, _ := handshake(t, tls.VersionTLS13)
	p := newPeople()
	first := func(login string, config Config) string {
		m, err := config.New("SCRAM-SHA-256", Client{TLS: &state})
		if err != nil {
			t.Fatal(err)
		}
		challenge, _, err := m.Next(t.Context(), []byte("n,,n="+login+",r=abc"))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(challenge), ",")
		if _, _, err := m.Next(t.Context(), []byte("c=biws,"+string(challenge[:bytes.IndexByte(challenge, ',')])+",p="+strings.Repeat("A", 43)+"=")); !errors.Is(err, directory.ErrBadCredentials) {
			t.Errorf("%s: %v", login, err)
		}
		return rest
	}
	ours := Config{Authority: p, Secret: []byte("secret")}
	nobody := first("nobody@example.org", ours)
	if nobody != first("nobody@example.org", ours) || nobody != first("Nobody@Example.org", ours) {
		t.Error("a login that does not exist changes its salt")
	}
	if nobody == first("noone@example.org", ours) || nobody == first("nobody@example.org", Config{Authority: p, Secret: []byte("other")}) {
		t.Error("salts can be told to be made up")
	}
	if _, i, _ := strings.Cut(nobody, ",i="); i != "4096" {
		t.Errorf("iterations: %s", i)
	}
}

func TestBrokenSCRAM(t *testing.T) {
	state, _ := handshake(t, tls.VersionTLS13)
	p := newPeople()
	for _, first := range []string{
		"", "n", "n,", "n,,", "n,,n=" + user, "n,,r=abc,n=" + user, "n,,n=,r=abc", "n,,n=" + user + ",r=",
		"x,,n=" + user + ",r=abc", "n,a=,n=" + user + ",r=abc", "n,a=bob,n=" + user + ",r=abc", "n,,m=1,n=" + user + ",r=abc",
		"n,,n=a=2Db,r=abc", "n,,n=\x07,r=abc", "n,,n=" + user + ",r=a\x00c", "n,,n=" + user + ",r=" + strings.Repeat("x", maxNonce+1),
	} {
		if _, err := p.login(t, &state, "SCRAM-SHA-256", []byte(first)); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %v", first, err)
		}
	}
	for _, final := range []string{"", "c=biws", "c=biws,r=abc", "c=biws,r=abc,p=AAAA", "c=!,r=abc,p=" + strings.Repeat("A", 43) + "=", "r=abc,c=biws,p=" + strings.Repeat("A", 43) + "="} {
		if _, err := p.login(t, &state, "SCRAM-SHA-256", []byte("n,,n="+user+",r=abc"), final); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %v", final, err)
		}
	}
}

// Somebody who knows the password but not our nonce, or whose gs2 header was
// changed on the way, is not let in.
func TestAReplayIsNotLetIn(t *testing.T) {
	state, _ := handshake(t, tls.VersionTLS13)
	p := newPeople()
	for _, forged := range []string{"nonce", "header"} {
		m, err := (&Config{Authority: p}).New("SCRAM-SHA-256", Client{TLS: &state})
		if err != nil {
			t.Fatal(err)
		}
		serverFirst, _, err := m.Next(t.Context(), []byte("n,,n="+user+",r=abc"))
		if err != nil {
			t.Fatal(err)
		}
		nonce, _, _ := strings.Cut(string(serverFirst), ",")
		final := "c=biws," + nonce + "x"
		if forged == "header" {
			final = "c=eSws," + nonce // y,,
		}
		salted, _ := pbkdf2.Key(sha256.New, p.password, []byte("salt of ada"), 4096, 32)
		key := mac(salted, "Client Key")
		stored := sha256.Sum256(key)
		sign := mac(stored[:], "n="+user+",r=abc,"+string(serverFirst)+","+final)
		for i := range key {
			key[i] ^= sign[i]
		}
		if _, _, err := m.Next(t.Context(), []byte(final+",p="+base64.StdEncoding.EncodeToString(key))); !errors.Is(err, directory.ErrBadCredentials) {
			t.Errorf("%s: %v", forged, err)
		}
	}
}

func TestDecode(t *testing.T) {
	for text, want := range map[string]string{"": "", "=": "", "AGE=": "\x00a"} {
		if got, err := Decode(text); err != nil || got == nil || string(got) != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"A", "AGE", "AG\r\nE=", "AGF=", "*", strings.Repeat("AAAA", MaxResponse/3+2)} {
		if _, err := Decode(text); !errors.Is(err, ErrSyntax) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// Whatever a client says, only the right password or token lets it in.
func FuzzMechanisms(f *testing.F) {
	state, _ := handshake(f, tls.VersionTLS13)
	f.Add(uint8(0), []byte("n,,n="+user+",r=abc"), []byte("c=biws,r=abc,p=AAAA"))
	f.Add(uint8(1), []byte("p=tls-exporter,,n="+user+",r=abc"), []byte(""))
	f.Add(uint8(2), []byte(""), []byte(""))
	f.Add(uint8(3), []byte("n,a="+user+",\x01auth=Bearer x\x01\x01"), []byte("\x01"))
	f.Add(uint8(4), []byte("user="+user+"\x01auth=Bearer x\x01\x01"), []byte(""))
	f.Add(uint8(5), []byte("\x00"+user+"\x00x"), []byte(""))
	f.Add(uint8(6), []byte(user), []byte("x"))
	p := newPeople()
	p.iterations = 1
	p.password, p.token = rand.Text(), strings.ToLower(rand.Text())
	config := &Config{Authority: p, Secret: []byte("secret")}
	names := config.Offered(Client{TLS: &state})
	slices.Sort(names)
	f.Fuzz(func(t *testing.T, which uint8, first, second []byte) {
		name := names[int(which)%len(names)]
		m, err := config.New(name, Client{TLS: &state})
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		err = Converse(t.Context(), m, first, func([]byte) ([]byte, error) {
			if asked++; asked > 4 {
				t.Fatalf("%s asks without end", name)
			}
			return second, nil
		})
		if err == nil && name != external {
			t.Fatalf("%s let in %q, %q", name, first, second)
		}
	})
}
