// Package blob keeps message bodies: content-addressed, written once, stored
// once for many owners, in append-only pack files beside the store. References
// are counted in the owner's own transaction. It must never change a stored
// byte, look into a body, or return from Put before the bytes are on the disk.
package blob

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"martlet/store"
)

// Errors that callers tell apart with errors.Is. A full disk is
// store.ErrDiskFull, a wrong key store.ErrWrongKey.
var (
	ErrGone     = errors.New("blob: no such blob")
	ErrCorrupt  = errors.New("blob: the stored bytes are damaged")
	ErrBadRef   = errors.New("blob: malformed reference")
	ErrTooLarge = errors.New("blob: larger than a blob may be")
)

// HashSize is the length of a hash in bytes.
const HashSize = 32

// Ref names a blob by its content.
type Ref struct {
	Hash [HashSize]byte // SHA-256
	Size int64          // bytes
}

func (r Ref) IsZero() bool { return r == Ref{} }

func AppendRef(dst []byte, r Ref) []byte { panic("soon") }
func ParseRef(b []byte) (Ref, error)     { panic("soon") }

// Config says where the packs live.
type Config struct {
	Store  *store.Store
	Path   string       // directory, made if missing
	Key    []byte       // nil, or 32 bytes: chunks are sealed with an AEAD
	Logger *slog.Logger // nil: slog.Default()
}

// Blobs is an open blob store. All methods are safe for concurrent use.
type Blobs struct{}

// Collected says what a collection did.
type Collected struct {
	Blobs int   // blobs dropped
	Packs int   // pack files removed
	Bytes int64 // bytes of disk freed
}

// Audit says what Audit compares with.
type Audit struct {
	Deep       bool                                      // read every blob and compare its hash
	References func(tx *store.Tx, count func(Ref)) error // calls count once for every reference there is; nil: not compared
}

func Open(cfg Config) (*Blobs, error)                                                  { panic("soon") }
func (b *Blobs) Close() error                                                          { panic("soon") }
func (b *Blobs) Put(ctx context.Context, data []byte) (Ref, error)                     { panic("soon") }
func (b *Blobs) Retain(tx *store.Tx, ref Ref) error                                    { panic("soon") }
func (b *Blobs) Release(tx *store.Tx, ref Ref) error                                   { panic("soon") }
func (b *Blobs) ReadAt(ctx context.Context, ref Ref, p []byte, off int64) (int, error) { panic("soon") }
func (b *Blobs) Read(ctx context.Context, ref Ref) ([]byte, error)                     { panic("soon") }
func (b *Blobs) Collect(ctx context.Context) (Collected, error)                        { panic("soon") }
func (b *Blobs) Check(ctx context.Context, report func(store.Problem)) error           { panic("soon") }
func (b *Blobs) Audit(ctx context.Context, a Audit, report func(store.Problem)) error  { panic("soon") }
func (b *Blobs) Backup(ctx context.Context, tx *store.Tx, w io.Writer) error           { panic("soon") }
func Restore(ctx context.Context, cfg Config, r io.Reader) error                       { panic("soon") }
