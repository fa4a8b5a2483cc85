package registration

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// named are the folders that an answer names.
func (a *answer) named() (names []string) {
	list, _ := a.tree["folders"].([]any)
	for _, v := range list {
		s, _ := v.(string)
		names = append(names, s)
	}
	return names
}

// plus is a document with one more field.
func plus(document, field string) string {
	return strings.TrimSuffix(document, "}") + "," + field + "}"
}

// A folder of another user's is named as the phone knows it, and everything is
// more than all.
func TestFoldersOfAllClassesAndOfOthersAreNamed(t *testing.T) {
	h := newHouse(t, nil)
	mine, theirs := mail.MailboxOf(h.accounts[robin].ID), mail.MailboxOf(h.accounts[kenji].ID)
	link := ""
	h.must(h.c.Store.Update(t.Context(), func(tx *store.Tx) error {
		calendar, err := h.c.Mailboxes.FolderByRole(tx, theirs, mail.RoleCalendar)
		if err != nil {
			return err
		}
		if err := h.c.Mailboxes.Ensure(tx, mine); err != nil {
			return err
		}
		f, err := h.c.Mailboxes.CreateLink(tx, mine, 0, "Kenji: Calendar", mail.Link{Box: theirs, Folder: calendar.ID, Rights: mail.MayRead})
		link = strconv.FormatUint(uint64(f.ID), 10)
		return err
	}))
	path := h.register(plus(apns, `"folders":["inbox","calendar","`+link+`"]`))
	if got := h.want(http.StatusOK, "GET", path, "").named(); !slices.Contains(got, link) || !slices.Contains(got, "calendar") || len(got) != 3 {
		t.Errorf("named are %q", got)
	}
	patch := func(folders string) []string {
		t.Helper()
		return h.want(http.StatusOK, "PATCH", path, `{"folders":`+folders+`}`, "Content-Type", kindMerge).named()
	}
	for _, one := range []string{"everything", "all", "everything", "inbox"} {
		if got := patch(`["` + one + `"]`); !slices.Equal(got, []string{one}) {
			t.Errorf("%s is named %q", one, got)
		}
		if got := h.want(http.StatusOK, "PATCH", path, `{"mode":"silent"}`, "Content-Type", kindMerge).named(); !slices.Equal(got, []string{one}) {
			t.Errorf("after a change of something else %s is named %q", one, got)
		}
	}
	for _, bad := range []string{`["everything","inbox"]`, `["all","everything"]`, `["999999"]`} {
		h.want(http.StatusUnprocessableEntity, "POST", "/registrations", plus(apns, `"folders":`+bad))
	}
	h.user = kenji // to whom the link says nothing
	h.want(http.StatusUnprocessableEntity, "POST", "/registrations", plus(fcm, `"folders":["`+link+`"]`))
}
