package registration

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/announce"
	"martlet/push"
	"martlet/push/seal"
)

// Lengths of texts; mail/announce has the last word on what they hold.
const (
	maxName     = 128
	maxToken    = 1024
	maxEndpoint = 1024
	maxAddress  = 320
	maxZone     = 64
	maxID       = 16
)

// form is a registration as it was sent, with folders by their names.
type form struct {
	announce.Registration
	folders []string
}

// readForm turns a document into a registration, or says what is wrong with its
// fields, all at once.
func (h *Handler) readForm(tree map[string]any) (form, error) {
	var errs []fieldError
	f := newFields(tree, &errs)
	r := form{Registration: announce.Registration{
		App: f.text("app", maxName), Device: f.text("device", maxName), Name: f.text("account", maxName),
		Expires: f.time("expires"),
	}}
	r.Kind = kindOf(f.choice("kind", "", push.APNs.String(), push.FCM.String(), push.WebPush.String()))
	if r.Kind == 0 {
		f.fail("kind", "say apns, fcm or webpush")
	}
	if app, ok := h.app(r.App); !ok || r.Kind != 0 && app.Kind != r.Kind {
		f.fail("app", "no app of this name and kind is set up; GET /push/v1/apps lists those there are")
	}
	r.readTarget(f)
	r.Mode = modeOf(f.choice("mode", push.Silent.String(), push.Badge.String(), push.Alert.String(), push.Sealed.String()))
	r.Detail = detailOf(f.choice("detail", announce.DetailPreview.String(), announce.DetailSubject.String(), announce.DetailSender.String(), announce.DetailNone.String()))
	r.readSeal(f, h.c.SealSuite)
	r.folders = f.list("folders", announce.MaxFolders, maxID)
	if v := f.object("vip"); v != nil {
		r.VIPs, r.OnlyVIP = v.list("senders", announce.MaxVIPs, maxAddress), v.flag("only")
		v.rest()
	}
	if q := f.object("quiet_hours"); q != nil {
		r.Quiet = readQuiet(q)
	}
	f.rest()
	if r.Sandbox {
		if app, ok := h.app(r.App); ok && app.Kind == push.APNs && !app.Sandbox {
			f.fail("environment", "this app is set up for production only")
		}
	}
	if len(errs) > 0 {
		return form{}, badFields(dropDoubles(errs)...)
	}
	return r, nil
}

// dropDoubles keeps the first thing that is said of each field.
func dropDoubles(errs []fieldError) []fieldError {
	seen := map[string]bool{}
	var all []fieldError
	for _, e := range errs {
		if !seen[e.Pointer] {
			all = append(all, e)
		}
		seen[e.Pointer] = true
	}
	return all
}

// readTarget reads where the app is reached. What belongs to another kind is
// not silently dropped.
func (r *form) readTarget(f *fields) {
	token, env, endpoint := f.text("token", maxToken), f.choice("environment", "", "production", "sandbox"), f.text("endpoint", maxEndpoint)
	keys := f.object("keys")
	r.Token, r.Sandbox, r.Endpoint = token, env == "sandbox", endpoint
	if keys != nil {
		r.PublicKey, r.Auth = keys.bytes("p256dh", 65), keys.bytes("auth", 16)
		keys.rest()
	}
	if r.Kind == push.WebPush {
		if endpoint == "" {
			f.fail("endpoint", "the endpoint of the push subscription is wanted")
		}
		if keys == nil {
			f.fail("keys", "p256dh and auth of the push subscription are wanted")
		}
		if f.has("token") {
			f.fail("token", "webpush has an endpoint instead")
		}
	} else {
		if token == "" {
			f.fail("token", "the token that the device gave the app is wanted")
		}
		for _, name := range []string{"endpoint", "keys"} {
			if f.has(name) {
				f.fail(name, "only webpush has it")
			}
		}
	}
	if r.Kind != push.APNs && f.has("environment") {
		f.fail("environment", "only apns has it")
	}
}

func (r *form) readSeal(f *fields, suite string) {
	s := f.object("seal")
	if r.Mode != push.Sealed {
		if s != nil {
			f.fail("seal", "it belongs to mode sealed")
		}
		return
	}
	if s == nil {
		f.fail("seal", "mode sealed wants the public key that the app made")
		return
	}
	if got := s.text("suite", maxName); got != "" && got != suite {
		s.fail("suite", "this server speaks %s", suite)
	}
	if r.SealKey = s.bytes("public_key", seal.KeySize); seal.CheckKey(r.SealKey) != nil {
		s.fail("public_key", "an X25519 key of 32 bytes in base64 is wanted")
	}
	s.rest()
}

func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

func readQuiet(f *fields) announce.Quiet {
	q := announce.Quiet{Start: readClock(f, "from"), End: readClock(f, "until"), Zone: f.text("time_zone", maxZone)}
	if q.Zone == "" {
		f.fail("time_zone", "a name such as Europe/Berlin is wanted")
	} else if _, err := time.LoadLocation(q.Zone); err != nil || q.Zone == "Local" {
		f.fail("time_zone", "not a time zone of the IANA, such as Europe/Berlin")
	}
	for i, name := range f.list("days", 7, 3) {
		day := -1
		for d, known := range weekdays() {
			if known == name {
				day = d
			}
		}
		if day < 0 {
			f.fail("days/"+strconv.Itoa(i), "one of %s", strings.Join(weekdays(), ", "))
			continue
		}
		q.Days |= announce.DaysOf(time.Weekday(day))
	}
	if q.Start == q.End {
		f.fail("until", "quiet hours end at another time than they begin")
	}
	f.rest()
	return q
}

func readClock(f *fields, name string) int {
	s := f.text(name, 5)
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != 5 {
		f.fail(name, "a time of day such as 22:00 is wanted")
		return 0
	}
	return t.Hour()*60 + t.Minute()
}

func kindOf(name string) push.Kind {
	for _, k := range []push.Kind{push.APNs, push.FCM, push.WebPush} {
		if k.String() == name {
			return k
		}
	}
	return 0
}

func modeOf(name string) push.Mode {
	for _, m := range []push.Mode{push.Silent, push.Badge, push.Alert, push.Sealed} {
		if m.String() == name {
			return m
		}
	}
	return 0
}

func detailOf(name string) announce.Detail {
	for _, d := range []announce.Detail{announce.DetailPreview, announce.DetailSubject, announce.DetailSender, announce.DetailNone} {
		if d.String() == name {
			return d
		}
	}
	return announce.DetailNone
}

// allFolders is the name that stands for every folder with news in it,
// everything for those of the other classes, too.
const (
	allFolders = "all"
	everything = "everything"
)

// role pairs a well-known name with what a folder is for.
type role struct {
	name string
	role mail.Role
}

func roles() []role {
	return []role{
		{"inbox", mail.RoleInbox}, {"drafts", mail.RoleDrafts}, {"sent", mail.RoleSent}, {"deleted", mail.RoleDeletedItems},
		{"outbox", mail.RoleOutbox}, {"junk", mail.RoleJunk}, {"calendar", mail.RoleCalendar}, {"contacts", mail.RoleContacts},
		{"tasks", mail.RoleTasks}, {"notes", mail.RoleNotes}, {"journal", mail.RoleJournal},
	}
}

// chooseFolders finds the folders that a form names among those there are.
func chooseFolders(r *form, there []mail.Folder) error {
	var errs []fieldError
	r.Folders, r.All, r.Every = nil, false, false
	for i, name := range r.folders {
		pointer := fmt.Sprintf("#/folders/%d", i)
		if name == allFolders || name == everything {
			if len(r.folders) > 1 {
				errs = append(errs, fieldError{pointer, name + " stands alone"})
			}
			r.All, r.Every = true, name == everything
			continue
		}
		id, ok := findFolder(name, there)
		if !ok {
			errs = append(errs, fieldError{pointer, "no such folder; name inbox, drafts, …, all, everything, or the server id of one"})
			continue
		}
		r.Folders = append(r.Folders, id)
	}
	if len(errs) > 0 {
		return badFields(errs...)
	}
	return nil
}

func findFolder(name string, there []mail.Folder) (mail.FolderID, bool) {
	want := mail.RoleNone
	for _, known := range roles() {
		if known.name == name {
			want = known.role
		}
	}
	for _, f := range there {
		if want != mail.RoleNone && f.Role == want || f.Role != mail.RoleRecipientInfo && strconv.FormatUint(uint64(f.ID), 10) == name {
			return f.ID, true
		}
	}
	return 0, false
}

// folderNames are what an answer calls the folders of a registration.
func folderNames(r *announce.Registration, there []mail.Folder) []string {
	switch {
	case r.Every:
		return []string{everything}
	case r.All:
		return []string{allFolders}
	}
	if len(r.Folders) == 0 {
		return []string{"inbox"}
	}
	names := []string{}
	for _, id := range r.Folders {
		name := strconv.FormatUint(uint64(id), 10)
		for _, f := range there {
			for _, known := range roles() {
				if f.ID == id && f.Role == known.role {
					name = known.name
				}
			}
		}
		names = append(names, name)
	}
	return names
}

// refused turns what mail/announce refuses into an answer that names the field.
func refused(err error) error {
	for _, e := range []struct {
		is      error
		pointer string
		detail  string
	}{
		{announce.ErrBadKind, "#/kind", "say apns, fcm or webpush"},
		{announce.ErrBadApp, "#/app", "1 to 64 letters, digits, dots, dashes or underscores"},
		{announce.ErrBadToken, "#/token", "not a token of this kind: of apns 64 or more hexadecimal digits as the device gave them, of fcm the registration token"},
		{announce.ErrBadEndpoint, "#/endpoint", "an absolute https URL of at most 1,024 bytes"},
		{announce.ErrBadKeys, "#/keys", "p256dh is an uncompressed point of 65 bytes, auth has 16 bytes"},
		{announce.ErrBadDevice, "#/device", "at most 64 bytes without blanks and control characters"},
		{announce.ErrBadName, "#/account", "at most 128 bytes without control characters"},
		{announce.ErrBadMode, "#/mode", "not a mode of this kind"},
		{announce.ErrBadSealKey, "#/seal/public_key", "mode sealed wants a key of 32 bytes, the other modes none"},
		{announce.ErrBadFolders, "#/folders", "the folders do not exist, or are too many, or all or everything stands beside others"},
		{announce.ErrBadQuiet, "#/quiet_hours", "a beginning, another end, and a time zone of the IANA"},
		{announce.ErrBadVIPs, "#/vip/senders", "addresses or domains, at most 200; only wants one at least"},
		{announce.ErrBadDetail, "#/detail", "one of preview, subject, sender, none"},
		{announce.ErrBadExpiry, "#/expires", "a time to come, within two years"},
	} {
		if isError(err, e.is) {
			return badFields(fieldError{e.pointer, e.detail})
		}
	}
	switch {
	case isError(err, announce.ErrTooMany):
		return problemf(http.StatusConflict, codeTooMany, "the account has %d registrations, which is the most; delete one that is not used any more", announce.MaxPerAccount)
	case isError(err, announce.ErrLost):
		return problemf(http.StatusConflict, codeLost, "the service says that the app is not reached there any more; register anew with a new token or endpoint")
	case isError(err, announce.ErrBarred):
		return problemf(http.StatusForbidden, codeForbidden, "this device is blocked, quarantined or to be wiped, or the account may not synchronise, so that it is told nothing; an administrator can change it")
	case isError(err, announce.ErrPassword):
		return problemf(http.StatusConflict, codeLost, "the password was changed since the app registered, so that it is told nothing; register anew")
	case isError(err, announce.ErrNoRegistration):
		return noRegistration()
	}
	return err
}

func noRegistration() *problem {
	return problemf(http.StatusNotFound, codeNotFound, "no such registration; register anew with POST /push/v1/registrations")
}
