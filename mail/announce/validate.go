package announce

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"martlet/push"
	"martlet/push/seal"
)

// Shapes of tokens. Apple's have 32 bytes today and "may change in size";
// Google's are some 160 characters, and are opaque.
const (
	minAPNsToken = 64
	maxAPNsToken = 200
	maxFCMToken  = 1024
	minFCMToken  = 16
)

// minutes of a day.
const minutes = 24 * 60

// normalise brings what may be written in several ways to one.
func (r *Registration) normalise() {
	if r.Kind == push.APNs {
		r.Token = strings.ToLower(r.Token)
	}
	if r.Kind == push.WebPush {
		r.Sandbox, r.Token = false, ""
	} else {
		r.Endpoint, r.PublicKey, r.Auth = "", nil, nil
	}
	if r.Kind == push.FCM {
		r.Sandbox = false
	}
	if r.Mode != push.AppleMail {
		r.AppleAccount, r.AppleMailboxes = "", nil
	}
	vips := make([]string, 0, len(r.VIPs))
	for _, v := range r.VIPs {
		vips = append(vips, strings.TrimPrefix(strings.ToLower(strings.TrimSpace(v)), "@"))
	}
	slices.Sort(vips)
	r.VIPs = slices.Compact(vips)
	if len(r.AppleMailboxes) == 0 { // else their order is that of the names
		r.Folders = slices.Clone(r.Folders)
		slices.Sort(r.Folders)
		r.Folders = slices.Compact(r.Folders)
	}
	r.Expires = milliseconds(r.Expires)
}

func milliseconds(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}

// check refuses what cannot be kept. Whether the folders exist is the
// transaction's to say.
func (r *Registration) check(now time.Time) error {
	switch {
	case !goodApp(r.App):
		return ErrBadApp
	case !goodDevice(r.Device):
		return ErrBadDevice
	case !goodText(r.Name, maxName):
		return ErrBadName
	case r.Detail >= details:
		return ErrBadDetail
	case r.All && len(r.Folders) > 0, r.Every && !r.All, len(r.Folders) > MaxFolders, slices.Contains(r.Folders, 0):
		return ErrBadFolders
	case !r.Expires.IsZero() && (!r.Expires.After(now) || r.Expires.Sub(now) > maxLife):
		return ErrBadExpiry
	}
	if err := r.checkTarget(); err != nil {
		return err
	}
	if err := r.checkMode(); err != nil {
		return err
	}
	if len(r.VIPs) > MaxVIPs || !all(r.VIPs, goodVIP) || r.OnlyVIP && len(r.VIPs) == 0 {
		return ErrBadVIPs
	}
	return r.Quiet.check()
}

func (r *Registration) checkTarget() error {
	switch r.Kind {
	case push.APNs:
		n := len(r.Token)
		if n < minAPNsToken || n > maxAPNsToken || n%2 != 0 || strings.Trim(r.Token, "0123456789abcdef") != "" {
			return ErrBadToken
		}
	case push.FCM:
		if n := len(r.Token); n < minFCMToken || n > maxFCMToken || strings.IndexFunc(r.Token, notPrintable) >= 0 {
			return ErrBadToken
		}
	case push.WebPush:
		u, err := url.Parse(r.Endpoint)
		if err != nil || len(r.Endpoint) > maxEndpoint || u.Scheme != "https" || u.Host == "" || u.User != nil ||
			strings.IndexFunc(r.Endpoint, notPrintable) >= 0 {
			return ErrBadEndpoint
		}
		// RFC 8291 2 and 3.2: an uncompressed point (X9.62), and 16 bytes.
		if len(r.PublicKey) != 65 || r.PublicKey[0] != 4 || len(r.Auth) != 16 {
			return ErrBadKeys
		}
	default:
		return ErrBadKind
	}
	return nil
}

// notPrintable knows what no token and no URL has.
func notPrintable(c rune) bool { return c <= ' ' || c >= 0x7f }

func (r *Registration) checkMode() error {
	switch r.Mode {
	case push.Silent, push.Badge, push.Alert:
	case push.Sealed:
		if seal.CheckKey(r.SealKey) != nil {
			return ErrBadSealKey
		}
	case push.AppleMail:
		if r.Kind != push.APNs {
			return ErrBadMode
		}
		if r.AppleAccount == "" || !goodText(r.AppleAccount, maxName) || r.All ||
			len(r.AppleMailboxes) == 0 || len(r.AppleMailboxes) != len(r.Folders) || !all(r.AppleMailboxes, goodMailbox) {
			return ErrBadAppleMail
		}
	default:
		return ErrBadMode
	}
	if r.Mode != push.Sealed && len(r.SealKey) != 0 {
		return ErrBadSealKey
	}
	return nil
}

func (q *Quiet) check() error {
	if *q == (Quiet{}) {
		return nil
	}
	if q.Start < 0 || q.Start >= minutes || q.End < 0 || q.End >= minutes || q.Start == q.End || q.Days >= 1<<7 {
		return ErrBadQuiet
	}
	if q.Zone == "" || q.Zone == "Local" || len(q.Zone) > 64 {
		return ErrBadQuiet
	}
	if _, err := time.LoadLocation(q.Zone); err != nil {
		return ErrBadQuiet
	}
	return nil
}

func all(list []string, good func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !good(s) })
}

func goodApp(s string) bool {
	return s != "" && len(s) <= maxApp && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}

func goodDevice(s string) bool {
	return len(s) <= maxDevice && utf8.ValidString(s) && strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f }) < 0
}

func goodText(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

func goodMailbox(s string) bool { return s != "" && goodText(s, 1024) }

// goodVIP knows an address or a domain. Neither is looked up: a sender is
// compared with it as it stands.
func goodVIP(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok {
		local, domain = "x", s
	}
	return len(s) <= maxVIP && local != "" && strings.Contains(domain, ".") && !strings.Contains(domain, "@") &&
		!strings.HasPrefix(domain, ".") && !strings.HasSuffix(domain, ".") && utf8.ValidString(s) &&
		strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f }) < 0
}
