// Package keyring keeps a few secret keys in a file, with a new one every day
// or so and none older than is needed: keys of TLS tickets, keys of what is
// remembered of passwords. They lie in a file of their own so that no backup
// holds them and that an old one is gone when it is dropped. The package must
// never log a key, nor use one.
package keyring

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"martlet/store"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// Config says where the keys lie and how long they live. All but Seal and
// Logger are required.
type Config struct {
	File string
	// Seal is the store's key, under which the file is encrypted; nil: only its
	// mode protects it.
	Seal []byte
	// Every is how often there is a new key, Keep how long a key can still be
	// asked for after it was made. Keep must be the longer one.
	Every, Keep time.Duration
	Logger      *slog.Logger // nil: nothing is logged
}

// Ring is an open file of keys. It is safe for concurrent use.
type Ring struct {
	c   Config
	log *slog.Logger

	mu   sync.Mutex // guards keys
	keys []key      // newest first
}

// key is a secret and when it was made.
type key struct {
	made   time.Time
	secret [KeySize]byte
}

// Open reads the file, makes it when it is not there, and brings it up to date.
// A file that cannot be understood is replaced: all that is lost is what the
// keys spared.
func Open(c Config) (*Ring, error) {
	if c.File == "" || c.Every <= 0 || c.Keep <= c.Every {
		return nil, errors.New("keyring: File, Every and a longer Keep are required")
	}
	r := &Ring{c: c, log: c.Logger}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	b, err := os.ReadFile(c.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("keyring: %w", err)
	default:
		if r.keys, err = decode(b, c.Seal); err != nil {
			r.log.Warn("keys that spare work after a restart cannot be read, new ones are made", "file", c.File, "error", err)
		}
	}
	if _, err := r.Rotate(time.Now()); err != nil {
		return nil, err
	}
	return r, nil
}

// Keys are the keys that are good now, the newest first: that one is for new
// secrets, the others are for those of before.
func (r *Ring) Keys() [][KeySize]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([][KeySize]byte, len(r.keys))
	for i := range r.keys {
		all[i] = r.keys[i].secret
	}
	return all
}

// Rotate drops what is too old and makes a new key if it is time. It returns
// when it is to be called next. A key counts once it is durable.
func (r *Ring) Rotate(now time.Time) (next time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := slices.DeleteFunc(slices.Clone(r.keys), func(k key) bool {
		// One of the future was made before the clock was put back.
		return now.Sub(k.made) >= r.c.Keep || k.made.Sub(now) > r.c.Every
	})
	if len(keys) == 0 || now.Sub(keys[0].made) >= r.c.Every {
		k := key{made: now.UTC().Truncate(time.Second)}
		rand.Read(k.secret[:]) // never fails: it ends the process instead
		keys = slices.Insert(keys, 0, k)
	}
	if !slices.Equal(keys, r.keys) {
		if err := r.write(keys); err != nil {
			return now.Add(time.Minute), fmt.Errorf("keyring: %w", err)
		}
		r.keys = keys
	}
	next = keys[0].made.Add(r.c.Every)
	if dies := keys[len(keys)-1].made.Add(r.c.Keep); dies.Before(next) {
		next = dies
	}
	return next, nil
}

// Run keeps the ring up to date until ctx ends, and calls changed after each
// time that it may be another.
func (r *Ring) Run(ctx context.Context, changed func([][KeySize]byte)) {
	for {
		next, err := r.Rotate(time.Now())
		if err != nil {
			r.log.Error("keys cannot be renewed", "file", r.c.File, "error", err)
		}
		changed(r.Keys())
		select {
		case <-time.After(max(time.Until(next), time.Second)):
		case <-ctx.Done():
			return
		}
	}
}

// write replaces the file durably.
func (r *Ring) write(keys []key) error {
	b, err := encode(keys, r.c.Seal)
	if err != nil {
		return err
	}
	folder := filepath.Dir(r.c.File)
	if err := store.MakeDir(folder); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, filepath.Base(r.c.File)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), r.c.File)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return store.SyncDir(folder)
}

// The file is a line that says what it is, then for each key the time it was
// made in seconds and the secret; encrypted, with the nonce first, when there
// is something to encrypt it with.
const (
	plainHead  = "martlet keys 1\n"
	sealedHead = "martlet sealed keys 1\n"
	entrySize  = 8 + KeySize
	maxKeys    = 64
)

var errBadFile = errors.New("damaged, or sealed with another key")

type sealer interface {
	NonceSize() int
	Seal(dst, nonce, plaintext, additionalData []byte) []byte
	Open(dst, nonce, ciphertext, additionalData []byte) ([]byte, error)
}

// newSealer derives a key of its own from that of the store.
func newSealer(seal []byte) (sealer, error) {
	k, err := hkdf.Key(sha256.New, seal, nil, "martlet keyring 1", chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	return chacha20poly1305.NewX(k)
}

func encode(keys []key, seal []byte) ([]byte, error) {
	var b []byte
	for _, k := range keys {
		b = binary.BigEndian.AppendUint64(b, uint64(k.made.Unix()))
		b = append(b, k.secret[:]...)
	}
	if seal == nil {
		return append([]byte(plainHead), b...), nil
	}
	aead, err := newSealer(seal)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return aead.Seal(append([]byte(sealedHead), nonce...), nonce, b, []byte(sealedHead)), nil
}

func decode(b, seal []byte) ([]key, error) {
	rest, plain := bytes.CutPrefix(b, []byte(plainHead))
	if box, sealed := bytes.CutPrefix(b, []byte(sealedHead)); sealed && seal != nil {
		aead, err := newSealer(seal)
		if err != nil {
			return nil, err
		}
		if len(box) < aead.NonceSize() {
			return nil, errBadFile
		}
		if rest, err = aead.Open(nil, box[:aead.NonceSize()], box[aead.NonceSize():], []byte(sealedHead)); err != nil {
			return nil, errBadFile
		}
	} else if !plain || seal != nil {
		// Keys that lay in the clear are not used once they can be sealed.
		return nil, errBadFile
	}
	if len(rest)%entrySize != 0 || len(rest)/entrySize > maxKeys {
		return nil, errBadFile
	}
	var keys []key
	for e := range slices.Chunk(rest, entrySize) {
		k := key{made: time.Unix(int64(binary.BigEndian.Uint64(e)), 0).UTC()}
		copy(k.secret[:], e[8:])
		if len(keys) > 0 && k.made.After(keys[len(keys)-1].made) {
			return nil, errBadFile
		}
		keys = append(keys, k)
	}
	return keys, nil
}
