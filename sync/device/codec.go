package device

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"martlet/directory"
	"martlet/store"
)

// Valid tells whether the id can name a partnership.
func (id ID) Valid() bool {
	if id.Account == 0 || len(id.Device) == 0 || len(id.Device) > MaxIDLength || !utf8.ValidString(id.Device) {
		return false
	}
	return strings.IndexFunc(id.Device, func(r rune) bool { return r <= ' ' || r == 0x7f }) < 0
}

// String is for logs and problem reports.
func (id ID) String() string { return fmt.Sprintf("%d/%s", id.Account, id.Device) }

func appendID(dst []byte, id ID) []byte {
	return store.AppendString(store.AppendUint64(dst, uint64(id.Account)), id.Device)
}

func cutID(b []byte) (ID, []byte, error) {
	account, rest, err := store.ParseUint64(b)
	if err != nil {
		return ID{}, nil, err
	}
	name, rest, err := store.ParseString(rest)
	return ID{directory.AccountID(account), name}, rest, err
}

func parseID(b []byte) (ID, error) {
	id, rest, err := cutID(b)
	if err == nil {
		err = store.End(rest)
	}
	return id, err
}

func appendCollectionKey(dst []byte, k collectionKey) []byte {
	return store.AppendUint32(appendID(dst, k.ID), k.Folder)
}

func parseCollectionKey(b []byte) (collectionKey, error) {
	id, rest, err := cutID(b)
	if err != nil {
		return collectionKey{}, err
	}
	folder, rest, err := store.ParseUint32(rest)
	if err == nil {
		err = store.End(rest)
	}
	return collectionKey{id, folder}, err
}

func appendDevice(dst []byte, d Device) []byte {
	e := store.NewEncoder(dst)
	for i, s := range d.texts() {
		e.String(1+i, *s)
	}
	e.Bool(20, d.OutboundSMS)
	e.Time(21, d.FirstSeen)
	e.Time(22, d.LastSeen)
	e.Uint(23, uint64(d.PolicyKey))
	e.Uint(24, uint64(d.PendingPolicyKey))
	e.Uint(25, d.PolicyVersion)
	e.Uint(26, uint64(d.Access))
	e.Uint(27, uint64(d.Wipe))
	e.Bool(28, d.WipeAccount)
	e.Uint(29, uint64(d.PingHeartbeat))
	for _, f := range d.PingFolders {
		e.Message(30, func(e *store.Encoder) {
			e.String(1, f.ID)
			e.String(2, f.Class)
		})
	}
	e.Bytes(31, d.SyncCache)
	e.Uint(32, uint64(d.HeldLimit))
	e.String(33, d.HeldPeer)
	return e.Out()
}

// texts are the text fields in the order of their field numbers from 1 on; new
// ones go to the end.
func (d *Device) texts() []*string {
	return []*string{&d.Type, &d.Model, &d.FriendlyName, &d.OS, &d.OSLanguage, &d.UserAgent,
		&d.IMEI, &d.PhoneNumber, &d.Operator, &d.Version, &d.RecoveryPassword}
}

func parseDevice(b []byte) (Device, error) {
	var d Device
	texts := d.texts()
	err := store.DecodeFields(b, func(f store.Field) error {
		switch n := f.Number; {
		case n >= 1 && n <= len(texts):
			*texts[n-1] = f.String()
		case n == 20:
			d.OutboundSMS = f.Bool()
		case n == 21:
			d.FirstSeen = f.Time()
		case n == 22:
			d.LastSeen = f.Time()
		case n == 23:
			d.PolicyKey = uint32(f.Uint())
		case n == 24:
			d.PendingPolicyKey = uint32(f.Uint())
		case n == 25:
			d.PolicyVersion = f.Uint()
		case n == 26:
			d.Access = Access(f.Uint())
		case n == 27:
			d.Wipe = Wipe(f.Uint())
		case n == 28:
			d.WipeAccount = f.Bool()
		case n == 29:
			d.PingHeartbeat = uint32(f.Uint())
		case n == 30:
			folder, err := parsePingFolder(f.Bytes())
			d.PingFolders = append(d.PingFolders, folder)
			return err
		case n == 31:
			d.SyncCache = append([]byte(nil), f.Bytes()...)
		case n == 32:
			d.HeldLimit = uint32(f.Uint())
		case n == 33:
			d.HeldPeer = f.String()
		}
		return nil
	})
	return d, err
}

func parsePingFolder(b []byte) (PingFolder, error) {
	var p PingFolder
	err := store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			p.ID = f.String()
		case 2:
			p.Class = f.String()
		}
		return nil
	})
	return p, err
}

func appendCollection(dst []byte, c Collection) []byte {
	e := store.NewEncoder(dst)
	e.Uint(1, uint64(c.Class))
	e.Uint(2, c.Version)
	if c.Confirmed.Key != 0 {
		e.Message(3, c.Confirmed.encode)
	}
	if c.Pending.Key != 0 {
		e.Message(4, c.Pending.encode)
	}
	for i := range c.Own {
		e.Message(5, c.Own[i].encode)
	}
	e.Bytes(6, c.Options)
	if c.Sent.Items != 0 {
		e.Message(7, c.Sent.encode)
	}
	if c.Trouble.Failures != 0 {
		e.Message(8, c.Trouble.encode)
	}
	e.Bool(9, c.Broken)
	return e.Out()
}

func parseCollection(b []byte) (Collection, error) {
	var c Collection
	err := store.DecodeFields(b, func(f store.Field) (err error) {
		switch f.Number {
		case 1:
			c.Class = uint8(f.Uint())
		case 2:
			c.Version = f.Uint()
		case 3:
			c.Confirmed, err = parseGeneration(f.Bytes())
		case 4:
			c.Pending, err = parseGeneration(f.Bytes())
		case 5:
			var o OwnWrite
			o, err = parseOwnWrite(f.Bytes())
			c.Own = append(c.Own, o)
		case 6:
			c.Options = append([]byte(nil), f.Bytes()...)
		case 7:
			c.Sent, err = parseSent(f.Bytes())
		case 8:
			c.Trouble, err = parseTrouble(f.Bytes())
		case 9:
			c.Broken = f.Bool()
		}
		return err
	})
	return c, err
}

func (g *Generation) encode(e *store.Encoder) {
	e.Uint(1, g.Key)
	e.Uint(2, g.Cursor)
	e.Uint(3, uint64(g.Top))
	e.Uint(4, uint64(g.Start))
	e.Int(5, g.Below.Received)
	e.Uint(6, uint64(g.Below.Item))
	e.Int(7, g.Floor.Received)
	e.Uint(8, uint64(g.Floor.Item))
	e.Uint(9, uint64(g.Filter))
	e.Int(10, g.Cutoff)
	e.Bool(12, g.More)
	e.Bool(13, g.Conversations)
	if g.Part != (Part{}) {
		e.Bytes(14, g.Part.Thread[:])
		e.Uint(15, uint64(g.Part.Upto))
	}
	if g.SMS != nil {
		e.Message(16, g.SMS.encode)
	}
	e.Uint(17, g.Began)
	for _, a := range g.Added {
		e.Message(11, func(e *store.Encoder) {
			e.String(1, a.ClientID)
			e.Uint(2, uint64(a.Item))
		})
	}
}

func parseGeneration(b []byte) (Generation, error) {
	var g Generation
	err := store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			g.Key = f.Uint()
		case 2:
			g.Cursor = f.Uint()
		case 3:
			g.Top = uint32(f.Uint())
		case 4:
			g.Start = uint32(f.Uint())
		case 5:
			g.Below.Received = f.Int()
		case 6:
			g.Below.Item = uint32(f.Uint())
		case 7:
			g.Floor.Received = f.Int()
		case 8:
			g.Floor.Item = uint32(f.Uint())
		case 9:
			g.Filter = uint8(f.Uint())
		case 10:
			g.Cutoff = f.Int()
		case 11:
			var a Added
			err := store.DecodeFields(f.Bytes(), func(f store.Field) error {
				switch f.Number {
				case 1:
					a.ClientID = f.String()
				case 2:
					a.Item = uint32(f.Uint())
				}
				return nil
			})
			g.Added = append(g.Added, a)
			return err
		case 12:
			g.More = f.Bool()
		case 13:
			g.Conversations = f.Bool()
		case 14:
			copy(g.Part.Thread[:], f.Bytes())
		case 15:
			g.Part.Upto = uint32(f.Uint())
		case 16:
			short, err := parseGeneration(f.Bytes())
			g.SMS = &short
			return err
		case 17:
			g.Began = f.Uint()
		}
		return nil
	})
	return g, err
}

func (o *OwnWrite) encode(e *store.Encoder) {
	e.Uint(1, uint64(o.Item))
	e.Uint(2, o.ModSeq)
	e.Bool(3, o.Added)
	e.Uint(4, o.Key)
}

func parseOwnWrite(b []byte) (OwnWrite, error) {
	var o OwnWrite
	err := store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			o.Item = uint32(f.Uint())
		case 2:
			o.ModSeq = f.Uint()
		case 3:
			o.Added = f.Bool()
		case 4:
			o.Key = f.Uint()
		}
		return nil
	})
	return o, err
}
