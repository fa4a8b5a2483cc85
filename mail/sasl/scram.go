package sasl

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/xdg-go/stringprep"

	"martlet/directory"
)

const (
	// nonceBytes of randomness go into each nonce.
	nonceBytes = 18
	maxNonce   = 1024 // of the client's
	saltBytes  = 16
)

// scram is the server of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC
// 7677). A login that does not exist gets salt and iterations like one that
// does, and fails at the proof like one with a wrong password.
type scram struct {
	base
	secret   []byte
	bindings map[string][]byte // by name; empty: none can be had
	plus     bool
	nonce    func() string

	step        int
	header      string // GS2, as the client sent it
	binding     string // its name, or ""
	first       string // the bare client-first-message
	serverFirst string
	full        string // both nonces
	keys        Keys
	known       bool
}

func newScram(b base, secret []byte, state *tls.ConnectionState, plus bool) *scram {
	all, _ := bindings(state)
	return &scram{base: b, secret: secret, bindings: all, plus: plus, nonce: func() string {
		raw := make([]byte, nonceBytes)
		rand.Read(raw)
		return base64.StdEncoding.EncodeToString(raw)
	}}
}

// bindings are what ties an exchange to this connection: tls-exporter (RFC
// 9266), and tls-unique (RFC 5929) where there is no TLS 1.3, which has none.
func bindings(state *tls.ConnectionState) (all map[string][]byte, ok bool) {
	all = map[string][]byte{}
	if !state.HandshakeComplete {
		return all, false
	}
	if b, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32); err == nil {
		all["tls-exporter"] = b
	}
	if state.Version < tls.VersionTLS13 && len(state.TLSUnique) > 0 {
		all["tls-unique"] = state.TLSUnique
	}
	return all, len(all) > 0
}

func (m *scram) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	if len(response) > MaxResponse {
		return nil, false, ErrSyntax
	}
	switch m.step {
	case 0:
		if response == nil {
			return []byte{}, false, nil
		}
		m.step = 1
		return m.clientFirst(ctx, string(response))
	case 1:
		m.step = 2
		return m.clientFinal(ctx, string(response))
	}
	return nil, false, ErrSyntax
}

// clientFirst answers "n,,n=user,r=nonce".
func (m *scram) clientFirst(ctx context.Context, s string) ([]byte, bool, error) {
	gs2, err := parseGS2(s)
	if err != nil {
		return nil, false, err
	}
	switch {
	case gs2.binding == "y" && len(m.bindings) > 0:
		// The client can bind and believes that we cannot: somebody in between took
		// the PLUS out of our list (RFC 5802 6).
		return nil, false, directory.ErrBadCredentials
	case m.plus != (gs2.binding == "p"):
		return nil, false, ErrSyntax
	case m.plus && m.bindings[gs2.name] == nil:
		return nil, false, ErrSyntax
	}
	name, nonce, err := parseClientFirst(gs2.rest)
	if err != nil || gs2.authzid != "" && gs2.authzid != name {
		return nil, false, ErrSyntax
	}
	if m.login, err = stringprep.SASLprep.Prepare(name); err != nil || m.login == "" {
		return nil, false, ErrSyntax
	}
	m.header, m.binding, m.first = s[:len(s)-len(gs2.rest)], gs2.name, gs2.rest
	switch m.keys, err = m.authority.Keys(ctx, m.login); {
	case errors.Is(err, ErrNoKeys):
		m.keys = m.decoy()
	case err != nil:
		return nil, false, err
	default:
		m.known = true
	}
	m.full = nonce + m.nonce()
	m.serverFirst = "r=" + m.full + ",s=" + base64.StdEncoding.EncodeToString(m.keys.Salt) + ",i=" + strconv.Itoa(m.keys.Iterations)
	return []byte(m.serverFirst), false, nil
}

// decoy is what a login without keys gets: always the same salt, for its own
// would not change either.
func (m *scram) decoy() Keys {
	salt := mac(m.secret, "salt of nobody\x00"+strings.ToLower(m.login))
	return Keys{Salt: salt[:saltBytes], Iterations: m.authority.Offers().Iterations, StoredKey: make([]byte, sha256.Size), ServerKey: make([]byte, sha256.Size)}
}

// clientFinal checks "c=binding,r=nonce,p=proof".
func (m *scram) clientFinal(ctx context.Context, s string) ([]byte, bool, error) {
	at := strings.LastIndex(s, ",p=")
	if at < 0 {
		return nil, false, ErrSyntax
	}
	proof, err := base64.StdEncoding.Strict().DecodeString(s[at+len(",p="):])
	if err != nil || len(proof) != sha256.Size {
		return nil, false, ErrSyntax
	}
	c, rest, _ := strings.Cut(s[:at], ",")
	r, _, _ := strings.Cut(rest, ",") // extensions may follow
	bound, isC := strings.CutPrefix(c, "c=")
	nonce, isR := strings.CutPrefix(r, "r=")
	if !isC || !isR {
		return nil, false, ErrSyntax
	}
	binding, err := base64.StdEncoding.Strict().DecodeString(bound)
	if err != nil {
		return nil, false, ErrSyntax
	}
	want := append([]byte(m.header), m.bindings[m.binding]...)
	same := subtle.ConstantTimeCompare(binding, want) == 1 && nonce == m.full
	text := m.first + "," + m.serverFirst + "," + s[:at]
	signature := mac(m.keys.StoredKey, text)
	key := make([]byte, sha256.Size)
	subtle.XORBytes(key, proof, signature)
	stored := sha256.Sum256(key)
	right := hmac.Equal(stored[:], m.keys.StoredKey) && same && m.known
	if m.account, err = m.authority.Proved(ctx, m.login, right); err != nil {
		return nil, false, err
	}
	verifier := base64.StdEncoding.EncodeToString(mac(m.keys.ServerKey, text))
	return []byte("v=" + verifier), true, nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// gs2 is the header of RFC 5801 4: whether the client binds the channel, and
// whom it wants to be.
type gs2 struct {
	binding string // "n", "y" or "p"
	name    string // of the binding
	authzid string
	rest    string // behind the header
}

func parseGS2(s string) (g gs2, err error) {
	flag, rest, ok := strings.Cut(s, ",")
	if !ok {
		return g, ErrSyntax
	}
	if name, isP := strings.CutPrefix(flag, "p="); isP {
		g.binding, g.name = "p", name
	} else if flag == "n" || flag == "y" {
		g.binding = flag
	} else {
		return g, ErrSyntax
	}
	authzid, rest, ok := strings.Cut(rest, ",")
	if !ok {
		return g, ErrSyntax
	}
	if authzid != "" {
		a, isA := strings.CutPrefix(authzid, "a=")
		if g.authzid, ok = unescape(a); !isA || !ok || g.authzid == "" {
			return g, ErrSyntax
		}
	}
	g.rest = rest
	return g, nil
}

// parseClientFirst reads the bare message: a mandatory extension "m=" in front
// is one that we do not know.
func parseClientFirst(s string) (name, nonce string, err error) {
	n, rest, _ := strings.Cut(s, ",")
	r, _, _ := strings.Cut(rest, ",") // extensions may follow
	name, isN := strings.CutPrefix(n, "n=")
	nonce, isR := strings.CutPrefix(r, "r=")
	name, ok := unescape(name)
	if !isN || !isR || !ok || name == "" || nonce == "" || len(nonce) > maxNonce {
		return "", "", ErrSyntax
	}
	for i := range len(nonce) {
		if nonce[i] <= ' ' || nonce[i] >= 0x7f {
			return "", "", ErrSyntax
		}
	}
	return name, nonce, nil
}

// unescape reads a saslname (RFC 5802 5.1): "=2C" is a comma and "=3D" an equals
// sign, which stands for nothing else.
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, 0) >= 0 {
		return "", false
	}
	var b bytes.Buffer
	for s != "" {
		before, after, found := strings.Cut(s, "=")
		b.WriteString(before)
		if !found {
			break
		}
		switch {
		case strings.HasPrefix(after, "2C"):
			b.WriteByte(',')
		case strings.HasPrefix(after, "3D"):
			b.WriteByte('=')
		default:
			return "", false
		}
		s = after[2:]
	}
	return b.String(), true
}
