// Package archive writes a whole server's data, rows and bodies, into one
// stream while it runs, and restores it into empty directories. It must never
// leave half a restored store that opens as a whole one.
package archive

import (
	"context"
	"io"

	"martlet/store"
	"martlet/store/blob"
)

// Progress tells how far a backup or a restore has come.
type Progress struct {
	Rows  int64 // rows of the store so far
	Blobs int64 // blobs so far
	Bytes int64 // bytes of the archive so far
}

// Write backs up st and blobs into w.
func Write(ctx context.Context, w io.Writer, st *store.Store, blobs *blob.Blobs, progress func(Progress)) error {
	panic("soon")
}

// Restore reads what Write wrote into the empty directories of the two
// configurations; blobCfg.Store is not used.
func Restore(ctx context.Context, r io.Reader, storeCfg store.Config, blobCfg blob.Config, progress func(Progress)) error {
	panic("soon")
}
