package announce

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/push"
	"martlet/push/seal"
	"martlet/store"
	"martlet/sync/device"
)

// list spells an account's registrations.
func (h *house) list(account directory.AccountID) string {
	h.Helper()
	all, err := h.book.List(h.ctx(), account)
	h.must(err)
	var b strings.Builder
	for _, r := range all {
		fmt.Fprintf(&b, "%d:%s:%s:%s ", r.ID, r.App, r.Device, strings.TrimLeft(r.Token, "0"))
	}
	return b.String()
}

func TestRegisteringAgainReplacesTheTargetAndGoesOn(t *testing.T) {
	h := newHouse(t)
	one := h.phone()
	h.deliver(letter{subject: "Between"})
	two := h.phone(func(r *Registration) { r.Token, r.Detail = strings.ToUpper(token(10)), DetailSubject })
	if two.ID != one.ID || !two.Created.Equal(one.Created) || h.list(h.alice) != "1:mail:phone:b " {
		t.Fatalf("%+v, %s", two, h.list(h.alice))
	}
	h.says(one.ID, "[alert | Carol | Between |  | 1]")
	other := h.phone(func(r *Registration) { r.App, r.Token = "other", token(11) })
	if other.ID == one.ID {
		t.Error("another app takes its place")
	}
}

func TestATargetIsOneAccountsOnly(t *testing.T) {
	h := newHouse(t)
	var forgot []uint64
	h.book.Tell(func(push.Subscription) {}, func(id uint64) { forgot = append(forgot, id) })
	mine := h.phone()
	theirs := h.phone(func(r *Registration) { r.Account = h.bob })
	if h.list(h.alice) != "" || h.list(h.bob) != "2:mail:phone:1 " || len(forgot) != 1 || forgot[0] != mine.ID {
		t.Errorf("alice has %q, bob %q, forgot %v", h.list(h.alice), h.list(h.bob), forgot)
	}
	if _, err := h.book.Plan(h.ctx(), mine.ID, push.Ask{Now: h.now}); !errors.Is(err, push.ErrForgotten) {
		t.Errorf("%v", err)
	}
	// An app that names its accounts may have both.
	h.must(h.book.Remove(h.ctx(), h.bob, theirs.ID))
	h.phone(func(r *Registration) { r.Name = "a" })
	h.phone(func(r *Registration) { r.Account, r.Name = h.bob, "b" })
	if h.list(h.alice) == "" || h.list(h.bob) == "" {
		t.Errorf("alice has %q, bob %q", h.list(h.alice), h.list(h.bob))
	}
}

func TestADeviceThatIsNamedAnewHasOneRegistration(t *testing.T) {
	h := newHouse(t)
	h.phone()
	h.phone(func(r *Registration) { r.Device = "installed-again" })
	h.phone(func(r *Registration) { r.Device = "" })
	h.phone(func(r *Registration) { r.Device = "" })
	if got := h.list(h.alice); got != "3:mail::1 " {
		t.Error(got)
	}
}

func TestAnotherUsersRegistrationIsNotFound(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	_, load := h.book.Load(h.ctx(), h.bob, id)
	_, change := h.book.Change(h.ctx(), h.bob, id, func(*Registration) error { t.Error("edited"); return nil })
	_, outcomes := h.book.Outcomes(h.ctx(), h.bob, id, 0)
	for name, err := range map[string]error{
		"load": load, "change": change, "outcomes": outcomes,
		"remove": h.book.Remove(h.ctx(), h.bob, id), "test": h.book.Test(h.ctx(), h.bob, id),
	} {
		if !errors.Is(err, ErrNoRegistration) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.book.Load(h.ctx(), h.alice, id); err != nil {
		t.Error(err)
	}
	if _, err := h.book.Load(h.ctx(), 0, id); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeRegistered(t *testing.T) {
	h := newHouse(t)
	_, key, err := seal.GenerateKey()
	h.must(err)
	web := func(r *Registration) {
		r.Kind, r.Token, r.Endpoint = push.WebPush, "", "https://push.example.net/x"
		r.PublicKey, r.Auth = append([]byte{4}, make([]byte, 64)...), make([]byte, 16)
	}
	fcm := func(r *Registration) { r.Kind, r.Token = push.FCM, "dGhpcyBpcyBh:APA91b_token-with-marks" }
	for _, c := range []struct {
		name string
		edit func(*Registration)
		want error
	}{
		{"nothing wrong", func(*Registration) {}, nil},
		{"no kind", func(r *Registration) { r.Kind = 0 }, ErrBadKind},
		{"an unknown kind", func(r *Registration) { r.Kind = 9 }, ErrBadKind},
		{"no app", func(r *Registration) { r.App = "" }, ErrBadApp},
		{"an app with a slash", func(r *Registration) { r.App = "a/b" }, ErrBadApp},
		{"an app too long", func(r *Registration) { r.App = strings.Repeat("a", 65) }, ErrBadApp},
		{"no token", func(r *Registration) { r.Token = "" }, ErrBadToken},
		{"a token too short", func(r *Registration) { r.Token = token(0)[2:] }, ErrBadToken},
		{"a token of an odd length", func(r *Registration) { r.Token += "0" }, ErrBadToken},
		{"a token that is longer than today's", func(r *Registration) { r.Token = strings.Repeat("ab", 100) }, nil},
		{"a token too long", func(r *Registration) { r.Token = strings.Repeat("ab", 101) }, ErrBadToken},
		{"a token that is not hexadecimal", func(r *Registration) { r.Token = strings.Repeat("g", 64) }, ErrBadToken},
		{"Google's token", fcm, nil},
		{"Google's token with a blank", func(r *Registration) { fcm(r); r.Token += " x" }, ErrBadToken},
		{"Google's token too long", func(r *Registration) { fcm(r); r.Token = strings.Repeat("a", 1025) }, ErrBadToken},
		{"a web push", web, nil},
		{"without TLS", func(r *Registration) { web(r); r.Endpoint = "http://push.example.net/x" }, ErrBadEndpoint},
		{"a path", func(r *Registration) { web(r); r.Endpoint = "/x" }, ErrBadEndpoint},
		{"a user in the endpoint", func(r *Registration) { web(r); r.Endpoint = "https://u:p@push.example.net/" }, ErrBadEndpoint},
		{"a line end in the endpoint", func(r *Registration) { web(r); r.Endpoint += "\r\nX: y" }, ErrBadEndpoint},
		{"an endpoint too long", func(r *Registration) { web(r); r.Endpoint += strings.Repeat("a", 1024) }, ErrBadEndpoint},
		{"a compressed point", func(r *Registration) { web(r); r.PublicKey[0] = 2 }, ErrBadKeys},
		{"a short point", func(r *Registration) { web(r); r.PublicKey = r.PublicKey[:64] }, ErrBadKeys},
		{"a short secret", func(r *Registration) { web(r); r.Auth = r.Auth[:15] }, ErrBadKeys},
		{"a device with a blank", func(r *Registration) { r.Device = "a b" }, ErrBadDevice},
		{"a device too long", func(r *Registration) { r.Device = strings.Repeat("d", 65) }, ErrBadDevice},
		{"a name with a line end", func(r *Registration) { r.Name = "a\nb" }, ErrBadName},
		{"a name that is not UTF-8", func(r *Registration) { r.Name = "\xff" }, ErrBadName},
		{"no mode", func(r *Registration) { r.Mode = 0 }, ErrBadMode},
		{"an unknown mode", func(r *Registration) { r.Mode = 77 }, ErrBadMode},
		{"Apple's Mail by Google", func(r *Registration) { fcm(r); r.Mode = push.AppleMail }, ErrBadMode},
		{"Apple's Mail without mailboxes", func(r *Registration) { r.Mode, r.AppleAccount = push.AppleMail, "x" }, ErrBadAppleMail},
		{"Apple's Mail with fewer mailboxes", func(r *Registration) {
			r.Mode, r.AppleAccount, r.AppleMailboxes = push.AppleMail, "x", []string{"INBOX"}
			r.Folders = []mail.FolderID{1, 2}
		}, ErrBadAppleMail},
		{"sealed without a key", mode(push.Sealed), ErrBadSealKey},
		{"sealed with a key of zeros", func(r *Registration) { r.Mode, r.SealKey = push.Sealed, make([]byte, 32) }, ErrBadSealKey},
		{"a key without sealing", func(r *Registration) { r.SealKey = key }, ErrBadSealKey},
		{"sealed", func(r *Registration) { r.Mode, r.SealKey = push.Sealed, key }, nil},
		{"a folder that is not there", func(r *Registration) { r.Folders = []mail.FolderID{4711} }, ErrBadFolders},
		{"no folder", func(r *Registration) { r.Folders = []mail.FolderID{0} }, ErrBadFolders},
		{"folders and all", func(r *Registration) { r.Folders, r.All = []mail.FolderID{1}, true }, ErrBadFolders},
		{"too many folders", func(r *Registration) {
			for i := range MaxFolders + 1 {
				r.Folders = append(r.Folders, mail.FolderID(i+1))
			}
		}, ErrBadFolders},
		{"the same folder often", func(r *Registration) { r.Folders = make([]mail.FolderID, 100); fill(r.Folders, 1) }, nil},
		{"an unknown zone", func(r *Registration) { r.Quiet = Quiet{Start: 1, End: 2, Zone: "Mars/Olympus"} }, ErrBadQuiet},
		{"a zone that is a path", func(r *Registration) { r.Quiet = Quiet{Start: 1, End: 2, Zone: "../../etc/passwd"} }, ErrBadQuiet},
		{"the machine's zone", func(r *Registration) { r.Quiet = Quiet{Start: 1, End: 2, Zone: "Local"} }, ErrBadQuiet},
		{"no zone", func(r *Registration) { r.Quiet = Quiet{Start: 1, End: 2} }, ErrBadQuiet},
		{"an hour too late", func(r *Registration) { r.Quiet = Quiet{Start: 1, End: minutes, Zone: "UTC"} }, ErrBadQuiet},
		{"hours of no length", func(r *Registration) { r.Quiet = Quiet{Start: 5, End: 5, Zone: "UTC"} }, ErrBadQuiet},
		{"an eighth day", func(r *Registration) { r.Quiet = Quiet{Start: 1, End: 2, Zone: "UTC", Days: 1 << 7} }, ErrBadQuiet},
		{"a VIP that is a word", func(r *Registration) { r.VIPs = []string{"boss"} }, ErrBadVIPs},
		{"a VIP with two signs", func(r *Registration) { r.VIPs = []string{"a@b@example.org"} }, ErrBadVIPs},
		{"too many VIPs", func(r *Registration) {
			for i := range MaxVIPs + 1 {
				r.VIPs = append(r.VIPs, fmt.Sprintf("v%d@example.org", i))
			}
		}, ErrBadVIPs},
		{"VIPs only, and none", func(r *Registration) { r.OnlyVIP = true }, ErrBadVIPs},
		{"an unknown detail", func(r *Registration) { r.Detail = details }, ErrBadDetail},
		{"expired", func(r *Registration) { r.Expires = time.Now().Add(-time.Second) }, ErrBadExpiry},
		{"nearly for ever", func(r *Registration) { r.Expires = time.Now().Add(maxLife + time.Hour) }, ErrBadExpiry},
		{"nobody's", func(r *Registration) { r.Account = 4711 }, directory.ErrNoAccount},
	} {
		r := Registration{Account: h.alice, Kind: push.APNs, App: "mail", Token: token(0), Device: "phone", Mode: push.Alert}
		c.edit(&r)
		out, _, err := h.book.Add(h.ctx(), r)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if err == nil {
			back, err := h.book.Load(h.ctx(), h.alice, out.ID)
			if err != nil || fmt.Sprintf("%+v", back) != fmt.Sprintf("%+v", out) {
				t.Errorf("%s: %+v came back as %+v, %v", c.name, out, back, err)
			}
		}
	}
}

func fill(all []mail.FolderID, f mail.FolderID) {
	for i := range all {
		all[i] = f
	}
}

func TestAnAccountHasSoManyAndNoMore(t *testing.T) {
	h := newHouse(t)
	for i := range MaxPerAccount {
		h.phone(func(r *Registration) { r.Token, r.Device = token(i), fmt.Sprint("d", i) })
	}
	extra := Registration{Account: h.alice, Kind: push.APNs, App: "mail", Token: token(99), Device: "extra", Mode: push.Alert}
	if _, _, err := h.book.Add(h.ctx(), extra); !errors.Is(err, ErrTooMany) {
		t.Fatalf("%v", err)
	}
	h.phone(func(r *Registration) { r.Token, r.Device = token(99), "d3" }) // again, with another token
	p := h.plan(5)
	h.settle(5, &push.Plan{Target: p.Target, Note: p.Note}, push.Outcome{Result: push.Gone})
	if _, fresh, err := h.book.Add(h.ctx(), Registration{Account: h.alice, Kind: push.APNs, App: "mail", Token: token(100), Device: "extra", Mode: push.Alert}); err != nil || !fresh {
		t.Errorf("one that is lost holds the place: %v", err)
	}
}

func TestChangingGoesOnWhereItStands(t *testing.T) {
	h := newHouse(t)
	lists := h.makeFolder("Lists")
	r := h.phone()
	h.deliver(letter{subject: "In"})
	changed, err := h.book.Change(h.ctx(), h.alice, r.ID, func(c *Registration) error {
		c.Detail, c.Folders, c.ID, c.Account, c.Created = DetailSubject, []mail.FolderID{lists, 1}, 99, h.bob, time.Time{}
		return nil
	})
	h.must(err)
	if changed.ID != r.ID || changed.Account != h.alice || !changed.Created.Equal(r.Created) {
		t.Errorf("%+v", changed)
	}
	h.says(r.ID, "[alert | Carol | In |  | 1]")
	_, err = h.book.Change(h.ctx(), h.alice, r.ID, func(c *Registration) error { c.Token = "short"; return nil })
	if !errors.Is(err, ErrBadToken) {
		t.Errorf("%v", err)
	}
	if back, err := h.book.Load(h.ctx(), h.alice, r.ID); err != nil || back.Token != r.Token {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestTheNotifierHearsOfEveryRegistration(t *testing.T) {
	h := newHouse(t)
	var heard []string
	h.book.Tell(
		func(s push.Subscription) {
			heard = append(heard, fmt.Sprintf("+%d %d %s %s %s %v", s.ID, s.Mailbox-uint64(h.alice), s.Kind, s.App, s.Service, s.Folders == push.AllFolders))
		},
		func(id uint64) { heard = append(heard, fmt.Sprint("-", id)) })
	a := h.phone(func(r *Registration) { r.Sandbox = true })
	h.phone(func(r *Registration) {
		r.Kind, r.Endpoint, r.All, r.Device = push.WebPush, "https://Push.example.net:8443/x", true, "web"
		r.PublicKey, r.Auth = append([]byte{4}, bytes.Repeat([]byte{1}, 64)...), make([]byte, 16)
	})
	h.must(h.book.Test(h.ctx(), h.alice, a.ID))
	h.must(h.book.Remove(h.ctx(), h.alice, a.ID))
	want := "+1 0 apns mail sandbox false,+2 0 webpush mail push.example.net:8443 true,+1 0 apns mail sandbox false,-1"
	if got := strings.Join(heard, ","); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestRegistrationsGoWithTheirAccountOrDevice(t *testing.T) {
	h := newHouse(t)
	h.phone()
	h.phone(func(r *Registration) { r.Device, r.Token = "tablet", token(1) })
	h.phone(func(r *Registration) { r.Account, r.Token = h.bob, token(2) })
	h.update(func(tx *store.Tx) error {
		return h.book.RemoveDevice(tx, device.ID{Account: h.alice, Device: "phone"})
	})
	if h.list(h.alice) != "2:mail:tablet:2 " || h.list(h.bob) != "3:mail:phone:3 " {
		t.Errorf("alice has %q, bob %q", h.list(h.alice), h.list(h.bob))
	}
	h.update(func(tx *store.Tx) error { return h.book.RemoveAccount(tx, h.alice) })
	if h.list(h.alice) != "" || h.list(h.bob) == "" {
		t.Errorf("alice has %q, bob %q", h.list(h.alice), h.list(h.bob))
	}
	n := 0
	for _, err := range h.book.ListAll(h.ctx()) {
		h.must(err)
		n++
	}
	if n != 1 {
		t.Errorf("%d in all", n)
	}
}

func TestWhoseTimeIsOverIsRemoved(t *testing.T) {
	for name, sweep := range map[string]func(*house){
		"swept": func(h *house) { h.must(h.book.Sweep(h.ctx())) },
		"at the start": func(h *house) {
			for s, err := range h.book.Subscriptions(h.ctx()) {
				h.must(err)
				if s.ID != 4 {
					t.Errorf("%d is still followed", s.ID)
				}
			}
		},
	} {
		h := newHouse(t)
		for i, edit := range []func(*Registration){
			func(r *Registration) { r.Expires = time.Now().Add(-time.Minute) },
			func(r *Registration) {
				r.Lost, r.LostAt, r.Token = "Unregistered", time.Now().Add(-LostLife-time.Hour), ""
			},
			func(r *Registration) {
				r.Lost, r.LostAt, r.Token = "Unregistered", time.Now().Add(-LostLife+time.Hour), ""
			},
			func(r *Registration) { r.Expires = time.Now().Add(time.Hour) },
		} {
			r := h.phone(func(r *Registration) { r.Token, r.Device = token(i), fmt.Sprint("d", i) })
			h.update(func(tx *store.Tx) error {
				if edit(&r); r.Lost != "" {
					old := r
					old.Lost, old.Token = "", token(i)
					if err := h.book.forgetTarget(tx, &old); err != nil {
						return err
					}
				}
				return h.book.registrations.Set(tx, r.ID, r)
			})
		}
		sweep(h)
		if got := h.list(h.alice); got != "3:mail:d2: 4:mail:d3:4 " {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestCheckFindsWhatCannotBe(t *testing.T) {
	h := newHouse(t)
	r := h.phone()
	for _, c := range []struct {
		name  string
		spoil func(tx *store.Tx) error
	}{
		{"target", func(tx *store.Tx) error { return h.book.targets.Delete(tx, r.targetKey()) }},
		{"list", func(tx *store.Tx) error { return h.book.accounts.Delete(tx, accountKey{r.Account, r.ID}) }},
		{"stray list", func(tx *store.Tx) error { return h.book.accounts.Set(tx, accountKey{r.Account, 99}, struct{}{}) }},
		{"stray target", func(tx *store.Tx) error { return h.book.targets.Set(tx, [32]byte{1}, r.ID) }},
		{"state", func(tx *store.Tx) error { return h.book.states.Delete(tx, r.ID) }},
		{"stray state", func(tx *store.Tx) error { return h.book.states.Set(tx, 99, state{}) }},
		{"ahead", func(tx *store.Tx) error {
			st, err := h.book.state(tx, r.ID)
			st.Last.ModSeq += 1000
			return errors.Join(err, h.book.states.Set(tx, r.ID, st))
		}},
		{"pages", func(tx *store.Tx) error { return h.book.outcomes.Set(tx, pageKey{r.ID, 3}, nil) }},
		{"stray pages", func(tx *store.Tx) error { return h.book.outcomes.Set(tx, pageKey{99, 0}, nil) }},
		{"account", func(tx *store.Tx) error {
			stray := r
			stray.Account = 99
			return h.book.registrations.Set(tx, r.ID, stray)
		}},
		{"mode", func(tx *store.Tx) error {
			stray := r
			stray.Mode = 99
			return h.book.registrations.Set(tx, r.ID, stray)
		}},
	} {
		found := 0
		errUndo := errors.New("undo")
		err := h.store.Update(h.ctx(), func(tx *store.Tx) error {
			found = 0
			if err := c.spoil(tx); err != nil {
				return err
			}
			if err := h.book.checkRows(tx, map[directory.AccountID]bool{h.alice: true}, func(store.Problem) { found++ }); err != nil {
				return err
			}
			return errUndo
		})
		if !errors.Is(err, errUndo) || found == 0 {
			t.Errorf("%s: %d found, %v", c.name, found, err)
		}
	}
}
