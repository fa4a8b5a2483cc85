package dav

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"martlet/directory"
)

// kind is what a resource is. Each is one bit, so that a property can say which
// kinds have it.
type kind uint16

// The kinds.
const (
	kindRoot         kind = 1 << iota // /dav/
	kindPrincipals                    // /dav/principals/
	kindPrincipal                     // /dav/principals/login/
	kindHomes                         // /dav/calendars/, /dav/addressbooks/
	kindCalendarHome                  // /dav/calendars/login/
	kindBookHome                      // /dav/addressbooks/login/
	kindCalendar                      // a folder of events, tasks or notes
	kindBook                          // a folder of contacts
	kindEvent                         // an event, a task or a note
	kindCard                          // a contact
	kindInbox                         // /dav/calendars/login/inbox/ (RFC 6638 2.2)
	kindOutbox                        // /dav/calendars/login/outbox/ (RFC 6638 2.1)
	kindFolder                        // a collection of files
	kindFile                          // a file
	kindDirectory                     // /dav/addressbooks/login/directory/: the address list
	kindEntry                         // somebody in it

	kindHome       = kindCalendarHome | kindBookHome
	kindList       = kindCalendar | kindBook
	kindObject     = kindEvent | kindCard
	kindBooks      = kindBook | kindDirectory
	kindCards      = kindCard | kindEntry
	kindCollection = kindRoot | kindPrincipals | kindPrincipal | kindHomes | kindHome | kindList | kindInbox | kindOutbox | kindFolder | kindDirectory
	kindAll        = kindCollection | kindObject | kindFile | kindEntry
)

// The first segments below Path.
const (
	atPrincipals = "principals"
	atCalendars  = "calendars"
	atBooks      = "addressbooks"
	atFiles      = "files"
)

// The segments of a calendar home that are no folders.
const (
	inboxSegment  = "inbox"
	outboxSegment = "outbox"
)

// place is where a path leads. Whether something is there is another question.
type place struct {
	kind    kind
	under   string   // the first segment
	login   string   // of a principal
	own     bool     // the principal is who asks
	segment string   // of the folder in its home
	name    string   // of the resource in its folder
	file    []string // the segments of a file's path
	slash   bool     // the path ends in one
}

// parsePath reads a path as it stands in a request line or an href. What could be
// read in two ways is refused: a slash or a dot-segment that is escaped, control
// characters, what is not UTF-8.
func (h *Handler) parsePath(escaped string, asks *directory.Account) (place, error) {
	var p place
	segments, slash, err := splitPath(escaped)
	if err != nil {
		return p, err
	}
	if len(segments) == 0 || !strings.EqualFold(segments[0], Path[1:]) {
		return p, fail(http.StatusNotFound)
	}
	p.slash = slash
	segments = segments[1:]
	if len(segments) == 0 {
		p.kind = kindRoot
		return p, nil
	}
	p.under = segments[0]
	if len(segments) > 1 {
		p.login = segments[1]
		p.own = isLogin(asks, p.login)
	}
	switch p.under {
	case atPrincipals:
		return p.principal(segments)
	case atCalendars, atBooks:
		return p.inHome(segments)
	case atFiles:
		return p.inFiles(segments)
	}
	return p, fail(http.StatusNotFound)
}

// isLogin tells whether a segment names the account: by its login or an alias,
// or without the domain.
func isLogin(a *directory.Account, s string) bool {
	if strings.EqualFold(s, a.Login) {
		return true
	}
	for _, alias := range a.Aliases {
		if strings.EqualFold(s, alias) {
			return true
		}
	}
	local, _, _ := strings.Cut(a.Login, "@")
	return strings.EqualFold(s, local)
}

func (p place) principal(segments []string) (place, error) {
	switch len(segments) {
	case 1:
		p.kind = kindPrincipals
	case 2:
		p.kind = kindPrincipal
	default:
		return p, fail(http.StatusNotFound)
	}
	return p, nil
}

func (p place) inHome(segments []string) (place, error) {
	kinds := [...]kind{kindHomes, kindCalendarHome, kindCalendar, kindEvent}
	if p.under == atBooks {
		kinds = [...]kind{kindHomes, kindBookHome, kindBook, kindCard}
	}
	if len(segments) > len(kinds) {
		return p, fail(http.StatusNotFound)
	}
	p.kind = kinds[len(segments)-1]
	if len(segments) > 2 {
		p.segment = segments[2]
	}
	if len(segments) > 3 {
		p.name = segments[3]
	}
	if p.under == atCalendars && len(segments) == 3 {
		switch p.segment {
		case inboxSegment:
			p.kind = kindInbox
		case outboxSegment:
			p.kind = kindOutbox
		}
	}
	if p.under == atBooks && p.segment == directorySegment {
		p.kind = kindDirectory
		if len(segments) > 3 {
			p.kind = kindEntry
		}
	}
	return p, nil
}

func (p place) inFiles(segments []string) (place, error) {
	switch {
	case len(segments) == 1:
		p.kind = kindHomes
	case len(segments)-2 > maxFileDepth:
		return p, unmet(name{}, "folders of files are not nested deeper")
	default:
		p.kind, p.file = kindFile, segments[2:]
		if len(p.file) == 0 {
			p.kind = kindFolder
		}
	}
	return p, nil
}

// splitPath takes a path apart.
func splitPath(escaped string) (segments []string, slash bool, err error) {
	bad := func() error { return &failure{status: http.StatusBadRequest, text: "no path that is used here"} }
	if len(escaped) > maxPath || !strings.HasPrefix(escaped, "/") {
		return nil, false, bad()
	}
	for s := range strings.SplitSeq(escaped, "/") {
		if s == "" { // doubled slashes are one
			continue
		}
		s, err := url.PathUnescape(s)
		if err != nil || !goodSegment(s) {
			return nil, false, bad()
		}
		segments = append(segments, s)
	}
	return segments, strings.HasSuffix(escaped, "/"), nil
}

func goodSegment(s string) bool {
	return s != "" && s != "." && s != ".." && len(s) <= maxSegment && utf8.ValidString(s) && strings.IndexByte(s, '/') < 0 &&
		strings.IndexFunc(s, unicode.IsControl) < 0
}

// parseHref reads an href of a document or a Destination: a path, or a URL of
// this host (RFC 4918 8.3).
func (q *request) parseHref(href string) (place, error) {
	href = strings.TrimSpace(href)
	if !strings.HasPrefix(href, "/") {
		u, err := url.Parse(href)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" {
			return place{}, &failure{status: http.StatusBadRequest, text: "no address of a resource"}
		}
		if !strings.EqualFold(u.Host, q.r.Host) {
			return place{}, &failure{status: http.StatusBadGateway, text: "another server's resource"}
		}
		href = u.EscapedPath()
	} else if i := strings.IndexAny(href, "?#"); i >= 0 {
		href = href[:i]
	}
	// Some write spaces and letters as they are.
	return q.h.parsePath(href, &q.account)
}

// The hrefs of what belongs to an account.

func principalHref(login string) string {
	return Path + "/" + atPrincipals + "/" + pathEscape(login) + "/"
}

func homeHref(under, login string) string { return Path + "/" + under + "/" + pathEscape(login) + "/" }
