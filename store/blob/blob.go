// Package blob keeps message bodies: content-addressed, written once, stored
// once for many owners, in append-only pack files beside the store. References
// are counted in the owner's own transaction. It must never change a stored
// byte, look into a body, or return from Put before the bytes are on the disk.
package blob

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"martlet/store"
)

// Errors that callers tell apart with errors.Is. A full disk is
// store.ErrDiskFull, a wrong key store.ErrWrongKey.
var (
	ErrGone     = errors.New("blob: no such blob")
	ErrCorrupt  = errors.New("blob: the stored bytes are damaged")
	ErrBadRef   = errors.New("blob: malformed reference")
	ErrTooLarge = errors.New("blob: larger than a blob may be")
	ErrClosed   = errors.New("blob: closed")
)

// Config says where the packs live.
type Config struct {
	Store  *store.Store
	Path   string       // directory, made if missing
	Key    []byte       // nil, or store.KeySize bytes: chunks are sealed with an AEAD
	Logger *slog.Logger // nil: slog.Default()

	// PackSize is the size in bytes at which a pack is full; zero means
	// DefaultPackSize.
	PackSize int64
}

// DefaultPackSize is small enough that rewriting a pack is quick and large
// enough that files stay few.
const DefaultPackSize = 64 << 20

// Blobs is an open blob store. All methods are safe for concurrent use.
type Blobs struct {
	store  *store.Store
	log    *slog.Logger
	dir    packDir
	codec  codec
	tables tables
	files  *fileCache
	out    *appender
	boxes  sync.Pool // of *[]byte, for one chunk and its tag

	// maintenance holds one token: collections and backups take turns.
	maintenance chan struct{}

	// mu guards pending. It may be taken inside an Update.
	mu      sync.Mutex
	pending map[[HashSize]byte]*pending
}

// Open opens the packs in cfg.Path and makes the directory if there is none.
// What a crash left half written at the end of the last pack is cut off: it was
// never acknowledged.
func Open(cfg Config) (*Blobs, error) {
	b, err := open(cfg)
	if err != nil {
		return nil, fmt.Errorf("blob: open %s: %w", cfg.Path, err)
	}
	return b, nil
}

func open(cfg Config) (*Blobs, error) {
	if cfg.Store == nil || cfg.Path == "" {
		return nil, errors.New("no store or no path")
	}
	codec, err := newCodec(cfg.Key)
	if err != nil {
		return nil, err
	}
	b := &Blobs{
		store: cfg.Store, log: cfg.Logger, codec: codec,
		dir:         packDir{path: cfg.Path, probe: codec.probe},
		tables:      newTables(),
		maintenance: make(chan struct{}, 1),
		pending:     map[[HashSize]byte]*pending{},
	}
	if b.log == nil {
		b.log = slog.Default()
	}
	b.boxes.New = func() any { return new([]byte) }
	if cfg.PackSize == 0 {
		cfg.PackSize = DefaultPackSize
	}
	if err := b.dir.make(); err != nil {
		return nil, err
	}
	b.files = newFileCache(&b.dir, maxOpenPacks)
	b.out = newAppender(b, cfg.PackSize)
	if err := b.resume(); err != nil {
		return nil, err
	}
	go b.out.run()
	return b, nil
}

// Close waits for the Puts under way. Close it before the store.
func (b *Blobs) Close() error {
	err := b.out.stop()
	b.files.close()
	if err != nil {
		return fmt.Errorf("blob: close: %w", err)
	}
	return nil
}

// Pause keeps collections from removing anything until release is called, so
// that a backup finds everything its snapshot refers to.
func (b *Blobs) Pause(ctx context.Context) (release func(), err error) {
	select {
	case b.maintenance <- struct{}{}:
		return sync.OnceFunc(func() { <-b.maintenance }), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
