package directory

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"martlet/internal/tomlfile"
)

// File is a directory file: what Apply brings about and Export writes. A key
// that is absent leaves what is there; so does a section, unless Apply is asked to
// prune.
type File struct {
	Domains     []FileDomain     `toml:"domain,omitempty"`
	Users       []FileUser       `toml:"user,omitempty"`
	Groups      []FileGroup      `toml:"group,omitempty"`
	Resources   []FileResource   `toml:"resource,omitempty"`
	Contacts    []FileContact    `toml:"contact,omitempty"`
	Delegations []FileDelegation `toml:"delegation,omitempty"`

	lines  *tomlfile.Lines   // nil for a file that was not parsed
	text   []byte            // as parsed
	photos map[string][]byte // photos and certificates that lie beside the file, by path
}

// FileDomain is a [[domain]] of a directory file.
type FileDomain struct {
	Name           string  `toml:"name"`
	CatchAll       *string `toml:"catch_all,omitempty"`
	PlusAddressing *bool   `toml:"plus_addressing,omitempty"` // a new domain's: true
	Quota          *string `toml:"quota,omitempty"`           // of each account: "5 GiB"
	QuotaItems     *int64  `toml:"quota_items,omitempty"`
}

// FileUser is a [[user]] of a directory file. Login tells which.
type FileUser struct {
	Login        string   `toml:"login"`
	Name         *string  `toml:"name,omitempty"`
	GivenName    *string  `toml:"given_name,omitempty"`
	Surname      *string  `toml:"surname,omitempty"`
	Title        *string  `toml:"title,omitempty"`
	Company      *string  `toml:"company,omitempty"`
	Department   *string  `toml:"department,omitempty"`
	Office       *string  `toml:"office,omitempty"`
	Phone        *string  `toml:"phone,omitempty"`
	Mobile       *string  `toml:"mobile,omitempty"`
	HomePhone    *string  `toml:"home_phone,omitempty"`
	Alias        *string  `toml:"alias,omitempty"`
	Server       *string  `toml:"server,omitempty"` // that has the mailbox: "https://mail2.example.org"; "": this one
	Aliases      []string `toml:"aliases,omitempty"`
	Photo        *string  `toml:"photo,omitempty"` // a file, relative to the directory file; "" takes it away
	PhotoBase64  *string  `toml:"photo_base64,omitempty"`
	Certificates []string `toml:"certificates,omitempty"` // files, relative to the directory file; [] takes all away
	// CertificatesBase64 are certificates in DER, as an export has them.
	CertificatesBase64 []string `toml:"certificates_base64,omitempty"`
	Password           *string  `toml:"password,omitempty"`
	PasswordHash       *string  `toml:"password_hash,omitempty"`
	Scram              *string  `toml:"scram,omitempty"` // keys of the password whose hash it is: SCRAM-SHA-256$…
	Disabled           *bool    `toml:"disabled,omitempty"`
	ActiveSync         *bool    `toml:"active_sync,omitempty"` // a new user's: true
	Admin              *bool    `toml:"admin,omitempty"`
	Hidden             *bool    `toml:"hidden,omitempty"` // from the address list
	Quota              *string  `toml:"quota,omitempty"`  // "5 GiB", "unlimited"; "": as the domain says
	QuotaItems         *int64   `toml:"quota_items,omitempty"`
	Forward            []string `toml:"forward,omitempty"`   // [] ends it
	KeepCopy           *bool    `toml:"keep_copy,omitempty"` // of what is forwarded; when forwarding begins: true

	section section // where it stands in the file
}

// FileGroup is a [[group]] of a directory file.
type FileGroup struct {
	Address string   `toml:"address"`
	Name    *string  `toml:"name,omitempty"`
	Members []string `toml:"members,omitempty"`
	Hidden  *bool    `toml:"hidden,omitempty"` // from the address list
	Photo   *string  `toml:"photo,omitempty"`  // a file, relative to the directory file; "" takes it away

	PhotoBase64 *string `toml:"photo_base64,omitempty"`
}

// FileDelegation is a [[delegation]] of a directory file. At least one of the
// two rights is given.
type FileDelegation struct {
	Owner        string `toml:"owner"`
	Delegate     string `toml:"delegate"`
	SendAs       bool   `toml:"send_as,omitempty"`
	SendOnBehalf bool   `toml:"send_on_behalf,omitempty"`
}

// userText is a text field of a user: its key, its place in the file's struct
// and in the account.
type userText struct {
	key string
	in  func(*FileUser) **string
	of  func(*Account) *string
}

func userTexts() []userText {
	return []userText{
		{"name", func(u *FileUser) **string { return &u.Name }, func(a *Account) *string { return &a.Name }},
		{"given_name", func(u *FileUser) **string { return &u.GivenName }, func(a *Account) *string { return &a.GivenName }},
		{"surname", func(u *FileUser) **string { return &u.Surname }, func(a *Account) *string { return &a.Surname }},
		{"title", func(u *FileUser) **string { return &u.Title }, func(a *Account) *string { return &a.Title }},
		{"company", func(u *FileUser) **string { return &u.Company }, func(a *Account) *string { return &a.Company }},
		{"department", func(u *FileUser) **string { return &u.Department }, func(a *Account) *string { return &a.Department }},
		{"office", func(u *FileUser) **string { return &u.Office }, func(a *Account) *string { return &a.Office }},
		{"phone", func(u *FileUser) **string { return &u.Phone }, func(a *Account) *string { return &a.Phone }},
		{"mobile", func(u *FileUser) **string { return &u.Mobile }, func(a *Account) *string { return &a.Mobile }},
		{"home_phone", func(u *FileUser) **string { return &u.HomePhone }, func(a *Account) *string { return &a.HomePhone }},
		{"alias", func(u *FileUser) **string { return &u.Alias }, func(a *Account) *string { return &a.Alias }},
		{"server", func(u *FileUser) **string { return &u.Server }, func(a *Account) *string { return &a.Server }},
	}
}

// userBool is a switch of a user. fresh is what a new user has.
type userBool struct {
	key   string
	in    func(*FileUser) **bool
	of    func(*Account) *bool
	fresh bool
}

func userBools() []userBool {
	return []userBool{
		{"disabled", func(u *FileUser) **bool { return &u.Disabled }, func(a *Account) *bool { return &a.Disabled }, false},
		{"active_sync", func(u *FileUser) **bool { return &u.ActiveSync }, func(a *Account) *bool { return &a.ActiveSync }, true},
		{"admin", func(u *FileUser) **bool { return &u.Admin }, func(a *Account) *bool { return &a.Admin }, false},
		{"hidden", func(u *FileUser) **bool { return &u.Hidden }, func(a *Account) *bool { return &a.Hidden }, false},
	}
}

// ParseFile reads a directory file and the photos it names, which lie relative
// to it. Every error says file, line and key; they come joined.
func ParseFile(r io.Reader, name string) (*File, error) {
	return parseFile(r, name, func(path string) ([]byte, error) {
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(name), path)
		}
		p, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer p.Close()
		return io.ReadAll(io.LimitReader(p, MaxPhoto+1))
	})
}

func parseFile(r io.Reader, name string, photo func(path string) ([]byte, error)) (*File, error) {
	text, err := io.ReadAll(io.LimitReader(r, tomlfile.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f := &File{text: text, photos: map[string][]byte{}}
	if f.lines, err = tomlfile.Decode(name, text, f); err != nil {
		return nil, err
	}
	var errs []error
	beside := func(path string, at ...any) {
		b, err := photo(path)
		if err != nil {
			errs = append(errs, f.lines.Errorf(at, "%v", err))
			return
		}
		f.photos[path] = b
	}
	for i := range f.Users {
		if p := f.Users[i].Photo; p != nil && *p != "" {
			beside(*p, "user", i, "photo")
		}
		for j, p := range f.Users[i].Certificates {
			beside(p, "user", i, "certificates", j)
		}
	}
	for i := range f.Resources {
		if p := f.Resources[i].Photo; p != nil && *p != "" {
			beside(*p, "resource", i, "photo")
		}
	}
	for i := range f.Contacts {
		if p := f.Contacts[i].Photo; p != nil && *p != "" {
			beside(*p, "contact", i, "photo")
		}
	}
	for i := range f.Groups {
		if p := f.Groups[i].Photo; p != nil && *p != "" {
			beside(*p, "group", i, "photo")
		}
	}
	// What can be said without a store is said now.
	if _, check := f.desired(); len(errs)+len(check) > 0 {
		return nil, errors.Join(append(errs, check...)...)
	}
	return f, nil
}

// WriteTOML writes the file so that ParseFile reads the same.
func (f *File) WriteTOML(w io.Writer) error {
	e := toml.NewEncoder(w)
	e.SetIndentTables(false)
	return e.Encode(f)
}

// sections are those of a file that was not parsed. In JSON a list that is absent
// is another than one that is empty; in TOML it is not written.
type sections File

// fileJSON is a file on its way to a running server: the text, so that errors
// there still know their lines, with the photos that lie beside it.
type fileJSON struct {
	Name     string            `json:"name,omitempty"`
	Text     string            `json:"text,omitempty"`
	Photos   map[string][]byte `json:"photos,omitempty"`
	Sections *sections         `json:"sections,omitempty"`
}

// MarshalJSON carries the file with its photos and lines.
func (f *File) MarshalJSON() ([]byte, error) {
	if f.text == nil {
		return json.Marshal(fileJSON{Sections: (*sections)(f)})
	}
	return json.Marshal(fileJSON{Name: f.lines.File(), Text: string(f.text), Photos: f.photos})
}

// UnmarshalJSON reads what MarshalJSON wrote; it opens no files.
func (f *File) UnmarshalJSON(b []byte) error {
	var j fileJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	if j.Sections != nil {
		*f = File(*j.Sections)
		_, check := f.desired()
		return errors.Join(check...)
	}
	g, err := parseFile(strings.NewReader(j.Text), j.Name, func(path string) ([]byte, error) {
		p, ok := j.Photos[path]
		if !ok {
			return nil, os.ErrNotExist
		}
		return p, nil
	})
	if err == nil {
		*f = *g
	}
	return err
}

// photoOf is the photo that an entry of the file has, in a file beside it or
// within; nil when the file says nothing, empty when it takes the photo away.
func (f *File) photoOf(beside, within *string) ([]byte, error) {
	switch {
	case beside != nil && within != nil:
		return nil, fmt.Errorf("%w: give photo or photo_base64, not both", ErrBadValue)
	case beside != nil && *beside == "", within != nil && *within == "":
		return []byte{}, nil
	case beside != nil:
		return f.photos[*beside], nil
	case within != nil:
		p, err := base64.StdEncoding.DecodeString(*within)
		if err != nil {
			return nil, fmt.Errorf("%w: not base64", ErrBadValue)
		}
		return p, nil
	}
	return nil, nil
}

// certificatesOf are the certificates a user of the file has, in DER; nil when
// the file says nothing, empty when it takes all away.
func (f *File) certificatesOf(u *FileUser) ([][]byte, error) {
	switch {
	case u.Certificates != nil && u.CertificatesBase64 != nil:
		return nil, fmt.Errorf("%w: give certificates or certificates_base64, not both", ErrBadValue)
	case u.Certificates == nil && u.CertificatesBase64 == nil:
		return nil, nil
	}
	all := [][]byte{}
	for _, path := range u.Certificates {
		some, err := ParseCertificates(f.photos[path])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, some...)
	}
	for _, s := range u.CertificatesBase64 {
		der, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return nil, fmt.Errorf("%w: not base64", ErrBadValue)
		}
		all = append(all, der)
	}
	return all, nil
}
