package class

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// What a client may write into one message (MS-ASEMAIL 2.2.2.17).
const (
	maxCategories   = 300
	maxCategoryName = 255 // bytes
	maxFlagText     = 255 // bytes
	maxFlagSubject  = 4096
)

// EditEmail reads the ApplicationData of a client's change of a message and
// returns what it does to the item. Clients change whether a message is read,
// its flag and its categories. What else they send of a message that was
// received costs bandwidth and nothing more (MS-ASCMD_R875), but for what only
// the server knows; of a draft it would be lost and is refused.
func EditEmail(raw wbxml.Raw, v eas.Version) (func(*mail.Item) error, error) {
	var e eas.Email
	if err := decodeEmail(raw, &e); err != nil {
		return nil, err
	}
	rest := e
	rest.Read, rest.Flag, rest.Categories = nil, nil, nil
	more := !reflect.ValueOf(&rest).Elem().IsZero()
	if e.Send {
		return nil, ErrReadOnly
	}
	state, err := editState(&e, v)
	if err != nil {
		return nil, err
	}
	return func(it *mail.Item) error {
		if more && it.Flags&mail.FlagDraft != 0 {
			return ErrReadOnly
		}
		return state(it)
	}, nil
}

// decodeEmail reads the elements of a message, each of which may stand once
// (MS-ASAIRS_R10037). Of a flag's, the last one counts (MS-ASEMAIL_R581, R634,
// R697, R706, R746, R761, R777, R858, R869).
func decodeEmail(raw wbxml.Raw, e *eas.Email) error {
	d := wbxml.Decoder{Exact: true}
	err := d.UnmarshalRaw(raw, e)
	var twice *wbxml.DuplicateError
	if errors.As(err, &twice) && inFlag(twice.Tag) {
		*e = eas.Email{}
		d.Exact = false
		err = d.UnmarshalRaw(raw, e)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadValue, err)
	}
	for _, left := range d.Skipped { // an element out of its place (MS-ASAIRS_R10039)
		if left.Tag.Namespace() == "AirSyncBase" {
			return ErrBadValue
		}
	}
	return nil
}

// inFlag tells whether an element stands in a flag.
func inFlag(tag wbxml.Tag) bool {
	switch tag.String() {
	case "Email:Status", "Email:FlagType", "Email:CompleteTime":
		return true
	}
	return tag.Namespace() == "Tasks"
}

// editState reads what clients change of any message.
func editState(e *eas.Email, v eas.Version) (func(*mail.Item) error, error) {
	// MS-ASEMAIL_R347, R648, R723, R817, R835.
	if e.ConversationID != nil || e.ReceivedAsBcc != nil || e.Sender != "" || e.UmCallerID != "" || e.UmUserNotes != "" {
		return nil, ErrReadOnly
	}
	if e.Flag != nil && v < eas.V120 || e.Categories != nil && v < eas.V140 {
		return nil, ErrReadOnly
	}
	var flag func(*mail.FollowUp) error
	if e.Flag != nil {
		if len(e.Flag.Subject) > maxFlagSubject || len(e.Flag.FlagType) > maxFlagText || len(e.Flag.SubOrdinalDate) > maxFlagText {
			return nil, ErrBadValue
		}
		var err error
		if flag, err = editFlag(e.Flag); err != nil {
			return nil, err
		}
	}
	if err := checkCategories(e.Categories); err != nil {
		return nil, err
	}
	return func(it *mail.Item) error {
		if flag != nil {
			if err := flag(&it.FollowUp); err != nil {
				return err
			}
		}
		if e.Read != nil {
			it.Flags &^= mail.FlagSeen
			if *e.Read {
				it.Flags |= mail.FlagSeen
			}
		}
		if e.Categories != nil {
			it.Keywords = withCategories(it.Keywords, e.Categories)
		}
		return nil
	}, nil
}

func checkCategories(names []string) error {
	if len(names) > maxCategories {
		return ErrBadValue
	}
	for _, n := range names {
		if len(n) > maxCategoryName {
			return ErrBadValue
		}
	}
	return nil
}

// categories returns the keywords that are categories: not those by which IMAP
// clients keep notes among themselves. It is not nil, since a message without
// categories has an empty element (MS-ASEMAIL 2.2.2.16).
func categories(keywords []string) []string {
	if !slices.ContainsFunc(keywords, isSystemKeyword) {
		if keywords == nil {
			return []string{}
		}
		return keywords
	}
	out := make([]string, 0, len(keywords))
	for _, k := range keywords {
		if !isSystemKeyword(k) {
			out = append(out, k)
		}
	}
	return out
}

// isSystemKeyword knows the keywords of RFC 5788 and of Thunderbird's filter.
func isSystemKeyword(k string) bool {
	return strings.HasPrefix(k, "$") || strings.EqualFold(k, "Junk") || strings.EqualFold(k, "NonJunk")
}

// withCategories replaces the categories among keywords.
func withCategories(keywords, names []string) []string {
	var out []string
	for _, k := range keywords {
		if isSystemKeyword(k) {
			out = append(out, k)
		}
	}
	for _, n := range names {
		if n = strings.TrimSpace(n); n != "" && !isSystemKeyword(n) && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
