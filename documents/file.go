package documents

import (
	"context"
	"errors"
	"mime"
	"os"
	"path/filepath"
	"strings"
)

// File is an open document; Close it.
type File struct {
	Document
	file *os.File
}

// ReadAt is io.ReaderAt.
func (f *File) ReadAt(p []byte, off int64) (int, error) { return f.file.ReadAt(p, off) }

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// Open opens the document that a link names; a folder is ErrNotFound.
func (l *Library) Open(ctx context.Context, r Reader, linkID string) (*File, error) {
	k, err := parseLink(linkID)
	if err != nil {
		return nil, err
	}
	share, err := l.enter(ctx, r, k)
	if err != nil {
		return nil, err
	}
	if len(k.path) == 0 {
		return nil, ErrNotFound
	}
	root, err := os.OpenRoot(share.Folder)
	if err != nil {
		return nil, errors.Join(ErrUnreachable, err)
	}
	defer root.Close()
	f, info, err := open(root, k.file())
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		f.Close()
		return nil, ErrNotFound
	}
	name := k.path[len(k.path)-1]
	unc := strings.Join(append([]string{share.Unc()}, k.path...), `\`)
	return &File{Document: describe(unc, name, info, f), file: f}, nil
}

// officeType is the type of files that systems without a list of types do not
// know.
func officeType(ext string) string {
	const openXML, openDocument = "application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument."
	switch ext {
	case ".txt", ".log":
		return "text/plain"
	case ".csv":
		return "text/csv"
	case ".md":
		return "text/markdown"
	case ".rtf":
		return "application/rtf"
	case ".zip":
		return "application/zip"
	case ".doc":
		return "application/msword"
	case ".xls":
		return "application/vnd.ms-excel"
	case ".ppt":
		return "application/vnd.ms-powerpoint"
	case ".docx":
		return openXML + "wordprocessingml.document"
	case ".xlsx":
		return openXML + "spreadsheetml.sheet"
	case ".pptx":
		return openXML + "presentationml.presentation"
	case ".odt":
		return openDocument + "text"
	case ".ods":
		return openDocument + "spreadsheet"
	case ".odp":
		return openDocument + "presentation"
	}
	return ""
}

// contentType is what a file's name says of its content.
func contentType(name string) string {
	ext := strings.ToLower(filepath.Ext(name))
	if t := officeType(ext); t != "" {
		return t
	}
	t, _, err := mime.ParseMediaType(mime.TypeByExtension(ext))
	if err != nil || t == "" {
		return "application/octet-stream"
	}
	return t
}
