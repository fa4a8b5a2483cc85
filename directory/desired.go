package directory

import (
	"fmt"
	"slices"
	"strings"

	"martlet/internal/tomlfile"
)

// desired is the file with every address in its canonical form, and all that
// is wrong with it whatever the store holds.
func (f *File) desired() (*File, []error) {
	c := &checker{lines: f.lines}
	out := &File{lines: f.lines, photos: f.photos}
	c.domains(f, out)
	c.users(f, out)
	c.groups(f, out)
	c.delegations(f, out)
	c.contacts(f, out)
	return out, c.errs
}

// checker collects what is wrong, at its place in the file.
type checker struct {
	lines *tomlfile.Lines
	errs  []error
}

func (c *checker) fail(err error, path ...any) {
	e := c.lines.Errorf(path, "%w", err)
	// The file's name says where this is about.
	e.Text = strings.ReplaceAll(strings.TrimPrefix(e.Text, "directory: "), ": directory: ", ": ")
	c.errs = append(c.errs, e)
}

// address checks one address that is or shall be ours.
func (c *checker) address(s string, path ...any) string {
	a, err := newAddress(s)
	if err != nil {
		c.fail(err, path...)
		return s
	}
	return a.String()
}

// twice complains about the second of two entries of one name.
func (c *checker) twice(seen map[string]bool, key string, path ...any) {
	if seen[key] {
		c.fail(fmt.Errorf("%w: %s stands twice in this file", ErrExists, key), path...)
	}
	seen[key] = true
}

func (c *checker) domains(f, out *File) {
	seen := map[string]bool{}
	for i, d := range f.Domains {
		name, err := parseDomain(d.Name)
		if err != nil {
			c.fail(err, "domain", i, "name")
		}
		d.Name = name
		c.twice(seen, name, "domain", i, "name")
		if d.CatchAll != nil && *d.CatchAll != "" {
			s := c.address(*d.CatchAll, "domain", i, "catch_all")
			d.CatchAll = &s
		}
		c.quota(d.Quota, d.QuotaItems, "domain", i)
		out.Domains = append(out.Domains, d)
	}
}

func (c *checker) users(f, out *File) {
	seen := map[string]bool{}
	for i, u := range f.Users {
		u.section = section{table: "user", index: i}
		c.user(f, &u, seen)
		out.Users = append(out.Users, u)
	}
	for i := range f.Resources {
		u := f.Resources[i].asUser(i)
		c.user(f, &u, seen)
		c.resource(&u.section)
		out.Users = append(out.Users, u)
	}
}

func (c *checker) user(f *File, u *FileUser, seen map[string]bool) {
	s := &u.section
	u.Login = c.address(u.Login, s.at(s.key("login"))...)
	c.twice(seen, string(keyOf(u.Login)), s.at(s.key("login"))...)
	if u.Aliases != nil {
		u.Aliases = slices.Clone(u.Aliases)
		for j, one := range u.Aliases {
			u.Aliases[j] = c.address(one, s.at("aliases", j)...)
		}
		if a, err := parseAddress(u.Login); err == nil && len(c.errs) == 0 {
			if u.Aliases, err = checkAliases(a, u.Aliases); err != nil {
				c.fail(err, s.at("aliases")...)
			}
			if u.Aliases == nil {
				u.Aliases = []string{}
			}
		}
	}
	for _, t := range userTexts() {
		if text := *t.in(u); text != nil {
			if err := checkText(*text); err != nil {
				c.fail(err, s.at(s.key(t.key))...)
			}
		}
	}
	if u.Server != nil {
		if err := checkServer(*u.Server); err != nil {
			c.fail(err, s.at("server")...)
		}
	}
	c.quota(u.Quota, u.QuotaItems, s.at()...)
	c.forward(u)
	c.credentials(u)
	c.certificates(f, u)
	c.photo(f, u.Photo, u.PhotoBase64, s.at()...)
}

// certificates checks those of a user as far as the store need not be asked: an
// alias that the file does not mention may be what they name.
func (c *checker) certificates(f *File, u *FileUser) {
	key := "certificates"
	if u.Certificates == nil {
		key = "certificates_base64"
	}
	all, err := f.certificatesOf(u)
	for j := 0; j < len(all) && err == nil; j++ {
		_, err = checkCertificate(all[j])
	}
	if err != nil {
		c.fail(err, u.section.at(key)...)
	}
}

func (c *checker) credentials(u *FileUser) {
	switch {
	case u.Password != nil && u.PasswordHash != nil:
		c.fail(fmt.Errorf("%w: give password or password_hash, not both", ErrBadValue), u.section.at("password")...)
	case u.Password != nil && (*u.Password == "" || len(*u.Password) > maxPassword):
		c.fail(fmt.Errorf("%w: a password has 1 to %d bytes", ErrBadPassword, maxPassword), u.section.at("password")...)
	case u.PasswordHash != nil && *u.PasswordHash != "":
		h := normalHash(*u.PasswordHash)
		if err := checkHash(h); err != nil {
			c.fail(err, u.section.at("password_hash")...)
		}
		u.PasswordHash = &h
	}
	if u.Scram != nil {
		if _, err := parseScram(*u.Scram); err != nil {
			c.fail(err, u.section.at("scram")...)
		}
		if u.PasswordHash == nil {
			c.fail(fmt.Errorf("%w: keys come with the password_hash that they belong to", ErrBadValue), u.section.at("scram")...)
		}
	}
}

func (c *checker) groups(f, out *File) {
	seen := map[string]bool{}
	for i, g := range f.Groups {
		g.Address = c.address(g.Address, "group", i, "address")
		c.twice(seen, string(keyOf(g.Address)), "group", i, "address")
		if g.Name != nil {
			if err := checkText(*g.Name); err != nil {
				c.fail(err, "group", i, "name")
			}
		}
		c.photo(f, g.Photo, g.PhotoBase64, "group", i)
		if len(g.Members) > maxMembers {
			c.fail(errTooManyMembers, "group", i, "members")
		}
		if g.Members != nil {
			members := []string{}
			twice := map[addressKey]bool{}
			for j, m := range g.Members {
				m = c.address(m, "group", i, "members", j)
				if !twice[keyOf(m)] {
					members = append(members, m)
				}
				twice[keyOf(m)] = true
			}
			g.Members = members
		}
		out.Groups = append(out.Groups, g)
	}
}

func (c *checker) delegations(f, out *File) {
	seen := map[string]bool{}
	for i, g := range f.Delegations {
		g.Owner = c.address(g.Owner, "delegation", i, "owner")
		g.Delegate = c.address(g.Delegate, "delegation", i, "delegate")
		c.twice(seen, g.Owner+" to "+g.Delegate, "delegation", i, "delegate")
		if !g.SendAs && !g.SendOnBehalf {
			c.fail(fmt.Errorf("%w: give send_as = true or send_on_behalf = true", ErrBadValue), "delegation", i)
		}
		if keyOf(g.Owner) == keyOf(g.Delegate) {
			c.fail(fmt.Errorf("%w: owner and delegate are the same", ErrBadValue), "delegation", i, "delegate")
		}
		out.Delegations = append(out.Delegations, g)
	}
}
