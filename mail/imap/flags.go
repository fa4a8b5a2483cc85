package imap

import (
	"slices"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/mail"
)

// systemFlags are the flags that are not kept as keywords, with IMAP's names
// for them.
var systemFlags = [...]struct {
	flag mail.Flags
	name goimap.Flag
}{
	{mail.FlagAnswered, goimap.FlagAnswered},
	{mail.FlagDeleted, goimap.FlagDeleted},
	{mail.FlagSeen, goimap.FlagSeen},
	{mail.FlagDraft, goimap.FlagDraft},
	{mail.FlagForwarded, goimap.FlagForwarded},
}

// permanentFlags are the system flags, which clients may change.
func permanentFlags() []goimap.Flag {
	all := []goimap.Flag{goimap.FlagFlagged}
	for _, f := range systemFlags {
		all = append(all, f.name)
	}
	return all
}

// flagsOf are the flags of a message. A follow-up flag that is active is
// \Flagged. Categories that cannot be an IMAP keyword are not shown; no STORE
// takes them away.
func flagsOf(it *mail.Item) []goimap.Flag {
	var all []goimap.Flag
	for _, f := range systemFlags {
		if it.Flags&f.flag != 0 {
			all = append(all, f.name)
		}
	}
	if it.FollowUp.Status == mail.FollowUpActive {
		all = append(all, goimap.FlagFlagged)
	}
	for _, k := range it.Keywords {
		if isKeyword(k) {
			all = append(all, goimap.Flag(k))
		}
	}
	return all
}

// isKeyword tells whether a text can be a flag-keyword (RFC 9051 9).
func isKeyword(k string) bool {
	if k == "" || len(k) > maxKeyword {
		return false
	}
	for i := range len(k) {
		if !isAtom(k[i]) {
			return false
		}
	}
	return true
}

func joinFlags(flags []goimap.Flag) string {
	var b strings.Builder
	for i, f := range flags {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(f))
	}
	return b.String()
}

// change is what STORE does to flags.
type change struct {
	op       goimap.StoreFlagsOp
	flags    mail.Flags
	followUp bool
	keywords []string
}

// newChange reads flags that a client names. \Recent is not its to change (RFC
// 3501 2.3.2), and of flags beginning with a backslash there are no others.
func newChange(op goimap.StoreFlagsOp, flags []goimap.Flag) (change, error) {
	c := change{op: op}
	for _, f := range flags {
		known := false
		for _, sys := range systemFlags {
			if strings.EqualFold(string(f), string(sys.name)) {
				c.flags |= sys.flag
				known = true
			}
		}
		switch {
		case known:
		case strings.EqualFold(string(f), string(goimap.FlagFlagged)):
			c.followUp = true
		case strings.HasPrefix(string(f), `\`):
			return c, bad("Not a flag that can be changed")
		default:
			if !c.hasKeyword(string(f)) {
				c.keywords = append(c.keywords, string(f))
			}
		}
	}
	return c, nil
}

func (c *change) hasKeyword(k string) bool {
	return slices.ContainsFunc(c.keywords, func(have string) bool { return strings.EqualFold(have, k) })
}

// ofClients are the flags that clients change.
const ofClients = mail.FlagSeen | mail.FlagAnswered | mail.FlagForwarded | mail.FlagDeleted | mail.FlagDraft

// followUpType is the usual type of a flag (MS-ASEMAIL 2.2.2.35).
const followUpType = "Flag for follow up"

// apply changes an item.
func (c *change) apply(it *mail.Item) {
	var set, clear mail.Flags
	switch c.op {
	case goimap.StoreFlagsAdd:
		set = c.flags
	case goimap.StoreFlagsDel:
		clear = c.flags
	default:
		set, clear = c.flags, ofClients&^c.flags
	}
	it.Flags = it.Flags&^clear | set
	active := it.FollowUp.Status == mail.FollowUpActive
	switch {
	case c.followUp && c.op != goimap.StoreFlagsDel && !active:
		it.FollowUp = mail.FollowUp{Status: mail.FollowUpActive, Type: followUpType}
	case active && (c.followUp && c.op == goimap.StoreFlagsDel || !c.followUp && c.op == goimap.StoreFlagsSet):
		it.FollowUp = mail.FollowUp{}
	}
	if c.op != goimap.StoreFlagsAdd {
		it.Keywords = slices.DeleteFunc(it.Keywords, func(k string) bool {
			return isKeyword(k) && c.hasKeyword(k) == (c.op == goimap.StoreFlagsDel)
		})
	}
	if c.op == goimap.StoreFlagsDel {
		return
	}
	for _, k := range c.keywords {
		if !slices.ContainsFunc(it.Keywords, func(have string) bool { return strings.EqualFold(have, k) }) {
			it.Keywords = append(it.Keywords, k)
		}
	}
}

// tellKeywords names keywords that the client has not heard of, before it meets
// them (RFC 9051 7.3.5).
func (s *session) tellKeywords(flags []goimap.Flag) {
	v := s.view
	fresh := false
	for _, f := range flags {
		k := string(f)
		known := func(told string) bool { return strings.EqualFold(told, k) }
		if strings.HasPrefix(k, `\`) || f == goimap.FlagForwarded || slices.ContainsFunc(v.keywords, known) || len(v.keywords) >= maxTold {
			continue
		}
		v.keywords = append(v.keywords, k)
		fresh = true
	}
	if fresh {
		s.out.rawf("* FLAGS (%s)\r\n", joinFlags(v.allFlags()))
	}
}

// allFlags are the flags that the client was told of.
func (v *view) allFlags() []goimap.Flag {
	all := permanentFlags()
	for _, k := range v.keywords {
		all = append(all, goimap.Flag(k))
	}
	return all
}
