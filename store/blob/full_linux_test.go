package blob_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"martlet/store"
	"martlet/store/blob"
)

// TestFullDiskRefusesPuts fills a small disk: once up to the reserve, and once,
// with none, until the system itself says that there is no more.
func TestFullDiskRefusesPuts(t *testing.T) {
	for _, reserve := range []int64{4 << 20, 1} {
		disk := t.TempDir()
		if err := unix.Mount("martlet", disk, "tmpfs", 0, "size=16m"); err != nil {
			t.Skipf("a small disk cannot be mounted here: %v", err)
		}
		defer unix.Unmount(disk, unix.MNT_DETACH)
		k := &kit{
			scfg: store.Config{Path: t.TempDir(), Logger: discard, Reserve: reserve},
			cfg:  blob.Config{Path: disk + "/blobs", Logger: discard, PackSize: 3 << 20},
		}
		k.open(t)
		var refs []blob.Ref
		full := false
		for i := 0; i < 400 && !full; i++ { // 20 MB
			ref, err := k.Put(ctx, body(i, 50_000))
			switch {
			case err == nil:
				k.retain(t, ref)
				refs = append(refs, ref)
			case errors.Is(err, store.ErrDiskFull):
				full = true
			default:
				t.Fatal(err)
			}
		}
		if !full || len(refs) < 100 {
			t.Errorf("reserve %d: %d blobs, full %v", reserve, len(refs), full)
		}
		for i, ref := range refs {
			k.want(t, ref, body(i, 50_000))
		}
		// Space returns, and what was refused goes in now.
		if err := unix.Mount("martlet", disk, "tmpfs", unix.MS_REMOUNT, "size=32m"); err != nil {
			t.Fatal(err)
		}
		refs = append(refs, k.put(t, body(len(refs), 50_000)))
		k.retain(t, refs[len(refs)-1])
		k.check(t)
		k.close(t)
		k.open(t)
		for i, ref := range refs {
			k.want(t, ref, body(i, 50_000))
		}
		k.close(t)
	}
}
