package dav

import (
	"cmp"
	"strings"

	"martlet/directory"
	"martlet/mail"
)

// Who may do what is decided where folders are shared; here it can be read (RFC
// 3744 5).

// aclProperties are those of access.
func aclProperties() map[name]property {
	return map[name]property{
		dav("current-user-principal"):     {kindAll, false, writeCurrentPrincipal},
		dav("owner"):                      {kindAll, false, writeOwner},
		dav("current-user-privilege-set"): {kindAll, false, writePrivileges},
		dav("supported-privilege-set"):    {kindAll, false, writeSupportedPrivileges},
		dav("acl"):                        {kindAll, false, writeACL},
		dav("acl-restrictions"):           {kindAll, false, writeRestrictions},
		dav("inherited-acl-set"):          {kindAll, false, nothing},
		dav("principal-collection-set"):   {kindAll, false, writePrincipalCollections},
	}
}

// writeCurrentPrincipal says who asks (RFC 5397).
func writeCurrentPrincipal(q *request, _ *resource, _ *asked, d *document) (bool, error) {
	d.href(principalHref(q.account.Login))
	return true, nil
}

func writePrincipalCollections(_ *request, _ *resource, _ *asked, d *document) (bool, error) {
	d.href(Path + "/" + atPrincipals + "/")
	return true, nil
}

// owner is whose a resource is; nil: nobody's that is known here.
func (q *request) owner(r *resource) (*directory.Account, error) {
	switch {
	case r.account != nil:
		return r.account, nil
	case r.file != nil || r.col != nil && r.col.own:
		return &q.account, nil
	case r.col == nil:
		return nil, nil
	}
	a, err := q.accountOf(r.col.box)
	if err != nil || a.Hidden {
		return nil, err
	}
	return a, nil
}

func writeOwner(q *request, r *resource, _ *asked, d *document) (bool, error) {
	a, err := q.owner(r)
	if err != nil || a == nil {
		return false, err
	}
	d.href(principalHref(a.Login))
	return true, nil
}

// privileges are what the user may do with a resource.
func (r *resource) privileges() []name {
	read := []name{dav("read"), dav("read-current-user-privilege-set")}
	switch {
	case r.kind == kindOutbox:
		return append(read, cal("schedule-send"), cal("schedule-send-invite"), cal("schedule-send-reply"), cal("schedule-send-freebusy"))
	case r.kind == kindInbox:
		return append(read, cal("schedule-deliver"), cal("schedule-deliver-invite"), cal("schedule-deliver-reply"), cal("schedule-query-freebusy"))
	case r.kind&kindHome != 0:
		return append(read, dav("write-properties"), dav("bind"), dav("unbind"))
	case r.file != nil && r.file.path == "":
		return append(read, dav("bind"), dav("unbind"))
	case r.file != nil:
		return append(read, dav("write"), dav("write-properties"), dav("write-content"), dav("bind"), dav("unbind"))
	case r.col == nil:
		return read
	}
	if r.col.folder.Class == mail.ClassCalendar {
		read = append(read, cal("read-free-busy"))
	}
	if r.col.may(mail.MayWrite) && (r.item == nil || !r.col.private(r.item)) {
		read = append(read, dav("write"), dav("write-properties"), dav("write-content"), dav("bind"), dav("unbind"))
	}
	if r.col.own {
		read = append(read, dav("all"), dav("read-acl"))
	}
	return read
}

func (d *document) privilege(list []name) {
	for _, n := range list {
		d.open(dav("privilege"))
		d.empty(n)
		d.close(dav("privilege"))
	}
}

func writePrivileges(_ *request, r *resource, _ *asked, d *document) (bool, error) {
	d.privilege(r.privileges())
	return true, nil
}

// writeACL says what the owner may and what the user may, if that is another (RFC
// 3744 5.5): what others may is nobody's business here.
func writeACL(q *request, r *resource, _ *asked, d *document) (bool, error) {
	ace := func(who func(), list []name) {
		d.open(dav("ace"))
		d.open(dav("principal"))
		who()
		d.close(dav("principal"))
		d.open(dav("grant"))
		d.privilege(list)
		d.close(dav("grant"))
		d.empty(dav("protected"))
		d.close(dav("ace"))
	}
	if r.col != nil && !r.col.own {
		ace(func() {
			d.open(dav("property"))
			d.empty(dav("owner"))
			d.close(dav("property"))
		}, []name{dav("all")})
	}
	ace(func() { d.href(principalHref(q.account.Login)) }, r.privileges())
	return true, nil
}

func writeRestrictions(_ *request, _ *resource, _ *asked, d *document) (bool, error) {
	d.empty(dav("grant-only"))
	d.empty(dav("no-invert"))
	return true, nil
}

// writeSupportedPrivileges is the tree of what there is to grant (RFC 3744 5.3).
func writeSupportedPrivileges(_ *request, r *resource, _ *asked, d *document) (bool, error) {
	node := func(n name, text string, within func()) {
		d.open(dav("supported-privilege"))
		d.privilege([]name{n})
		d.open(dav("description"), "xml:lang", "en")
		d.escape(text, false)
		d.close(dav("description"))
		if within != nil {
			within()
		}
		d.close(dav("supported-privilege"))
	}
	node(dav("all"), "everything", func() {
		node(dav("read"), "read", func() {
			node(dav("read-current-user-privilege-set"), "see what one may do", nil)
			node(cal("read-free-busy"), "see when time is taken", nil)
		})
		node(dav("read-acl"), "see who may do what", nil)
		node(dav("write"), "write", func() {
			node(dav("write-properties"), "change properties", nil)
			node(dav("write-content"), "change what is there", nil)
			node(dav("bind"), "add", nil)
			node(dav("unbind"), "delete", nil)
		})
		switch r.kind { // RFC 6638 6.3
		case kindInbox:
			node(cal("schedule-deliver"), "have messages delivered", func() {
				node(cal("schedule-deliver-invite"), "have invitations delivered", nil)
				node(cal("schedule-deliver-reply"), "have answers delivered", nil)
				node(cal("schedule-query-freebusy"), "have it told who is busy", nil)
			})
		case kindOutbox:
			node(cal("schedule-send"), "send messages", func() {
				node(cal("schedule-send-invite"), "send invitations", nil)
				node(cal("schedule-send-reply"), "send answers", nil)
				node(cal("schedule-send-freebusy"), "ask who is busy", nil)
			})
		}
	})
	return true, nil
}

// accountName is how somebody is called.
func accountName(a *directory.Account) string {
	local, _, _ := strings.Cut(a.Login, "@")
	return cmp.Or(a.Name, strings.TrimSpace(a.GivenName+" "+a.Surname), a.Alias, local)
}

// addressesOf are the addresses of an account, the primary one first.
func addressesOf(a *directory.Account) []string {
	return append([]string{a.Login}, a.Aliases...)
}
