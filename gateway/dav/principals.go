package dav

import (
	"errors"
	"net/http"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// accountOf is whose a mailbox is. One that is nobody's, as of public folders, is
// nobody's.
func (q *request) accountOf(box mail.MailboxID) (*directory.Account, error) {
	a, err := q.h.c.Directory.Account(q.r.Context(), directory.AccountID(box))
	if errors.Is(err, directory.ErrNoAccount) {
		return &directory.Account{Hidden: true}, nil
	}
	return &a, err
}

// expandProperty tells properties of what properties lead to (RFC 3253 3.8).
func (q *request) expandProperty(doc *element, r *resource) error {
	m := q.newMultistatus()
	d := &m.d
	d.open(dav("response"))
	d.href(r.href)
	left := maxProps
	if err := q.expanded(d, doc, r, 0, &left); err != nil {
		return err
	}
	d.close(dav("response"))
	return m.end("")
}

// expanded writes the properties that e names; where a property has hrefs, what
// it names of them.
func (q *request) expanded(d *document, e *element, r *resource, depth int, left *int) error {
	d.open(dav("propstat"))
	d.open(dav("prop"))
	for p := range e.children {
		if p.name != dav("property") {
			continue
		}
		if *left--; *left < 0 || depth > 3 {
			return badXML("it asks for too many properties")
		}
		n := name{nsDAV, p.attr("name")}
		if s := p.attr("namespace"); s != "" {
			n.space = s
		}
		if n.local == "" {
			return badXML("a property without a name")
		}
		if p.child(dav("property")) == nil {
			if _, err := q.property(d, r, &asked{}, n); err != nil {
				return err
			}
			continue
		}
		if err := q.followed(d, p, n, r, depth, left); err != nil {
			return err
		}
	}
	d.close(dav("prop"))
	d.statusLine(http.StatusOK)
	d.close(dav("propstat"))
	return nil
}

// followed writes a property with a response in place of each of its hrefs.
func (q *request) followed(d *document, e *element, n name, r *resource, depth int, left *int) error {
	var value document
	ok, err := q.property(&value, r, &asked{}, n)
	if err != nil || !ok {
		return err
	}
	d.open(n)
	for _, href := range hrefsIn(string(value.b)) {
		var to *resource
		err := q.view(func(tx *store.Tx) error {
			at, err := q.parseHref(href)
			if err != nil {
				return err
			}
			to, err = q.find(tx, &at)
			return err
		})
		if err != nil {
			continue // an address of mail, somebody else's home
		}
		d.open(dav("response"))
		d.href(to.href)
		if err := q.expanded(d, e, to, depth+1, left); err != nil {
			return err
		}
		d.close(dav("response"))
	}
	d.close(n)
	return nil
}

// hrefsIn finds the hrefs in a value that we have written.
func hrefsIn(s string) (found []string) {
	for {
		_, rest, ok := strings.Cut(s, "<D:href>")
		if !ok {
			return found
		}
		href, after, _ := strings.Cut(rest, "</D:href>")
		found = append(found, strings.ReplaceAll(href, "&amp;", "&"))
		s = after
	}
}

// searchable are the properties by which people are found (RFC 3744 9.5).
var searchable = []struct {
	name name
	text string
}{
	{dav("displayname"), "Name"}, {server("email-address-set"), "Address"}, {cal("calendar-user-address-set"), "Calendar address"},
	{server("first-name"), "Given name"}, {server("last-name"), "Surname"},
}

func (q *request) principalSearchSet(*element, *resource) error {
	d := &document{}
	d.root(dav("principal-search-property-set"))
	for _, s := range searchable {
		d.open(dav("principal-search-property"))
		d.open(dav("prop"))
		d.empty(s.name)
		d.close(dav("prop"))
		d.open(dav("description"), "xml:lang", "en")
		d.escape(s.text, false)
		d.close(dav("description"))
		d.close(dav("principal-search-property"))
	}
	d.close(dav("principal-search-property-set"))
	q.writeXML(http.StatusOK, d.b)
	return nil
}

// principalSearch finds people in the address list (RFC 3744 9.4): whoever is
// hidden there is not found here.
func (q *request) principalSearch(doc *element, _ *resource) error {
	a := &asked{}
	var words []string
	for e := range doc.children {
		switch e.name {
		case dav("prop"):
			if err := a.read(e); err != nil {
				return err
			}
		case dav("property-search"):
			w := e.child(dav("match")).word()
			w = strings.TrimPrefix(strings.TrimPrefix(w, "mailto:"), "MAILTO:")
			if w != "" && len(words) < len(searchable) {
				words = append(words, w)
			}
		}
	}
	all := doc.attr("test") != "anyof"
	found, err := q.people(words, all)
	if err != nil {
		return err
	}
	m := q.newMultistatus()
	for i := range found {
		if err := m.response(&resource{kind: kindPrincipal, href: principalHref(found[i].Login), account: &found[i]}, a); err != nil {
			return m.broken(err)
		}
	}
	return m.end("")
}

// people are the accounts that match one of some texts, or all of them.
func (q *request) people(words []string, all bool) ([]directory.Account, error) {
	var found []directory.Account
	if len(words) == 0 {
		return nil, nil
	}
	if all { // mostly the same word, once for each property
		seen := map[string]bool{}
		var once []string
		for _, w := range words {
			if !seen[w] {
				seen[w], once = true, append(once, w)
			}
		}
		words = []string{strings.Join(once, " ")}
	}
	seen := map[directory.AccountID]bool{}
	for _, w := range words {
		hits, err := q.h.c.Directory.Search(q.r.Context(), w, maxSearched)
		if err != nil {
			return nil, err
		}
		for _, e := range hits.Entries {
			if e.Account.ID != 0 && !seen[e.Account.ID] {
				seen[e.Account.ID] = true
				found = append(found, e.Account)
			}
		}
	}
	return found, nil
}

// principalMatch finds the principals that are the user (RFC 3744 9.3).
func (q *request) principalMatch(doc *element, r *resource) error {
	a, err := readReported(doc, r)
	if err != nil {
		return err
	}
	m := q.newMultistatus()
	if doc.child(dav("self")) != nil {
		if err := m.response(&resource{kind: kindPrincipal, href: principalHref(q.account.Login), account: &q.account}, a); err != nil {
			return m.broken(err)
		}
	}
	return m.end("")
}

// aclPrincipals tells of those whom a resource's acl names (RFC 3744 9.2).
func (q *request) aclPrincipals(doc *element, r *resource) error {
	a, err := readReported(doc, r)
	if err != nil {
		return err
	}
	m := q.newMultistatus()
	who := []*directory.Account{&q.account}
	if owner, err := q.owner(r); err != nil {
		return err
	} else if owner != nil && owner.ID != q.account.ID {
		who = append(who, owner)
	}
	for _, w := range who {
		if err := m.response(&resource{kind: kindPrincipal, href: principalHref(w.Login), account: w}, a); err != nil {
			return m.broken(err)
		}
	}
	return m.end("")
}
