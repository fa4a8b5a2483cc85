package class

import (
	"strings"

	"martlet/mail/vcard"
)

// chatScheme is the URI scheme of the network that one of the old properties for
// chat addresses names, empty for one that says none.
func chatScheme(name string) (scheme string, ok bool) {
	switch name {
	case "X-JABBER":
		return "xmpp", true
	case "X-AIM":
		return "aim", true
	case "X-ICQ":
		return "icq", true
	case "X-MSN":
		return "msnim", true
	case "X-YAHOO":
		return "ymsgr", true
	case "X-SKYPE", "X-SKYPE-USERNAME":
		return "skype", true
	case "X-GOOGLE-TALK", "X-GTALK":
		return "gtalk", true
	case "X-GADUGADU":
		return "gg", true
	case "X-GROUPWISE":
		return "groupwise", true
	case "X-QQ":
		return "qq", true
	case "X-SIP":
		return "sip", true
	case "X-MS-IMADDRESS":
		return "", true
	}
	return "", false
}

// chatText is what is shown of a chat address: the network and the name there.
func chatText(p *vcard.Property) (text string, ok bool) {
	if p.Name == "IMPP" { // RFC 4770
		text = strings.TrimSpace(p.Text())
		if name, apple := strings.CutPrefix(text, "x-apple:"); apple {
			if service := p.Param("X-SERVICE-TYPE"); len(service) > 0 {
				text = strings.ToLower(service[0]) + ":" + name
			}
		}
		return text, true
	}
	scheme, ok := chatScheme(p.Name)
	if !ok {
		return "", false
	}
	if text = strings.TrimSpace(p.Text()); scheme != "" && text != "" && !strings.HasPrefix(text, scheme+":") {
		text = scheme + ":" + text
	}
	return text, true
}

// hasChat tells whether an address is among those found: Apple writes each of
// them twice, in the old way and in the new one.
func (c *contactCard) hasChat(text string) bool {
	for _, i := range c.chats {
		if other, _ := chatText(&c.card.Properties[i]); strings.EqualFold(other, text) {
			return true
		}
	}
	return false
}

// setChat writes an address into a property in its own form. It is false for one
// of another network.
func setChat(p *vcard.Property, text string) bool {
	scheme, old := chatScheme(p.Name)
	name, same := strings.CutPrefix(text, scheme+":")
	switch {
	case !old: // IMPP
		own, _, _ := strings.Cut(p.Text(), ":")
		if network, _, ok := strings.Cut(text, ":"); !ok || !strings.EqualFold(network, own) {
			return false
		}
		name = text
	case scheme == "":
		name = text
	case !same:
		return false
	}
	p.Value = vcard.TextProperty(p.Name, name).Value
	return true
}

// newChat is a property for an address that has none: a URI, or Outlook's
// property for what is none.
func newChat(text string) vcard.Property {
	if scheme, rest, ok := strings.Cut(text, ":"); ok && rest != "" && isScheme(scheme) {
		return vcard.TextProperty("IMPP", text)
	}
	return vcard.TextProperty("X-MS-IMADDRESS", text)
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if !(c >= 'a' && c <= 'z' || i > 0 && (s[i] >= '0' && s[i] <= '9' || s[i] == '+' || s[i] == '-' || s[i] == '.')) {
			return false
		}
	}
	return s != ""
}
