package documents

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a link.
const (
	maxLink  = 1024 // bytes (MS-ASCMD_R5263)
	maxDepth = 64   // folders
)

// link is a place that a client names: \\host\share\path.
type link struct {
	host, share string
	path        []string
}

// ParseShare reads the name of a share, \\host\share, as a configuration has
// it.
func ParseShare(s string) (host, share string, err error) {
	k, err := parseLink(s)
	if err != nil || len(k.path) > 0 {
		return "", "", ErrBadLink
	}
	return k.host, k.share, nil
}

// parseLink reads a UNC path, or the same as a file URL. The web's links lead
// to libraries that are not ours.
func parseLink(s string) (link, error) {
	if len(s) > maxLink || !utf8.ValidString(s) {
		return link{}, ErrBadLink
	}
	s = strings.TrimSpace(s)
	switch scheme, _, ok := strings.Cut(s, "://"); {
	case ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")):
		return link{}, ErrElsewhere
	case ok && strings.EqualFold(scheme, "file"):
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Contains(u.Path, `\`) {
			return link{}, ErrBadLink
		}
		s = `\\` + u.Host + strings.ReplaceAll(u.Path, "/", `\`)
	}
	rest, ok := strings.CutPrefix(s, `\\`)
	if !ok {
		return link{}, ErrBadLink
	}
	parts := strings.Split(strings.TrimSuffix(rest, `\`), `\`)
	if len(parts) < 2 || len(parts) > maxDepth+2 {
		return link{}, ErrBadLink
	}
	for _, p := range parts {
		if !validName(p) {
			return link{}, ErrBadLink
		}
	}
	return link{host: parts[0], share: parts[1], path: parts[2:]}, nil
}

// validName tells whether a name can be a part of a link.
func validName(s string) bool {
	if s == "" || s == "." || s == ".." || !utf8.ValidString(s) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) })
}

// file is the path within the share's folder.
func (k *link) file() string {
	if len(k.path) == 0 {
		return "."
	}
	return strings.Join(k.path, "/")
}

// below is the link of something in the folder that k names.
func below(unc, name string) string { return unc + `\` + name }

// hidden tells whether the link passes through something hidden.
func (k *link) hidden() bool {
	for _, p := range k.path {
		if isHidden(p) {
			return true
		}
	}
	return false
}

// isHidden tells whether desktops do not show a name: dot files, the locks of
// office programs and what systems keep for themselves.
func isHidden(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~$") {
		return true
	}
	switch strings.ToLower(name) {
	case "desktop.ini", "thumbs.db", "ehthumbs.db", "$recycle.bin", "system volume information", "lost+found":
		return true
	}
	return false
}
