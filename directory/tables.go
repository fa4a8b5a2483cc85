package directory

import (
	"errors"
	"slices"
	"strings"

	"martlet/store"
)

// target is what an address leads to: an account, or the group or the shared
// contact of that key.
type target struct {
	account AccountID
	group   addressKey
	contact addressKey
}

// delegateKey orders delegations by owner. Both are the keys of primary
// addresses.
type delegateKey struct{ owner, delegate addressKey }

// tables are the rows of this package.
type tables struct {
	domains      store.Table[string, Domain]
	accounts     store.Table[AccountID, Account]
	addresses    store.Table[addressKey, target]
	groups       store.Table[addressKey, Group]
	delegates    store.Table[delegateKey, Delegation]
	contacts     store.Table[addressKey, Contact]
	photos       store.Table[AccountID, []byte]
	entryPhotos  store.Table[addressKey, []byte] // of groups and contacts
	certificates store.Table[AccountID, [][]byte]
	admins       store.Table[AccountID, struct{}]

	names        store.Table[nameKey, string] // the address list: word, entry -> name it is sorted by
	namesVersion store.Table[string, uint64]
	entries      store.Table[string, entryState] // by the entry's ID; its last change
	entryLog     store.Table[uint64, string]     // number of a change -> the entry's ID
	verifiers    store.Table[AccountID, verifier]

	appPasswords  store.Table[appKey, AppPassword]
	secondFactors store.Table[AccountID, secondFactor]
	scram         store.Table[AccountID, ScramKeys]
	pins          store.Table[string, Pin] // by fingerprint
	encryptions   store.Table[AccountID, Encryption]
}

func newTables() tables {
	id := store.Uint64Key[AccountID]()
	key := store.StringKey[addressKey]()
	return tables{
		domains:       store.NewTable("directory domains", store.PrefixDomain, store.StringKey[string](), domainCodec()),
		accounts:      store.NewTable("directory accounts", store.PrefixAccount, id, accountCodec()),
		addresses:     store.NewTable("directory addresses", store.PrefixAddress, key, targetCodec()),
		groups:        store.NewTable("directory groups", store.PrefixGroup, key, groupCodec()),
		delegates:     store.NewTable("directory delegations", store.PrefixDelegate, delegateKeyCodec(), delegationCodec()),
		certificates:  store.NewTable("directory certificates", store.PrefixCertificate, id, certificatesCodec()),
		contacts:      store.NewTable("directory contacts", store.PrefixContact, key, contactCodec()),
		photos:        store.NewTable("directory photos", store.PrefixPhoto, id, bytesCodec()),
		entryPhotos:   store.NewTable("directory photos of groups and contacts", store.PrefixEntryPhoto, key, bytesCodec()),
		entries:       store.NewTable("directory entries", store.PrefixEntry, store.StringKey[string](), entryStateCodec()),
		entryLog:      store.NewTable("directory entry log", store.PrefixEntryLog, store.Uint64Key[uint64](), textCodec()),
		admins:        store.NewTable("directory administrators", store.PrefixAdmin, id, store.NoValue()),
		names:         store.NewTable("directory address list", store.PrefixName, nameKeyCodec(), textCodec()),
		verifiers:     store.NewTable("directory verifiers", store.PrefixVerifier, id, verifierCodec()),
		appPasswords:  store.NewTable("directory app passwords", store.PrefixAppPassword, appKeyCodec(), appPasswordCodec()),
		secondFactors: store.NewTable("directory second factors", store.PrefixSecondFactor, id, secondFactorCodec()),
		scram:         store.NewTable("directory keys of passwords", store.PrefixScram, id, scramCodec()),
		pins:          store.NewTable("directory client certificates", store.PrefixPin, store.StringKey[string](), pinCodec()),
		encryptions:   store.NewTable("directory encryption", store.PrefixEncryption, id, encryptionCodec()),
		namesVersion:  store.NewTable("directory address list version", store.PrefixNameVersion, store.StringKey[string](), versionCodec()),
	}
}

func bytesCodec() store.Codec[[]byte] {
	return store.Codec[[]byte]{
		Append: func(dst, v []byte) []byte { return append(dst, v...) },
		Parse:  func(b []byte) ([]byte, error) { return slices.Clone(b), nil },
	}
}

func domainCodec() store.Codec[Domain] {
	return store.Codec[Domain]{
		Append: func(dst []byte, d Domain) []byte {
			e := store.NewEncoder(dst)
			e.String(1, d.Name)
			e.String(2, d.CatchAll)
			e.Bool(3, d.PlusAddressing)
			if d.Quota != (Quota{}) {
				e.Message(4, d.Quota.encode)
			}
			return e.Out()
		},
		Parse: func(b []byte) (d Domain, err error) {
			err = store.DecodeFields(b, func(f store.Field) error {
				switch f.Number {
				case 1:
					d.Name = f.String()
				case 2:
					d.CatchAll = f.String()
				case 3:
					d.PlusAddressing = f.Bool()
				case 4:
					var err error
					d.Quota, err = parseQuota(f.Bytes())
					return err
				}
				return nil
			})
			return d, err
		},
	}
}

// accountTexts are the text fields of an account in the order of their field
// numbers, which start at 1. New ones need a number of their own, below.
func accountTexts(a *Account) []*string {
	return []*string{
		&a.Login, &a.Name, &a.GivenName, &a.Surname, &a.Title, &a.Company, &a.Department, &a.Office,
		&a.Phone, &a.Mobile, &a.HomePhone, &a.Alias, &a.PasswordHash,
	}
}

const (
	fieldAliases    = 20
	fieldDisabled   = 21
	fieldActiveSync = 22
	fieldAdmin      = 23
	fieldCreated    = 24
	fieldID         = 25
	fieldHidden     = 26
	fieldServer     = 27
	fieldKind       = 28
	fieldCapacity   = 29
	fieldBooking    = 30
	fieldQuota      = 31
	fieldForward    = 32
	fieldKeepCopy   = 33
	fieldTwoFactor  = 34
)

// accountCodec leaves the photo out: it has a row of its own.
func accountCodec() store.Codec[Account] {
	return store.Codec[Account]{
		Append: func(dst []byte, a Account) []byte {
			e := store.NewEncoder(dst)
			for i, s := range accountTexts(&a) {
				e.String(i+1, *s)
			}
			for _, alias := range a.Aliases {
				e.Element(fieldAliases, alias)
			}
			e.Bool(fieldDisabled, a.Disabled)
			e.Bool(fieldActiveSync, a.ActiveSync)
			e.Bool(fieldAdmin, a.Admin)
			e.Time(fieldCreated, a.Created)
			e.Uint(fieldID, uint64(a.ID))
			e.Bool(fieldHidden, a.Hidden)
			e.String(fieldServer, a.Server)
			if a.IsResource() {
				e.Uint(fieldKind, uint64(a.Kind))
				e.Uint(fieldCapacity, uint64(a.Capacity))
				e.Message(fieldBooking, a.Booking.encode)
			}
			if a.Quota != (Quota{}) {
				e.Message(fieldQuota, a.Quota.encode)
			}
			for _, to := range a.Forward {
				e.Element(fieldForward, to)
			}
			e.Bool(fieldKeepCopy, a.KeepCopy)
			e.Bool(fieldTwoFactor, a.TwoFactor)
			return e.Out()
		},
		Parse: func(b []byte) (a Account, err error) {
			texts := accountTexts(&a)
			err = store.DecodeFields(b, func(f store.Field) error {
				switch f.Number {
				case fieldAliases:
					a.Aliases = append(a.Aliases, f.String())
				case fieldDisabled:
					a.Disabled = f.Bool()
				case fieldActiveSync:
					a.ActiveSync = f.Bool()
				case fieldAdmin:
					a.Admin = f.Bool()
				case fieldCreated:
					a.Created = f.Time()
				case fieldID:
					a.ID = AccountID(f.Uint())
				case fieldHidden:
					a.Hidden = f.Bool()
				case fieldServer:
					a.Server = f.String()
				case fieldKind:
					a.Kind = Kind(f.Uint())
				case fieldCapacity:
					a.Capacity = int(f.Uint())
				case fieldBooking:
					var err error
					a.Booking, err = parseBooking(f.Bytes())
					return err
				case fieldQuota:
					var err error
					a.Quota, err = parseQuota(f.Bytes())
					return err
				case fieldForward:
					a.Forward = append(a.Forward, f.String())
				case fieldKeepCopy:
					a.KeepCopy = f.Bool()
				case fieldTwoFactor:
					a.TwoFactor = f.Bool()
				default:
					if f.Number >= 1 && f.Number <= len(texts) {
						*texts[f.Number-1] = f.String()
					}
				}
				return nil
			})
			return a, err
		},
	}
}

var errNoTarget = errors.New("directory: an address that leads nowhere")

func targetCodec() store.Codec[target] {
	return store.Codec[target]{
		Append: func(dst []byte, t target) []byte {
			e := store.NewEncoder(dst)
			e.Uint(1, uint64(t.account))
			e.String(2, string(t.group))
			e.String(3, string(t.contact))
			return e.Out()
		},
		Parse: func(b []byte) (t target, err error) {
			err = store.DecodeFields(b, func(f store.Field) error {
				switch f.Number {
				case 1:
					t.account = AccountID(f.Uint())
				case 2:
					t.group = addressKey(f.String())
				case 3:
					t.contact = addressKey(f.String())
				}
				return nil
			})
			if err == nil && t == (target{}) {
				err = errNoTarget
			}
			return t, err
		},
	}
}

func groupCodec() store.Codec[Group] {
	return store.Codec[Group]{
		Append: func(dst []byte, g Group) []byte {
			e := store.NewEncoder(dst)
			e.String(1, g.Address)
			e.String(2, g.Name)
			for _, m := range g.Members {
				e.Element(3, m)
			}
			e.Bool(4, g.Hidden)
			return e.Out()
		},
		Parse: func(b []byte) (g Group, err error) {
			err = store.DecodeFields(b, func(f store.Field) error {
				switch f.Number {
				case 1:
					g.Address = f.String()
				case 2:
					g.Name = f.String()
				case 3:
					g.Members = append(g.Members, f.String())
				case 4:
					g.Hidden = f.Bool()
				}
				return nil
			})
			return g, err
		},
	}
}

func delegateKeyCodec() store.Codec[delegateKey] {
	return store.Codec[delegateKey]{
		Append: func(dst []byte, k delegateKey) []byte {
			return store.AppendString(store.AppendString(dst, string(k.owner)), string(k.delegate))
		},
		Parse: func(b []byte) (k delegateKey, err error) {
			owner, rest, err := store.ParseString(b)
			if err != nil {
				return k, err
			}
			delegate, rest, err := store.ParseString(rest)
			if err != nil {
				return k, err
			}
			return delegateKey{addressKey(owner), addressKey(delegate)}, store.End(rest)
		},
	}
}

func delegationCodec() store.Codec[Delegation] {
	return store.Codec[Delegation]{
		Append: func(dst []byte, d Delegation) []byte {
			e := store.NewEncoder(dst)
			e.String(1, d.Owner)
			e.String(2, d.Delegate)
			e.Bool(3, d.SendAs)
			e.Bool(4, d.SendOnBehalf)
			return e.Out()
		},
		Parse: func(b []byte) (d Delegation, err error) {
			err = store.DecodeFields(b, func(f store.Field) error {
				switch f.Number {
				case 1:
					d.Owner = f.String()
				case 2:
					d.Delegate = f.String()
				case 3:
					d.SendAs = f.Bool()
				case 4:
					d.SendOnBehalf = f.Bool()
				}
				return nil
			})
			return d, err
		},
	}
}

// keyOf is the key of an address that is stored in its canonical form.
func keyOf(canonical string) addressKey {
	i := strings.LastIndexByte(canonical, '@')
	if i < 0 {
		return addressKey(canonical)
	}
	return address{canonical[:i], canonical[i+1:]}.key()
}
