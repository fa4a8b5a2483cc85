package directory

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"image/png"
	"net"
	"net/url"
	"unicode"
	"unicode/utf8"
)

// Limits of what one account holds.
const (
	MaxPhoto   = 100 << 10 // bytes (MS-ASCMD 2.2.3.131 lets a phone ask for less)
	maxPixels  = 16 << 20  // of a photo: four bytes each in a phone's memory
	maxText    = 255       // characters of each text field
	maxAliases = 500
)

// checkAccount brings an account into its canonical form, or says which key of
// the directory file is wrong.
func checkAccount(a *Account) (key string, err error) {
	login, err := newAddress(a.Login)
	if err != nil {
		return "login", err
	}
	a.Login = login.String()
	aliases, err := checkAliases(login, a.Aliases)
	if err != nil {
		return "aliases", err
	}
	a.Aliases = aliases
	for _, f := range userTexts() {
		if err := checkText(*f.of(a)); err != nil {
			return f.key, err
		}
	}
	if err := checkServer(a.Server); err != nil {
		return "server", err
	}
	if a.PasswordHash != "" {
		a.PasswordHash = normalHash(a.PasswordHash)
		if err := checkHash(a.PasswordHash); err != nil {
			return "password_hash", err
		}
	}
	return "photo", checkPhoto(a.Photo)
}

// checkServer holds a server to the form scheme://host[:port]: what stands
// behind it is each protocol's own.
func checkServer(s string) error {
	if s == "" {
		return nil
	}
	bad := fmt.Errorf("%w: a server is a URL without a path: https://mail2.example.org", ErrBadValue)
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.String() != u.Scheme+"://"+u.Host {
		return bad
	}
	if _, err := parseDomain(u.Hostname()); err != nil && net.ParseIP(u.Hostname()) == nil {
		return bad
	}
	return nil
}

func checkAliases(login address, aliases []string) ([]string, error) {
	if len(aliases) > maxAliases {
		return nil, fmt.Errorf("%w: more than %d aliases", ErrBadValue, maxAliases)
	}
	seen := map[addressKey]bool{login.key(): true}
	var out []string
	for _, s := range aliases {
		a, err := newAddress(s)
		if err != nil {
			return nil, err
		}
		if !seen[a.key()] {
			seen[a.key()] = true
			out = append(out, a.String())
		}
	}
	return out, nil
}

func checkText(s string) error {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxText {
		return fmt.Errorf("%w: text has at most %d characters", ErrBadValue, maxText)
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return fmt.Errorf("%w: %q holds a control character", ErrBadValue, s)
		}
	}
	return nil
}

func checkPhoto(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if len(p) > MaxPhoto {
		return fmt.Errorf("%w: the photo is larger than %d KiB", ErrBadValue, MaxPhoto>>10)
	}
	read := png.DecodeConfig
	switch {
	case bytes.HasPrefix(p, []byte("\xff\xd8\xff")):
		read = jpeg.DecodeConfig
	case !bytes.HasPrefix(p, []byte("\x89PNG\r\n\x1a\n")):
		return fmt.Errorf("%w: the photo is neither JPEG nor PNG", ErrBadValue)
	}
	// What phones cannot open does no harm.
	if size, err := read(bytes.NewReader(p)); err == nil && size.Width*size.Height > maxPixels {
		return fmt.Errorf("%w: the photo has %dx%d pixels, which phones have no room for", ErrBadValue, size.Width, size.Height)
	}
	return nil
}
