package relay

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// Limits on what a relay may ask of us.
const (
	minIterations = 4096 // RFC 7677 4
	maxIterations = 1 << 20
)

var (
	errScram       = errors.New("relay: the relay's answers do not fit SCRAM")
	errWrongServer = errors.New("relay: the relay does not know the password")
)

// scram is the client's side of SCRAM-SHA-256 without channel binding (RFC 5802).
type scram struct {
	password, nonce, bare string
	salted, auth          []byte
}

func newScram(user, password string) (*scram, error) {
	name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(user)
	nonce := rand.Text()
	return &scram{password: password, nonce: nonce, bare: "n=" + name + ",r=" + nonce}, nil
}

func (c *scram) first() string { return "n,," + c.bare }

// final answers the server's challenge.
func (c *scram) final(challenge string) (string, error) {
	var nonce string
	var salt []byte
	n := 0
	for part := range strings.SplitSeq(challenge, ",") {
		key, value, _ := strings.Cut(part, "=")
		var err error
		switch key {
		case "r":
			nonce = value
		case "s":
			salt, err = base64.StdEncoding.DecodeString(value)
		case "i":
			n, err = strconv.Atoi(value)
		case "m":
			err = errScram // RFC 5802 5.1
		}
		if err != nil {
			return "", errScram
		}
	}
	if !strings.HasPrefix(nonce, c.nonce) || len(nonce) == len(c.nonce) || len(salt) == 0 || n < minIterations || n > maxIterations {
		return "", errScram
	}
	var err error
	if c.salted, err = pbkdf2.Key(sha256.New, c.password, salt, n, sha256.Size); err != nil {
		return "", err
	}
	without := "c=biws,r=" + nonce
	c.auth = []byte(c.bare + "," + challenge + "," + without)
	key := sum(c.salted, []byte("Client Key"))
	stored := sha256.Sum256(key)
	proof := sum(stored[:], c.auth)
	for i := range proof {
		proof[i] ^= key[i]
	}
	return without + ",p=" + base64.StdEncoding.EncodeToString(proof), nil
}

// verify makes sure that the server knows the password too.
func (c *scram) verify(last string) error {
	value, ok := strings.CutPrefix(last, "v=")
	got, err := base64.StdEncoding.DecodeString(value)
	if !ok || err != nil || !hmac.Equal(got, sum(sum(c.salted, []byte("Server Key")), c.auth)) {
		return errWrongServer
	}
	return nil
}

func sum(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}
