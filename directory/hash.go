package directory

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/text/unicode/norm"
)

// HashCost says how much work a password hash is (RFC 9106 4).
type HashCost struct {
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8
}

// defaultHashCost takes about 30 ms and 19 MiB: what OWASP asks for where a
// server verifies many.
func defaultHashCost() HashCost { return HashCost{Memory: 19 << 10, Time: 2, Threads: 1} }

// Limits of hashes that come from outside: what one login may cost.
const (
	maxHashMemory  = 256 << 10 // KiB
	maxHashTime    = 16
	maxHashThreads = 16
	maxBcryptCost  = 15
	maxHashText    = 512
	maxPassword    = 1024
	saltBytes      = 16
	hashBytes      = 32
)

// hasher computes password hashes, a few at once: each takes tens of
// milliseconds of a core and megabytes of memory, and anyone may ask.
type hasher struct {
	cost     HashCost
	slots    chan struct{}
	computed atomic.Int64
	dummy    string // for logins that do not exist, so that they take as long
}

func newHasher(cost HashCost, workers int) (*hasher, error) {
	if cost == (HashCost{}) {
		cost = defaultHashCost()
	}
	if workers == 0 {
		workers = 2
	}
	h := &hasher{cost: cost, slots: make(chan struct{}, max(workers, 1))}
	h.dummy = formatArgon2(cost, make([]byte, saltBytes), make([]byte, hashBytes))
	if err := checkHash(h.dummy); err != nil {
		return nil, fmt.Errorf("directory: hash cost %+v: %w", cost, err)
	}
	return h, nil
}

// enter waits for a place to compute; the caller gives it back with leave.
func (h *hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *hasher) leave() { <-h.slots }

// hash returns the PHC string of a password with a fresh salt.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if password == "" || len(password) > maxPassword {
		return "", fmt.Errorf("%w: a password has 1 to %d bytes", ErrBadPassword, maxPassword)
	}
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	h.computed.Add(1)
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	c := h.cost
	return formatArgon2(c, salt, argon2.IDKey(prepare(password), salt, c.Time, c.Memory, c.Threads, hashBytes)), nil
}

// prepare makes what different keyboards send for one password the same (RFC
// 8265 4.2: NFC). ISO-8859-1, which Outlook sends, becomes UTF-8.
func prepare(password string) []byte {
	return norm.NFC.Bytes([]byte(toUTF8(password)))
}

// verify tells whether the password belongs to the hash. Call it between enter
// and leave.
func verify(hash, password string) bool {
	if strings.HasPrefix(hash, "$argon2id$") {
		c, salt, want, err := parseArgon2(hash)
		if err != nil {
			return false
		}
		got := argon2.IDKey(prepare(password), salt, c.Time, c.Memory, c.Threads, uint32(len(want)))
		return subtle.ConstantTimeCompare(got, want) == 1
	}
	return bcrypt.CompareHashAndPassword([]byte(hash), prepare(password)) == nil
}

// normalHash takes the scheme off that other servers write before a hash, such
// as {BLF-CRYPT}.
func normalHash(s string) string {
	if strings.HasPrefix(s, "{") {
		if _, rest, ok := strings.Cut(s, "}"); ok {
			return rest
		}
	}
	return s
}

// checkHash refuses what verify could not or must not compute.
func checkHash(s string) error {
	if len(s) > maxHashText {
		return fmt.Errorf("%w: the hash is too long", ErrBadPassword)
	}
	switch {
	case strings.HasPrefix(s, "$argon2id$"):
		_, _, _, err := parseArgon2(s)
		return err
	case strings.HasPrefix(s, "$2a$"), strings.HasPrefix(s, "$2b$"), strings.HasPrefix(s, "$2y$"):
		cost, err := bcrypt.Cost([]byte(s))
		if err != nil || cost > maxBcryptCost {
			return fmt.Errorf("%w: not a bcrypt hash of cost %d or less", ErrBadPassword, maxBcryptCost)
		}
		return nil
	}
	return fmt.Errorf("%w: a hash begins with $argon2id$, $2a$, $2b$ or $2y$", ErrBadPassword)
}

func formatArgon2(c HashCost, salt, sum []byte) string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Time, c.Threads, b.EncodeToString(salt), b.EncodeToString(sum))
}

func parseArgon2(s string) (c HashCost, salt, sum []byte, err error) {
	bad := fmt.Errorf("%w: not an argon2id hash: $argon2id$v=19$m=…,t=…,p=…$salt$hash", ErrBadPassword)
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[2] != "v=19" {
		return c, nil, nil, bad
	}
	var end string
	if n, _ := fmt.Sscanf(parts[3]+" .", "m=%d,t=%d,p=%d %s", &c.Memory, &c.Time, &c.Threads, &end); n != 4 {
		return c, nil, nil, bad
	}
	if c.Memory > maxHashMemory || c.Time < 1 || c.Time > maxHashTime || c.Threads < 1 || c.Threads > maxHashThreads {
		return c, nil, nil, fmt.Errorf("%w: argon2id with more than m=%d, t=%d, p=%d or with zeros", ErrBadPassword, maxHashMemory, maxHashTime, maxHashThreads)
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	sum, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(salt) < 8 || len(sum) < 16 || len(sum) > 64 {
		return c, nil, nil, bad
	}
	return c, salt, sum, nil
}
