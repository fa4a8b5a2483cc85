package dav

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"martlet/mail"
	"martlet/store"
	"martlet/store/blob"
)

// filesAllowed refuses where there are no files.
func (q *request) filesAllowed() error {
	if !q.at.own || q.h.c.FileBytes == 0 {
		return fail(http.StatusNotFound)
	}
	return nil
}

func (q *request) fileHref(f *fileRow) string {
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(homeHref(atFiles, q.account.Login), "/"))
	if f.path != "" {
		for s := range strings.SplitSeq(f.path, "/") {
			b.WriteString("/" + pathEscape(s))
		}
	}
	if f.folder {
		b.WriteByte('/')
	}
	return b.String()
}

func (q *request) fileResource(f *fileRow) *resource {
	k := kindFile
	if f.folder {
		k = kindFolder
	}
	return &resource{kind: k, href: q.fileHref(f), file: f}
}

func (q *request) findFile(tx *store.Tx, at *place) (*resource, error) {
	if q.h.c.FileBytes == 0 {
		return nil, fail(http.StatusNotFound)
	}
	f, err := q.h.files.get(tx, q.box, strings.Join(at.file, "/"))
	if err != nil {
		return nil, err
	}
	return q.fileResource(f), nil
}

// filesWithin visits what is directly in a folder.
func (q *request) filesWithin(r *resource, visit func(*resource) error) error {
	for after := ""; ; {
		var found []*fileRow
		err := q.view(func(tx *store.Tx) (err error) {
			found, err = q.h.files.page(tx, q.box, r.file.path, after)
			return err
		})
		if err != nil {
			return err
		}
		for _, f := range found {
			after = f.path
			if err := visit(q.fileResource(f)); err != nil {
				return err
			}
		}
		if len(found) < rowsAtOnce {
			return nil
		}
	}
}

// fileBytes is what the user's files come to.
func (q *request) fileBytes() (n int64, err error) {
	err = q.view(func(tx *store.Tx) error {
		sum, err := q.h.files.sum(tx, q.box)
		n = sum.Bytes
		return err
	})
	return n, err
}

// getFile answers with a file, or a range of it.
func (q *request) getFile(r *resource) error {
	hd := q.w.Header()
	hd.Set("ETag", r.etag())
	hd.Set("Content-Type", r.contentType())
	hd.Set("X-Content-Type-Options", "nosniff")
	// A page that somebody put here must not run as one of ours.
	hd.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if r.file.Blob.Size == 0 {
		return q.write(r.contentType(), nil)
	}
	http.ServeContent(sentFile{q.w, q}, q.r, "", r.file.Modified, io.NewSectionReader(q.h.c.Mailboxes.Blobs().Reader(q.r.Context(), r.file.Blob), 0, r.file.Blob.Size))
	return nil
}

// sentFile is a file on its way.
type sentFile struct {
	http.ResponseWriter
	q *request
}

// WriteHeader sends the status.
func (w sentFile) WriteHeader(status int) { w.q.begin(status) }

// Write sends a part of the file.
func (w sentFile) Write(p []byte) (int, error) { return w.q.send(p) }

// parent finds the folder in which a file is to be: without it, 409 (RFC 4918
// 9.7.1).
func (q *request) parent(tx *store.Tx, p string) error {
	dir := path.Dir(p)
	if dir == "." {
		return nil
	}
	f, err := q.h.files.get(tx, q.box, dir)
	if errors.Is(err, mail.ErrNoItem) || err == nil && !f.folder {
		return &failure{status: http.StatusConflict, text: "there is no such folder"}
	}
	return err
}

// putFile writes a file.
func (q *request) putFile() error {
	if err := q.filesAllowed(); err != nil {
		return err
	}
	if q.r.Header.Get("Content-Range") != "" {
		return &failure{status: http.StatusBadRequest, text: "a file is written whole"}
	}
	body, free, err := q.readBody(min(maxFile, q.h.c.FileBytes))
	defer free()
	if err != nil {
		return err
	}
	var ref blob.Ref
	if len(body) > 0 {
		if ref, err = q.h.c.Mailboxes.Blobs().Put(q.r.Context(), body); err != nil {
			return err
		}
	}
	p := strings.Join(q.at.file, "/")
	status := http.StatusCreated
	var f fileRow
	err = q.update(func(tx *store.Tx) error {
		if err := q.parent(tx, p); err != nil {
			return err
		}
		now := q.h.clock()
		f = fileRow{path: p, Blob: ref, Type: mediaType(q.r.Header.Get("Content-Type")), Created: now, Modified: now}
		old, err := q.h.files.get(tx, q.box, p)
		switch {
		case errors.Is(err, mail.ErrNoItem):
			err = q.conditions(nil)
		case err != nil:
		case old.folder:
			err = fail(http.StatusMethodNotAllowed)
		default:
			status, f.Created, f.Dead = http.StatusNoContent, old.Created, old.Dead
			err = q.conditions(q.fileResource(old))
		}
		if err != nil {
			return err
		}
		if err := q.h.files.put(tx, q.h.c.Mailboxes.Blobs(), q.box, old, &f); err != nil {
			return err
		}
		return q.withinQuota(tx)
	})
	if err != nil {
		return err
	}
	q.w.Header().Set("ETag", q.fileResource(&f).etag())
	q.bare(status)
	return nil
}

// withinQuota breaks a transaction off that would leave the user with more than
// is allowed.
func (q *request) withinQuota(tx *store.Tx) error {
	sum, err := q.h.files.sum(tx, q.box)
	if err == nil && sum.Bytes > q.h.c.FileBytes {
		return &failure{status: http.StatusInsufficientStorage, condition: dav("quota-not-exceeded"), text: "your files may not take more room"}
	}
	return err
}

// mediaType is the type as it is told again; one that is none is not.
func mediaType(s string) string {
	if _, _, err := mime.ParseMediaType(s); err != nil || len(s) > 200 {
		return ""
	}
	return s
}

// makeFolder makes a folder (RFC 4918 9.3).
func (q *request) makeFolder() error {
	if err := q.filesAllowed(); err != nil {
		return err
	}
	p := strings.Join(q.at.file, "/")
	err := q.update(func(tx *store.Tx) error {
		if err := q.parent(tx, p); err != nil {
			return err
		}
		if _, err := q.h.files.get(tx, q.box, p); !errors.Is(err, mail.ErrNoItem) {
			if err == nil {
				err = fail(http.StatusMethodNotAllowed)
			}
			return err
		}
		now := q.h.clock()
		return q.h.files.put(tx, q.h.c.Mailboxes.Blobs(), q.box, nil, &fileRow{path: p, folder: true, Created: now, Modified: now})
	})
	if err != nil {
		return err
	}
	q.bare(http.StatusCreated)
	return nil
}

// deleteFile deletes a file, or a folder with all in it.
func (q *request) deleteFile() error {
	return q.update(func(tx *store.Tx) error {
		r, err := q.find(tx, &q.at)
		if err != nil {
			return err
		}
		if err := q.conditions(r); err != nil {
			return err
		}
		return q.removeTree(tx, r.file)
	})
}

// tree is a file, or a folder and all in it, folders first.
func (q *request) tree(tx *store.Tx, f *fileRow) ([]*fileRow, error) {
	all := []*fileRow{f}
	if !f.folder {
		return all, nil
	}
	for k, err := range q.h.files.within(tx, q.box, f.path) {
		if err != nil {
			return nil, err
		}
		all = append(all, k)
	}
	return all, nil
}

func (q *request) removeTree(tx *store.Tx, f *fileRow) error {
	all, err := q.tree(tx, f)
	if err != nil {
		return err
	}
	for _, k := range all {
		if err := q.h.files.remove(tx, q.h.c.Mailboxes.Blobs(), q.box, k); err != nil {
			return err
		}
	}
	return nil
}

// transferFile copies or moves a file, or a folder with all in it.
func (q *request) transferFile(dst place, move bool) error {
	if err := q.filesAllowed(); err != nil {
		return err
	}
	if dst.kind != kindFile || !dst.own {
		return unmet(dav("need-privileges"), "files stay among the user's files")
	}
	status := http.StatusCreated
	err := q.update(func(tx *store.Tx) (err error) {
		status, err = q.transferTree(tx, strings.Join(dst.file, "/"), move)
		return err
	})
	if err != nil {
		return err
	}
	q.bare(status)
	return nil
}

func (q *request) transferTree(tx *store.Tx, to string, move bool) (status int, err error) {
	src, err := q.find(tx, &q.at)
	if err != nil {
		return 0, err
	}
	from := src.file.path
	if to == from || strings.HasPrefix(to, from+"/") || strings.HasPrefix(from, to+"/") {
		return 0, unmet(name{}, "the one lies within the other")
	}
	if err := q.conditions(src); err != nil {
		return 0, err
	}
	if err := q.parent(tx, to); err != nil {
		return 0, err
	}
	status = http.StatusCreated
	old, err := q.h.files.get(tx, q.box, to)
	switch {
	case err == nil && q.r.Header.Get("Overwrite") == "F":
		return 0, fail(http.StatusPreconditionFailed)
	case err == nil:
		status, err = http.StatusNoContent, q.removeTree(tx, old)
	case errors.Is(err, mail.ErrNoItem):
		err = nil
	}
	if err != nil {
		return 0, err
	}
	all := []*fileRow{src.file}
	if move || q.r.Header.Get("Depth") != "0" { // RFC 4918 9.8.3
		if all, err = q.tree(tx, src.file); err != nil {
			return 0, err
		}
	}
	bodies := q.h.c.Mailboxes.Blobs()
	for _, k := range all {
		there := *k
		there.path = to + strings.TrimPrefix(k.path, from)
		if strings.Count(there.path, "/") >= maxFileDepth {
			return 0, unmet(name{}, "folders of files are not nested deeper")
		}
		if !move {
			there.Created = q.h.clock()
		}
		if err := q.h.files.put(tx, bodies, q.box, nil, &there); err != nil {
			return 0, err
		}
		if move {
			if err := q.h.files.remove(tx, bodies, q.box, k); err != nil {
				return 0, err
			}
		}
	}
	return status, q.withinQuota(tx)
}

// patchFile changes the properties of a file or a folder: all that a client sets
// is only kept.
func (q *request) patchFile(tx *store.Tx, r *resource, edits []edit) ([]error, error) {
	wrong := make([]error, len(edits))
	f := *r.file
	for i, e := range edits {
		_, live := q.h.properties[e.prop.name]
		switch {
		case live && e.prop.name != dav("displayname"), f.path == "":
			wrong[i] = unmet(dav("cannot-modify-protected-property"), "")
		case !utf8.ValidString(e.prop.text()):
			wrong[i] = &failure{status: http.StatusConflict}
		default:
			wrong[i] = keep(&f.Dead, e, maxFileDead)
		}
	}
	if slices.ContainsFunc(wrong, func(err error) bool { return err != nil }) {
		return wrong, nil
	}
	return wrong, q.h.files.put(tx, q.h.c.Mailboxes.Blobs(), q.box, r.file, &f)
}
