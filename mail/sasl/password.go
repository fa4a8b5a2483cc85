package sasl

import (
	"bytes"
	"context"
	"crypto/tls"
)

// password is PLAIN (RFC 4616).
type password struct{ base }

func (m *password) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	if response == nil {
		return []byte{}, false, nil
	}
	parts := bytes.Split(response, []byte{0})
	// Nobody may act as another, so an authorization identity other than the login
	// is a mistake.
	if len(response) > MaxResponse || len(parts) != 3 || len(parts[1]) == 0 || len(parts[0]) > 0 && !bytes.Equal(parts[0], parts[1]) {
		return nil, false, ErrSyntax
	}
	m.login = string(parts[1])
	return m.enter(m.authority.Password(ctx, m.login, string(parts[2])))
}

// asked is LOGIN, which has no standard but many clients.
type asked struct {
	base
	named bool
}

func (m *asked) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	switch {
	case response == nil:
		return []byte("Username:"), false, nil
	case len(response) > MaxResponse:
		return nil, false, ErrSyntax
	case !m.named:
		if len(response) == 0 {
			return nil, false, ErrSyntax
		}
		m.login, m.named = string(response), true
		return []byte("Password:"), false, nil
	}
	return m.enter(m.authority.Password(ctx, m.login, string(response)))
}

// certificate is EXTERNAL (RFC 4422 appendix A): TLS has told already who the
// client is, and the response only whom it wants to be.
type certificate struct {
	base
	tls *tls.ConnectionState
}

func (m *certificate) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	if response == nil {
		return []byte{}, false, nil
	}
	if len(response) > MaxResponse || bytes.IndexByte(response, 0) >= 0 {
		return nil, false, ErrSyntax
	}
	m.login = string(response)
	return m.enter(m.authority.Certificate(ctx, m.tls, m.login))
}
