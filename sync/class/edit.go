package class

import (
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
)

// EditEmail reads the ApplicationData of a client's change of a message and
// returns what it does to the item. Clients change whether a message is read,
// its flag and its categories; whatever else they name refuses the change.
func EditEmail(raw wbxml.Raw, v eas.Version) (func(*mail.Item) error, error) {
	var e eas.Email
	if err := wbxml.UnmarshalRaw(raw, &e); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadValue, err)
	}
	rest := e
	rest.Read, rest.Flag, rest.Categories = nil, nil, nil
	if !reflect.ValueOf(&rest).Elem().IsZero() {
		return nil, ErrReadOnly
	}
	if e.Flag != nil && v < eas.V120 || e.Categories != nil && v < eas.V140 {
		return nil, ErrReadOnly
	}
	var flag func(*mail.FollowUp) error
	if e.Flag != nil {
		if len(e.Flag.Subject) > maxFlagText || len(e.Flag.FlagType) > maxFlagText || len(e.Flag.SubOrdinalDate) > maxFlagText {
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
