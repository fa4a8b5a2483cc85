package admin

import (
	"context"
	"errors"
	"net/http"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/announce"
	"martlet/mail/encrypt"
	"martlet/mail/oof"
	"martlet/mail/queue"
	"martlet/mail/rules"
	"martlet/mail/share"
	"martlet/mail/sign"
	"martlet/mail/transfer"
	"martlet/store"
	"martlet/sync/device"
)

// code is how an error travels over the socket: its word, the HTTP status, and
// what the far side makes of it.
type code struct {
	word   string
	status int
	err    error
}

func codes() []code {
	return []code{
		{"no_account", http.StatusNotFound, directory.ErrNoAccount},
		{"no_address", http.StatusNotFound, directory.ErrNoAddress},
		{"no_domain", http.StatusNotFound, directory.ErrNoDomain},
		{"no_contact", http.StatusNotFound, directory.ErrNoContact},
		{"no_app_password", http.StatusNotFound, directory.ErrNoAppPassword},
		{"no_second_factor", http.StatusNotFound, directory.ErrNoSecondFactor},
		{"bad_code", http.StatusConflict, directory.ErrBadCode},
		{"no_client_certificate", http.StatusNotFound, directory.ErrNoPin},
		{"over_quota", http.StatusInsufficientStorage, mail.ErrOverQuota},
		{"no_certificate", http.StatusNotFound, directory.ErrNoCertificate},
		{"no_device", http.StatusNotFound, device.ErrNoDevice},
		{"no_registration", http.StatusNotFound, announce.ErrNoRegistration},
		{"no_entry", http.StatusNotFound, queue.ErrNoEntry},
		{"no_key", http.StatusNotFound, sign.ErrNoKey},
		{"not_our_domain", http.StatusNotFound, sign.ErrNoDomain},
		{"last_key", http.StatusConflict, sign.ErrLastKey},
		{"too_many_keys", http.StatusConflict, sign.ErrTooMany},
		{"no_folder", http.StatusNotFound, transfer.ErrNoFolder},
		{"other_kind", http.StatusConflict, transfer.ErrClass},
		{"bad_name", http.StatusBadRequest, mail.ErrBadName},
		{"lost", http.StatusConflict, announce.ErrLost},
		{"barred", http.StatusConflict, announce.ErrBarred},
		{"password_changed", http.StatusConflict, announce.ErrPassword},
		{"not_broken", http.StatusNotFound, device.ErrNotBroken},
		{"no_such_folder", http.StatusNotFound, mail.ErrNoFolder},
		{"no_public", http.StatusNotFound, share.ErrNoPublic},
		{"no_grant", http.StatusNotFound, share.ErrNoGrant},
		{"folder_exists", http.StatusConflict, mail.ErrFolderExists},
		{"bad_name", http.StatusBadRequest, mail.ErrBadName},
		{"bad_parent", http.StatusBadRequest, mail.ErrBadParent},
		{"system_folder", http.StatusBadRequest, mail.ErrSystemFolder},
		{"too_many_folders", http.StatusConflict, mail.ErrTooManyFolders},
		{"owner", http.StatusBadRequest, share.ErrOwner},
		{"bad_rights", http.StatusBadRequest, share.ErrBadRights},
		{"not_shareable", http.StatusBadRequest, share.ErrNotShareable},
		{"is_link", http.StatusBadRequest, share.ErrIsLink},
		{"too_many_grants", http.StatusConflict, share.ErrTooMany},
		{"no_script", http.StatusNotFound, rules.ErrNoScript},
		{"script_exists", http.StatusConflict, rules.ErrExists},
		{"script_active", http.StatusConflict, rules.ErrActive},
		{"bad_script_name", http.StatusBadRequest, rules.ErrBadName},
		{"too_many_scripts", http.StatusConflict, rules.ErrTooMany},
		{"script_too_large", http.StatusBadRequest, rules.ErrTooLarge},
		{"exists", http.StatusConflict, directory.ErrExists},
		{"bad_address", http.StatusBadRequest, directory.ErrBadAddress},
		{"bad_password", http.StatusBadRequest, directory.ErrBadPassword},
		{"bad_value", http.StatusBadRequest, directory.ErrBadValue},
		{"bad_key", http.StatusBadRequest, encrypt.ErrBadKey},
		{"bad_times", http.StatusBadRequest, oof.ErrBadTimes},
		{"too_long", http.StatusBadRequest, oof.ErrTooLong},
		{"bad_request", http.StatusBadRequest, ErrBadRequest},
		{"needs_yes", http.StatusConflict, ErrNeedsYes},
		{"disk_full", http.StatusInsufficientStorage, store.ErrDiskFull},
		{"no_space", http.StatusInsufficientStorage, mail.ErrNoSpace},
		{"canceled", http.StatusServiceUnavailable, context.Canceled},
	}
}

// Error is an error that came over the socket. errors.Is finds the sentinel it
// was there.
type Error struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

func (e *Error) Error() string { return e.Text }

// Is finds the sentinel error of the code.
func (e *Error) Is(target error) bool {
	for _, c := range codes() {
		if c.word == e.Code {
			return errors.Is(c.err, target)
		}
	}
	return false
}

func encodeError(err error) (int, *Error) {
	for _, c := range codes() {
		if errors.Is(err, c.err) {
			return c.status, &Error{c.word, err.Error()}
		}
	}
	return http.StatusInternalServerError, &Error{"failed", err.Error()}
}
