package activesync

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/search"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/store"
)

// maxSearchFolders bounds the folders that one search may name.
const maxSearchFolders = 1000

// allFolders is the CollectionId with which Outlook and Android search
// everywhere.
const allFolders = "0"

// readConditions turns the conditions into the index's query.
func (h *Handler) readConditions(ctx context.Context, s *session, c *eas.SearchConditions, deep bool) (search.Query, error) {
	var all search.And
	for _, text := range c.FreeText {
		if strings.TrimSpace(text) == "" {
			return nil, errBadSearch
		}
		all = append(all, search.Parse(text))
	}
	classes, err := searchClasses(s.version, c.Classes)
	if err != nil {
		return nil, err
	}
	if classes != nil {
		all = append(all, classes)
	}
	given := len(c.FreeText) + len(c.Classes) + len(c.CollectionIDs) + len(c.GreaterThan) + len(c.LessThan) + len(c.EqualTo)
	if given == 0 && c.ConversationID == nil {
		return nil, errBadSearch
	}
	received, err := searchDates(c)
	if err != nil {
		return nil, err
	}
	if received != nil {
		all = append(all, received)
	}
	if len(c.EqualTo) > 0 { // MS-ASCMD_R2278
		return nil, errBadSearch
	}
	if c.ConversationID != nil {
		thread, err := searchThread(s.version, c.ConversationID)
		if err != nil {
			return nil, err
		}
		all = append(all, thread)
	}
	folders, err := h.searchFolders(ctx, s, c.CollectionIDs, deep)
	if err != nil {
		return nil, err
	}
	if folders != nil {
		all = append(all, folders)
	}
	return all, nil
}

// searchClasses are the classes whose items are wanted; nil: all that there are
// (MS-ASCMD_R922). Versions before 14.0 know no SMS (MS-ASCMD_R6288).
func searchClasses(v eas.Version, names []string) (search.Query, error) {
	var any search.Or
	for _, name := range names {
		switch name {
		case "Email":
			any = append(any, search.Class(mail.ClassEmail))
		case "Calendar":
			any = append(any, search.Class(mail.ClassCalendar))
		case "Contacts":
			any = append(any, search.Class(mail.ClassContacts))
		case "Tasks":
			any = append(any, search.Class(mail.ClassTasks))
		case "Notes", "SMS":
			if v < eas.V140 {
				return nil, errBadSearch
			}
			c := mail.ClassNotes
			if name == "SMS" {
				c = mail.ClassSMS
			}
			any = append(any, search.Class(c))
		default: // MS-ASCMD_R920
			return nil, errBadSearch
		}
	}
	switch {
	case any != nil:
		return any, nil
	case v < eas.V140:
		return search.Not{Query: search.Class(mail.ClassSMS)}, nil
	}
	return nil, nil
}

// searchDates reads GreaterThan and LessThan, of which there may be one each.
// Both leave out the moment itself.
func searchDates(c *eas.SearchConditions) (search.Query, error) {
	if len(c.GreaterThan) == 0 && len(c.LessThan) == 0 {
		return nil, nil
	}
	var r search.Received
	var err error
	if r.Since, err = searchDate(c.GreaterThan); err != nil {
		return nil, err
	}
	if !r.Since.IsZero() {
		r.Since = r.Since.Add(time.Millisecond)
	}
	if r.Before, err = searchDate(c.LessThan); err != nil {
		return nil, err
	}
	return r, nil
}

func searchDate(list []eas.SearchComparison) (time.Time, error) {
	switch {
	case len(list) == 0:
		return time.Time{}, nil
	case len(list) > 1 || list[0].DateReceived == nil || list[0].LinkID != nil:
		return time.Time{}, errBadSearch
	}
	t, err := wbxml.ParseTime(strings.TrimSpace(list[0].Value))
	if err != nil || t.IsZero() {
		return time.Time{}, errBadSearch
	}
	return t, nil
}

// searchThread reads a conversation's id: the bytes that items show, as they
// are or in base64, or a GUID in words (MS-ASCMD 2.2.3.35.2).
func searchThread(v eas.Version, id []byte) (search.Query, error) {
	if v < eas.V140 {
		return nil, errBadSearch
	}
	var t search.Thread
	if len(id) == len(t) {
		copy(t[:], id)
		return t, nil
	}
	if b, err := base64.StdEncoding.DecodeString(string(id)); err == nil && len(b) == len(t) {
		copy(t[:], b)
		return t, nil
	}
	digits := strings.Map(func(r rune) rune {
		if r == '{' || r == '}' || r == '-' {
			return -1
		}
		return r
	}, strings.TrimSpace(string(id)))
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != len(t) {
		return nil, errBadSearch
	}
	copy(t[:], b)
	return t, nil
}

// searchFolders are the folders to search, with those below them if deep is
// set (MS-ASCMD_R2031, R2146); nil: all.
func (h *Handler) searchFolders(ctx context.Context, s *session, ids []string, deep bool) (search.Query, error) {
	if len(ids) > maxSearchFolders {
		return nil, errTooComplex
	}
	wanted := map[mail.FolderID]bool{}
	for _, id := range ids {
		if id == "" || id == allFolders {
			return nil, nil
		}
		f, err := h.folder(ctx, s, id)
		if err != nil {
			return nil, err
		}
		wanted[f] = true
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	err := h.c.Store.View(ctx, func(tx *store.Tx) error {
		all, err := h.c.Mailboxes.Folders(tx, s.box)
		if err != nil {
			return err
		}
		there := map[mail.FolderID]bool{}
		below := map[mail.FolderID][]mail.FolderID{}
		for i := range all {
			there[all[i].ID] = true
			below[all[i].Parent] = append(below[all[i].Parent], all[i].ID)
		}
		for f := range wanted {
			if !there[f] {
				return mail.ErrNoFolder
			}
		}
		if deep {
			descend(wanted, below)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	folders := make(search.Folders, 0, len(wanted))
	for f := range wanted {
		folders = append(folders, f)
	}
	return folders, nil
}

// descend adds all folders below those wanted.
func descend(wanted map[mail.FolderID]bool, below map[mail.FolderID][]mail.FolderID) {
	var open []mail.FolderID
	for f := range wanted {
		open = append(open, f)
	}
	for len(open) > 0 {
		f := open[len(open)-1]
		open = open[:len(open)-1]
		for _, sub := range below[f] {
			if !wanted[sub] {
				wanted[sub] = true
				open = append(open, sub)
			}
		}
	}
}
