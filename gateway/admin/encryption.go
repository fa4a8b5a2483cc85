package admin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"martlet/directory"
	"martlet/mail/encrypt"
)

// Encryption is how a user's arriving mail is encrypted, as shown to an
// administrator.
type Encryption struct {
	Login        string     `json:"login"`
	Method       string     `json:"method"` // "openpgp", "smime" or "off"
	Fingerprints []string   `json:"fingerprints"`
	Expires      *time.Time `json:"expires,omitempty"` // when the last key cannot be used any more; nil: never
	Problem      string     `json:"problem,omitempty"` // why mail stays plain all the same
}

// EncryptionRequest names a user, and what is wanted of arriving mail.
type EncryptionRequest struct {
	Login  string `json:"login"`
	Method string `json:"method,omitempty"` // as above; empty: it is only shown
	File   []byte `json:"file,omitempty"`   // "openpgp": the public key
}

func (a *Admin) encryption(ctx context.Context, in EncryptionRequest) (Encryption, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return Encryption{}, err
	}
	if in.Method != "" {
		want, err := a.wantedEncryption(ctx, &acc, &in)
		if err != nil {
			return Encryption{}, err
		}
		if err := a.c.Directory.SetEncryption(ctx, acc.ID, want); err != nil {
			return Encryption{}, err
		}
		a.log.Info("user changed", "login", acc.Login, "account", acc.ID, "change", "encryption", "method", in.Method)
	}
	return a.showEncryption(ctx, &acc)
}

// wantedEncryption checks what is to be set: a key that cannot be used, or that is
// somebody else's, is refused.
func (a *Admin) wantedEncryption(ctx context.Context, acc *directory.Account, in *EncryptionRequest) (want directory.Encryption, err error) {
	switch in.Method {
	case "off":
		return want, nil
	case directory.EncryptOpenPGP.String():
		key, err := encrypt.ReadKey(in.File, time.Now())
		if err != nil {
			return want, err
		}
		own := append(slices.Clone(acc.Aliases), acc.Login)
		if !slices.ContainsFunc(key.Addresses, func(of string) bool {
			return slices.ContainsFunc(own, func(s string) bool { return strings.EqualFold(s, of) })
		}) {
			return want, fmt.Errorf("%w: it names no address of %s", encrypt.ErrBadKey, acc.Login)
		}
		return directory.Encryption{Method: directory.EncryptOpenPGP, Key: key.Data}, nil
	case directory.EncryptSMIME.String():
		ders, err := a.c.Directory.Certificates(ctx, acc.ID)
		if err == nil {
			_, err = encrypt.Usable(ders, time.Now())
		}
		return directory.Encryption{Method: directory.EncryptSMIME}, err
	}
	return want, fmt.Errorf("%w: encryption is openpgp, smime or off", ErrBadRequest)
}

func (a *Admin) showEncryption(ctx context.Context, acc *directory.Account) (Encryption, error) {
	shown := Encryption{Login: acc.Login, Method: "off", Fingerprints: []string{}}
	is, err := a.c.Directory.Encryption(ctx, acc.ID)
	if err != nil || is.Method == directory.EncryptNothing {
		return shown, err
	}
	shown.Method = is.Method.String()
	var until time.Time
	if is.Method == directory.EncryptOpenPGP {
		key, err := encrypt.ReadKey(is.Key, time.Now())
		if err != nil {
			shown.Problem = err.Error()
			return shown, nil
		}
		shown.Fingerprints, until = append(shown.Fingerprints, key.Fingerprint), key.Expires
	} else {
		ders, err := a.c.Directory.Certificates(ctx, acc.ID)
		if err != nil {
			return shown, err
		}
		usable, err := encrypt.Usable(ders, time.Now())
		if err != nil {
			shown.Problem = err.Error()
		}
		for _, cert := range usable {
			shown.Fingerprints = append(shown.Fingerprints, directory.Fingerprint(cert.Raw))
			if cert.NotAfter.After(until) {
				until = cert.NotAfter.UTC()
			}
		}
	}
	if !until.IsZero() {
		shown.Expires = &until
	}
	return shown, nil
}

// Encryption shows how a user's arriving mail is encrypted, and sets it before
// that where in says how.
func (c Client) Encryption(ctx context.Context, in EncryptionRequest) (Encryption, error) {
	return ask[Encryption](ctx, c, "user.encryption", in)
}
