package share

import (
	"errors"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// grantKey orders grants by folder, then by whom they are for.
type grantKey struct {
	box    mail.MailboxID
	folder mail.FolderID
	kind   kind
	to     directory.AccountID // of kind toAccount
	group  string              // of kind toGroup
}

type kind uint8

const (
	toEveryone kind = iota
	toAccount
	toGroup
)

// epochs count what links follow from.
type epochs struct {
	Now     uint64 // the last change
	Settled uint64 // the last that every account's links were brought up to
}

// The tables of the package.
var (
	grantTable = store.NewTable("grant", store.PrefixGrant,
		store.Codec[grantKey]{Append: appendGrantKey, Parse: parseGrantKey},
		store.Codec[mail.Rights]{Append: appendRights, Parse: parseRights})
	granteeTable = store.NewTable("grantee", store.PrefixGrantee,
		store.Codec[grantKey]{Append: appendGrantee, Parse: parseGrantee}, store.NoValue())
	publicTable = store.NewTable("public mailbox", store.PrefixPublic,
		store.Uint64Key[mail.MailboxID](), store.NoValue())
	epochTable = store.NewTable("share epoch", store.PrefixShareEpoch,
		store.StringKey[string](), store.Codec[epochs]{Append: appendEpochs, Parse: parseEpochs})
)

// epochRow is the only row of its table.
const epochRow = ""

var errBadGrant = errors.New("share: malformed grant")

func keyOf(g *Grant) grantKey {
	k := grantKey{box: g.Box, folder: g.Folder, to: g.To.Account, group: g.To.Group}
	switch {
	case g.To.Account != 0:
		k.kind = toAccount
	case g.To.Group != "":
		k.kind = toGroup
	}
	return k
}

func (k grantKey) grant(r mail.Rights) Grant {
	return Grant{Box: k.box, Folder: k.folder, To: Principal{k.to, k.group}, Rights: r}
}

func (k grantKey) ofBox() []byte { return store.AppendUint64(nil, uint64(k.box)) }

func (k grantKey) ofFolder() []byte { return store.AppendUint32(k.ofBox(), uint32(k.folder)) }

func appendGrantKey(dst []byte, k grantKey) []byte {
	dst = store.AppendUint32(store.AppendUint64(dst, uint64(k.box)), uint32(k.folder))
	return appendTo(dst, k)
}

func parseGrantKey(b []byte) (k grantKey, err error) {
	box, b, err := store.ParseUint64(b)
	if err != nil {
		return k, err
	}
	folder, b, err := store.ParseUint32(b)
	if err != nil {
		return k, err
	}
	k.box, k.folder = mail.MailboxID(box), mail.FolderID(folder)
	if b, err = parseTo(&k, b); err != nil {
		return k, err
	}
	return k, store.End(b)
}

// appendGrantee writes the key the other way round: by whom a grant is for.
func appendGrantee(dst []byte, k grantKey) []byte {
	return store.AppendUint32(store.AppendUint64(appendTo(dst, k), uint64(k.box)), uint32(k.folder))
}

func appendTo(dst []byte, k grantKey) []byte {
	dst = append(dst, byte(k.kind))
	switch k.kind {
	case toAccount:
		return store.AppendUint64(dst, uint64(k.to))
	case toGroup:
		return store.AppendString(dst, k.group)
	}
	return dst
}

// parseTo reads what appendTo wrote, and returns the rest.
func parseTo(k *grantKey, b []byte) (rest []byte, err error) {
	if len(b) == 0 {
		return nil, errBadGrant
	}
	k.kind = kind(b[0])
	b = b[1:]
	switch k.kind {
	case toEveryone:
		return b, nil
	case toAccount:
		to, rest, err := store.ParseUint64(b)
		k.to = directory.AccountID(to)
		return rest, err
	case toGroup:
		k.group, b, err = store.ParseString(b)
		return b, err
	}
	return nil, errBadGrant
}

func parseGrantee(b []byte) (k grantKey, err error) {
	if b, err = parseTo(&k, b); err != nil {
		return k, err
	}
	box, b, err := store.ParseUint64(b)
	if err != nil {
		return k, err
	}
	folder, b, err := store.ParseUint32(b)
	if err != nil {
		return k, err
	}
	k.box, k.folder = mail.MailboxID(box), mail.FolderID(folder)
	return k, store.End(b)
}

// setGrant writes a grant.
func setGrant(tx *store.Tx, k grantKey, r mail.Rights) error {
	if err := granteeTable.Set(tx, k, struct{}{}); err != nil {
		return err
	}
	return grantTable.Set(tx, k, r)
}

// dropGrant takes a grant away.
func dropGrant(tx *store.Tx, k grantKey) error {
	if err := granteeTable.Delete(tx, k); err != nil {
		return err
	}
	return grantTable.Delete(tx, k)
}

func appendRights(dst []byte, r mail.Rights) []byte {
	e := store.NewEncoder(dst)
	e.Uint(1, uint64(r))
	return e.Out()
}

func parseRights(b []byte) (r mail.Rights, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		if f.Number == 1 {
			r = mail.Rights(f.Uint())
		}
		return nil
	})
	if err == nil && r == 0 {
		err = errBadGrant
	}
	return r, err
}

func appendEpochs(dst []byte, v epochs) []byte {
	e := store.NewEncoder(dst)
	e.Uint(1, v.Now)
	e.Uint(2, v.Settled)
	return e.Out()
}

func parseEpochs(b []byte) (v epochs, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			v.Now = f.Uint()
		case 2:
			v.Settled = f.Uint()
		}
		return nil
	})
	return v, err
}
