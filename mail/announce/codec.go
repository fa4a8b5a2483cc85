package announce

import (
	"bytes"

	"martlet/directory"
	"martlet/mail"
	"martlet/push"
	"martlet/store"
)

// Field numbers of a registration. Lists take one field for each element.
const (
	regAccount = iota + 1
	regKind
	regApp
	regToken
	regSandbox
	regEndpoint
	regPublicKey
	regAuth
	regDevice
	regName
	regFolder
	regAll
	regMode
	regSealKey
	regDetail
	regQuiet
	regVIP
	regOnlyVIP
	regAppleAccount
	regAppleMailbox
	regExpires
	regCreated
	regUpdated
	regLastSeen
	regLost
	regLostAt
	regSecret
	regLogin
	regEvery
)

// Field numbers of quiet hours.
const (
	quietStart = iota + 1
	quietEnd
	quietZone
	quietDays
)

func appendRegistration(dst []byte, r Registration) []byte {
	e := store.NewEncoder(dst)
	e.Uint(regAccount, uint64(r.Account))
	e.Uint(regKind, uint64(r.Kind))
	e.String(regApp, r.App)
	e.String(regToken, r.Token)
	e.Bool(regSandbox, r.Sandbox)
	e.String(regEndpoint, r.Endpoint)
	e.Bytes(regPublicKey, r.PublicKey)
	e.Bytes(regAuth, r.Auth)
	e.String(regDevice, r.Device)
	e.String(regName, r.Name)
	for _, f := range r.Folders {
		e.Uint(regFolder, uint64(f))
	}
	e.Bool(regAll, r.All)
	e.Uint(regMode, uint64(r.Mode))
	e.Bytes(regSealKey, r.SealKey)
	e.Uint(regDetail, uint64(r.Detail))
	if r.Quiet != (Quiet{}) {
		e.Message(regQuiet, func(e *store.Encoder) {
			e.Uint(quietStart, uint64(r.Quiet.Start))
			e.Uint(quietEnd, uint64(r.Quiet.End))
			e.String(quietZone, r.Quiet.Zone)
			e.Uint(quietDays, uint64(r.Quiet.Days))
		})
	}
	for _, v := range r.VIPs {
		e.Element(regVIP, v)
	}
	e.Bool(regOnlyVIP, r.OnlyVIP)
	e.String(regAppleAccount, r.AppleAccount)
	for _, m := range r.AppleMailboxes {
		e.Element(regAppleMailbox, m)
	}
	e.Time(regExpires, r.Expires)
	e.Time(regCreated, r.Created)
	e.Time(regUpdated, r.Updated)
	e.Time(regLastSeen, r.LastSeen)
	e.String(regLost, r.Lost)
	e.Time(regLostAt, r.LostAt)
	e.Bytes(regSecret, r.secret)
	e.Bytes(regLogin, r.login)
	e.Bool(regEvery, r.Every)
	return e.Out()
}

func parseRegistration(b []byte) (r Registration, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case regAccount:
			r.Account = directory.AccountID(f.Uint())
		case regKind:
			r.Kind = push.Kind(f.Uint())
		case regApp:
			r.App = f.String()
		case regToken:
			r.Token = f.String()
		case regSandbox:
			r.Sandbox = f.Bool()
		case regEndpoint:
			r.Endpoint = f.String()
		case regPublicKey:
			r.PublicKey = bytes.Clone(f.Bytes())
		case regAuth:
			r.Auth = bytes.Clone(f.Bytes())
		case regDevice:
			r.Device = f.String()
		case regName:
			r.Name = f.String()
		case regFolder:
			r.Folders = append(r.Folders, mail.FolderID(f.Uint()))
		case regAll:
			r.All = f.Bool()
		case regMode:
			r.Mode = push.Mode(f.Uint())
		case regSealKey:
			r.SealKey = bytes.Clone(f.Bytes())
		case regDetail:
			r.Detail = Detail(f.Uint())
		case regQuiet:
			r.Quiet, err = parseQuiet(f.Bytes())
			return err
		case regVIP:
			r.VIPs = append(r.VIPs, f.String())
		case regOnlyVIP:
			r.OnlyVIP = f.Bool()
		case regAppleAccount:
			r.AppleAccount = f.String()
		case regAppleMailbox:
			r.AppleMailboxes = append(r.AppleMailboxes, f.String())
		case regExpires:
			r.Expires = f.Time()
		case regCreated:
			r.Created = f.Time()
		case regUpdated:
			r.Updated = f.Time()
		case regLastSeen:
			r.LastSeen = f.Time()
		case regLost:
			r.Lost = f.String()
		case regLostAt:
			r.LostAt = f.Time()
		case regSecret:
			r.secret = bytes.Clone(f.Bytes())
		case regLogin:
			r.login = bytes.Clone(f.Bytes())
		case regEvery:
			r.Every = f.Bool()
		}
		return nil
	})
	return r, err
}

func parseQuiet(b []byte) (q Quiet, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case quietStart:
			q.Start = int(f.Uint())
		case quietEnd:
			q.End = int(f.Uint())
		case quietZone:
			q.Zone = f.String()
		case quietDays:
			q.Days = Days(f.Uint())
		}
		return nil
	})
	return q, err
}

// accountKey is where an account's registrations are listed.
type accountKey struct {
	account directory.AccountID
	id      uint64
}

var accountKeys = store.Codec[accountKey]{
	Append: func(dst []byte, k accountKey) []byte {
		return store.AppendUint64(store.AppendUint64(dst, uint64(k.account)), k.id)
	},
	Parse: func(b []byte) (k accountKey, err error) {
		account, b, err := store.ParseUint64(b)
		if err != nil {
			return k, err
		}
		k.account = directory.AccountID(account)
		if k.id, b, err = store.ParseUint64(b); err != nil {
			return k, err
		}
		return k, store.End(b)
	},
}

// numbers is the codec of a value that is one number.
var numbers = store.Codec[uint64]{
	Append: func(dst []byte, n uint64) []byte {
		e := store.NewEncoder(dst)
		e.Uint(1, n)
		return e.Out()
	},
	Parse: func(b []byte) (n uint64, err error) {
		err = store.DecodeFields(b, func(f store.Field) error {
			if f.Number == 1 {
				n = f.Uint()
			}
			return nil
		})
		return n, err
	},
}
