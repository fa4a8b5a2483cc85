package sieve

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"martlet/mail"
)

// Limits of how often somebody is answered. What a script asks for beyond them is
// brought within (RFC 5230 4.1, RFC 6131 2).
const (
	defaultVacation = 7 * 24 * time.Hour
	minVacation     = 10 * time.Minute
	maxVacation     = 90 * 24 * time.Hour
	// maxAddresses is how many addresses a user has besides those known.
	maxAddresses = 100
)

// vacation is vacation (RFC 5230 4).
func vacation(a *arguments) (statement, error) {
	if _, err := a.only("days", "seconds"); err != nil {
		return nil, err
	}
	every := defaultVacation
	if a.has("days") {
		every = time.Duration(min(max(a.number("days", 0), 1), 1000)) * 24 * time.Hour
	} else if a.has("seconds") {
		every = time.Duration(min(a.number("seconds", 0), uint64(maxVacation/time.Second))) * time.Second
	}
	every = min(max(every, minVacation), maxVacation)
	reason, err := a.text(0)
	if err != nil {
		return nil, err
	}
	var t [3]text
	var given [3]bool
	for i, tag := range []string{"subject", "from", "handle"} {
		if t[i], given[i], err = a.tagText(tag); err != nil {
			return nil, err
		}
	}
	if given[1] && t[1].pieces == nil && !isMailbox(t[1].constant) {
		return nil, a.tags["from"].at.errorf("%q is not an address", t[1].constant)
	}
	addresses, err := a.tagTexts("addresses")
	if err != nil {
		return nil, err
	}
	if len(addresses) > maxAddresses {
		return nil, a.tags["addresses"].at.errorf("there are more than %d addresses", maxAddresses)
	}
	mime := a.has("mime")
	return func(m *machine) (err error) {
		v := Vacation{MIME: mime, Every: every}
		for i, to := range []*string{&v.Subject, &v.From, &v.Handle} {
			if *to, err = m.text(&t[i]); err != nil {
				return err
			}
		}
		if v.Text, err = m.text(&reason); err != nil {
			return err
		}
		if v.Addresses, err = m.texts(addresses); err != nil {
			return err
		}
		if v.From != "" && !isMailbox(v.From) {
			return fmt.Errorf("%q is not an address", v.From)
		}
		if !given[2] { // what says the same is the same (RFC 5230 4.2)
			sum := sha256.Sum256([]byte(strconv.Quote(v.Subject) + strconv.Quote(v.From) + strconv.FormatBool(mime) + v.Text))
			v.Handle = fmt.Sprintf("%x", sum[:16])
		}
		return m.act(v)
	}, nil
}

// notify is notify (RFC 5435 3).
func notify(a *arguments) (statement, error) {
	method, err := a.text(0)
	if err != nil {
		return nil, err
	}
	if method.pieces == nil {
		if err := checkMethod(method.constant); err != nil {
			return nil, a.slots[0].at.errorf("%s", err)
		}
	}
	from, _, err := a.tagText("from")
	if err != nil {
		return nil, err
	}
	said, _, err := a.tagText("message")
	if err != nil {
		return nil, err
	}
	options, err := a.tagTexts("options")
	if err != nil {
		return nil, err
	}
	importance := 2
	if v := a.tags["importance"]; v != nil {
		s := v.strings[0].text
		if importance, err = strconv.Atoi(s); err != nil || importance < 1 || importance > 3 {
			return nil, v.at.errorf("the importance is \"1\", \"2\" or \"3\", not %q", s)
		}
	}
	return func(m *machine) (err error) {
		n := Notify{Importance: importance}
		if n.Method, err = m.text(&method); err != nil {
			return err
		}
		if n.From, err = m.text(&from); err != nil {
			return err
		}
		if n.Message, err = m.text(&said); err != nil {
			return err
		}
		if n.Options, err = m.texts(options); err != nil {
			return err
		}
		if !m.canNotify(n.Method) {
			return fmt.Errorf("notify: %q is not a way to tell somebody something here", n.Method)
		}
		return m.act(n)
	}, nil
}

// checkMethod refuses what cannot be a method anywhere.
func checkMethod(uri string) error {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" {
		return fmt.Errorf("%q is not a URI", uri)
	}
	if strings.EqualFold(u.Scheme, "mailto") {
		_, err = ParseMailto(uri)
	}
	return err
}

func (m *machine) canNotify(uri string) bool {
	if strings.HasPrefix(strings.ToLower(uri), "mailto:") {
		_, err := ParseMailto(uri)
		return err == nil
	}
	return m.s.NotifyMethod != nil && m.s.NotifyMethod(uri)
}

// Mailto is what a mailto URI says (RFC 6068).
type Mailto struct {
	To            []string
	Subject, Body string
}

// maxMailto is how many addresses one notification goes to.
const maxMailto = 4

// ParseMailto reads a mailto URI. Header fields other than To, Cc, Subject and the
// body are passed over, as RFC 5436 2.3 allows.
func ParseMailto(uri string) (out Mailto, err error) {
	scheme, rest, _ := strings.Cut(uri, ":")
	if !strings.EqualFold(scheme, "mailto") {
		return out, fmt.Errorf("%q is not a mailto URI", uri)
	}
	path, query, _ := strings.Cut(rest, "?")
	add := func(list string) error {
		for one := range strings.SplitSeq(list, ",") {
			one, err := url.PathUnescape(one)
			if one == "" && err == nil {
				continue
			}
			address, err2 := mail.ParseAddress(one)
			if err != nil || err2 != nil {
				return fmt.Errorf("%q is not an address", one)
			}
			out.To = append(out.To, address)
		}
		return nil
	}
	if err := add(path); err != nil {
		return out, err
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name = strings.ToLower(name)
		if name == "to" || name == "cc" {
			if err := add(strings.ReplaceAll(strings.ReplaceAll(value, "%2C", ","), "%2c", ",")); err != nil {
				return out, err
			}
			continue
		}
		if value, err = url.PathUnescape(value); err != nil {
			return out, fmt.Errorf("%q is not a mailto URI", uri)
		}
		switch name {
		case "subject":
			out.Subject = value
		case "body":
			out.Body = value
		}
	}
	if len(out.To) == 0 || len(out.To) > maxMailto {
		return out, fmt.Errorf("a mailto URI has 1 to %d addresses here", maxMailto)
	}
	return out, nil
}

// isMailbox tells whether s is one address, with or without a name.
func isMailbox(s string) bool {
	list := (&field{raw: []byte(":" + strings.NewReplacer("\r", " ", "\n", " ").Replace(s))}).addresses()
	if len(list) != 1 {
		return false
	}
	_, err := mail.ParseAddress(list[0])
	return err == nil
}

// validNotifyTest is valid_notify_method (RFC 5435 4).
func validNotifyTest(a *arguments) (test, error) {
	uris, err := a.texts(0)
	if err != nil {
		return nil, err
	}
	return func(m *machine) (bool, error) {
		all, err := m.texts(uris)
		if err != nil {
			return false, err
		}
		for _, uri := range all {
			if !m.canNotify(uri) {
				return false, nil
			}
		}
		return true, nil
	}, nil
}

// notifyCapabilityTest is notify_method_capability (RFC 5435 5). Whether somebody
// is online is never known.
func notifyCapabilityTest(a *arguments) (test, error) {
	uri, err := a.text(0)
	if err != nil {
		return nil, err
	}
	capability, err := a.text(1)
	if err != nil {
		return nil, err
	}
	keys, err := a.keys(2)
	if err != nil {
		return nil, err
	}
	match := a.match
	return func(m *machine) (bool, error) {
		u, err := m.text(&uri)
		if err != nil {
			return false, err
		}
		c, err := m.text(&capability)
		if err != nil || !m.canNotify(u) || !strings.EqualFold(c, "online") {
			return false, err
		}
		return m.any(&match, []string{"maybe"}, keys)
	}, nil
}
