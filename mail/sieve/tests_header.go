package sieve

import (
	"strings"

	"martlet/mail/message"
)

// addressPart is what of an address is compared (RFC 5228 2.7.4, RFC 5233).
type addressPart uint8

const (
	partAll addressPart = iota
	partLocal
	partDomain
	partUser
	partDetail
)

// separator stands between a user and a detail.
const separator = "+"

// of cuts the part out of an address; ok is false if there is none.
func (p addressPart) of(address string) (s string, ok bool) {
	at := strings.LastIndexByte(address, '@')
	local, domain := address, ""
	if at >= 0 {
		local, domain = address[:at], address[at+1:]
	}
	if p != partAll && p != partDomain {
		local = unquoted(local)
	}
	user, detail, found := strings.Cut(local, separator)
	switch p {
	case partLocal:
		return local, true
	case partDomain:
		return domain, at >= 0
	case partUser:
		return user, true
	case partDetail:
		return detail, found
	}
	return address, true
}

// unquoted is a local part without its quotation marks.
func unquoted(s string) string {
	inner, ok := strings.CutPrefix(s, `"`)
	if !ok || !strings.HasSuffix(inner, `"`) {
		return s
	}
	var b strings.Builder
	inner = inner[:len(inner)-1]
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' && i+1 < len(inner) {
			i++
		}
		b.WriteByte(inner[i])
	}
	return b.String()
}

// indexOf reads :index and :last (RFC 5260 6).
func (a *arguments) indexOf() (index uint64, last bool, err error) {
	index, last = a.number("index", 0), a.has("last")
	switch {
	case last && !a.has("index"):
		return 0, false, a.n.at.errorf(":last needs :index")
	case a.has("index") && index == 0:
		return 0, false, a.n.at.errorf(":index counts from 1")
	}
	return index, last, nil
}

// headerTest is header (RFC 5228 5.7).
func headerTest(a *arguments) (test, error) {
	return fieldTest(a, func(m *machine, f *field, values []string) ([]string, error) {
		return append(values, f.text()), m.look(len(f.raw))
	})
}

// isAddressField tells whether addresses stand in a field (RFC 5228 5.1). What
// has a name of its own may have anything in it.
func isAddressField(name string) bool {
	name = strings.TrimPrefix(strings.ToLower(name), "resent-")
	switch name {
	case "from", "sender", "reply-to", "to", "cc", "bcc", "return-path", "delivered-to", "envelope-to", "apparently-to", "errors-to",
		"disposition-notification-to", "return-receipt-to", "mail-followup-to", "mail-reply-to", "list-post":
		return true
	}
	return strings.HasPrefix(name, "x-")
}

// addressTest is address (RFC 5228 5.1).
func addressTest(a *arguments) (test, error) {
	for _, l := range a.slots[0].strings {
		if !strings.Contains(l.text, "${") && !isAddressField(l.text) {
			return nil, l.at.errorf("%q has no addresses in it: test it with header", l.text)
		}
	}
	part := a.part
	return fieldTest(a, func(m *machine, f *field, values []string) ([]string, error) {
		for _, address := range f.addresses() {
			if s, ok := part.of(address); ok {
				values = append(values, s)
			}
		}
		return values, m.look(4 * len(f.raw))
	})
}

// addresses are those in the field.
func (f *field) addresses() (all []string) {
	v := f.value()
	v = v[:min(len(v), maxFieldBytes)]
	list := strings.NewReplacer("\r", "", "\n", "").Replace(string(v))
	for _, one := range message.ParseAddressList(strings.ToValidUTF8(list, "?")) {
		if one.Address != "" {
			all = append(all, one.Address)
		}
	}
	return all
}

// fieldTest compares what values makes of header fields.
func fieldTest(a *arguments, valuesOf func(*machine, *field, []string) ([]string, error)) (test, error) {
	names, err := a.fieldNames(0)
	if err != nil {
		return nil, err
	}
	keys, err := a.keys(1)
	if err != nil {
		return nil, err
	}
	index, last, err := a.indexOf()
	if err != nil {
		return nil, err
	}
	match := a.match
	return func(m *machine) (bool, error) {
		var values []string
		for i := range names {
			name, err := m.text(&names[i])
			if err != nil {
				return false, err
			}
			for _, f := range pick(m.header.named(name), index, last) {
				if values, err = valuesOf(m, f, values); err != nil {
					return false, err
				}
			}
			if err := m.spend(1 + len(m.header.fields)/32); err != nil {
				return false, err
			}
		}
		return m.any(&match, values, keys)
	}, nil
}

// existsTest is exists (RFC 5228 5.5).
func existsTest(a *arguments) (test, error) {
	names, err := a.fieldNames(0)
	if err != nil {
		return nil, err
	}
	return func(m *machine) (bool, error) {
		for i := range names {
			name, err := m.text(&names[i])
			if err != nil || len(m.header.named(name)) == 0 {
				return false, err
			}
			if err := m.spend(1 + len(m.header.fields)/32); err != nil {
				return false, err
			}
		}
		return true, nil
	}, nil
}

// envelopeTest is envelope (RFC 5228 5.4).
func envelopeTest(a *arguments) (test, error) {
	for _, l := range a.slots[0].strings {
		if part := strings.ToLower(l.text); part != "from" && part != "to" {
			return nil, l.at.errorf("the envelope has a from and a to, and no %q", l.text)
		}
	}
	parts := a.slots[0].strings
	keys, err := a.keys(1)
	if err != nil {
		return nil, err
	}
	match, part := a.match, a.part
	return func(m *machine) (bool, error) {
		var values []string
		for _, l := range parts {
			address := m.msg.To
			if strings.EqualFold(l.text, "from") {
				address = m.msg.From
			}
			if address == "" { // the null sender is empty in all its parts
				values = append(values, "")
			} else if s, ok := part.of(address); ok {
				values = append(values, s)
			}
		}
		return m.any(&match, values, keys)
	}, nil
}

// sizeTest is size (RFC 5228 5.9).
func sizeTest(a *arguments) (test, error) {
	which, err := a.only("over", "under")
	if err != nil {
		return nil, err
	}
	if which == "" {
		return nil, a.n.at.errorf("size needs :over or :under with a number")
	}
	limit := a.number(which, 0)
	return func(m *machine) (bool, error) {
		size := uint64(len(m.msg.Raw))
		return which == "over" && size > limit || which == "under" && size < limit, nil
	}, nil
}
