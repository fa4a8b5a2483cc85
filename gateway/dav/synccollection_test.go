package dav

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/store"
)

func (h *house) sync(path, token string, limit int) *answer {
	h.t.Helper()
	bound := ""
	if limit > 0 {
		bound = fmt.Sprintf("<limit><nresults>%d</nresults></limit>", limit)
	}
	return h.want(http.StatusMultiStatus, "REPORT", path, `<sync-collection xmlns="DAV:"><sync-token>`+token+`</sync-token><sync-level>1</sync-level>`+bound+`<prop><getetag/></prop></sync-collection>`)
}

func simple(uid string) string { return event(uid, "DTSTART:20260504T100000Z") }

func TestASynchronisationTellsWhatChangedAndNoMore(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/"
	for _, n := range []string{"a", "b", "c"} {
		h.put(at+n, simple(n))
	}
	h.want(http.StatusNoContent, "DELETE", at+"c", "")
	first := h.sync(at, "", 0)
	if got := first.found(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("at first: %v", got)
	}
	first.saysNothingOf(t, "404")
	if a := h.sync(at, first.token(), 0); len(a.found()) != 0 || a.token() != first.token() {
		t.Errorf("nothing changed: %s", a.body)
	}
	h.want(http.StatusNoContent, "PUT", at+"b", event("b", "DTSTART:20260505T100000Z"))
	h.want(http.StatusNoContent, "DELETE", at+"a", "")
	h.put(at+"d", simple("d"))
	h.put(at+"e", simple("e"))
	h.want(http.StatusNoContent, "DELETE", at+"e", "") // came and went
	second := h.sync(at, first.token(), 0)
	if got := second.found(); !slices.Equal(got, []string{"b", "d"}) {
		t.Errorf("then: %v", got)
	}
	second.says(t, "calendar/a</D:href><D:status>HTTP/1.1 404 Not Found")
	second.saysNothingOf(t, "calendar/e<")
}

// The name of an item that is deleted and made anew is there, not gone.
func TestANameThatIsUsedAgainIsNotGone(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/"
	h.put(at+"a", simple("a"))
	first := h.sync(at, "", 0)
	h.want(http.StatusNoContent, "DELETE", at+"a", "")
	h.put(at+"a", simple("a"))
	second := h.sync(at, first.token(), 0)
	if got := second.found(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("%v", got)
	}
	second.saysNothingOf(t, "404")
}

func TestASynchronisationInSmallStepsEndsWithTheSame(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/"
	var all []string
	for i := range 7 {
		name := fmt.Sprint("n", i)
		h.put(at+name, simple(name))
		all = append(all, name)
	}
	h.want(http.StatusNoContent, "DELETE", at+"n3", "")
	all = slices.Delete(all, 3, 4)
	var got []string
	token := ""
	for steps := 1; ; steps++ {
		a := h.sync(at, token, 2)
		names := a.found()
		got = append(got, names...)
		if len(names) > 2 {
			t.Fatalf("a limit of 2 brings %v", names)
		}
		token = a.token()
		if !a.has("507 ") {
			break
		}
		if steps == 1 { // somebody else changes what has been told already
			h.want(http.StatusNoContent, "PUT", at+"n0", event("n0", "DTSTART:20260509T100000Z"))
		}
		if steps > 10 {
			t.Fatal("it does not end")
		}
	}
	slices.Sort(got)
	if !slices.Equal(slices.Compact(got), all) {
		t.Errorf("got %v, want %v", got, all)
	}
	if a := h.sync(at, token, 0); len(a.found()) != 0 {
		if got := a.found(); !slices.Equal(got, []string{"n0"}) {
			t.Errorf("afterwards there is still %v", got)
		}
	}
}

func (a *answer) has(s string) bool { return strings.Contains(a.body, s) }

func TestATokenOfAnotherCollectionOrTimeIsRefused(t *testing.T) {
	h := newHouse(t, nil)
	h.put(calendars+"calendar/a", simple("a"))
	tasks := h.sync(calendars+"tasks/", "", 0).token()
	for _, token := range []string{tasks, "data:,0-1-7-f-ffff", "data:,1-1-7-f-1", "http://example.org/1", "x", "data:,0-1-7-f--1"} {
		h.want(http.StatusForbidden, "REPORT", calendars+"calendar/", `<sync-collection xmlns="DAV:"><sync-token>`+token+`</sync-token><sync-level>1</sync-level><prop/></sync-collection>`).
			says(t, "<D:valid-sync-token/>")
	}
}

func TestAPhonesChangesComeWithTheNextSynchronisation(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/"
	h.put(at+"a", simple("a"))
	token := h.sync(at, "", 0).token()
	box := h.box(robin)
	var folder mail.Folder
	h.must(h.store.View(t.Context(), func(tx *store.Tx) (err error) {
		folder, err = h.boxes.FolderByRole(tx, box, mail.RoleCalendar)
		return err
	}))
	body, err := h.boxes.PrepareObject(t.Context(), mail.ClassCalendar, []byte(simple("from-a-phone")))
	h.must(err)
	h.must(h.store.Update(t.Context(), func(tx *store.Tx) error {
		id, err := h.boxes.ByName(tx, box, folder.ID, "a")
		if err != nil {
			return err
		}
		if _, err := h.boxes.Delete(tx, box, folder.ID, id); err != nil {
			return err
		}
		_, err = h.boxes.Append(tx, box, folder.ID, mail.NewItem{Class: mail.ClassCalendar, Body: body})
		return err
	}))
	a := h.sync(at, token, 0)
	a.says(t, "calendar/a</D:href><D:status>HTTP/1.1 404")
	if got := a.found(); len(got) != 1 {
		t.Fatalf("%v", got)
	}
	h.want(http.StatusOK, "GET", at+a.found()[0], "").says(t, "UID:from-a-phone")
}

// Work is proportional to change: what is asked of a large calendar in which
// nothing, or little, has changed reads no more than that.
func TestASynchronisationReadsWhatChanged(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/"
	h.fill(robin, mail.RoleCalendar, 2_000)
	token := h.sync(at, "", 0).token()
	h.put(at+"new", simple("new"))
	var c *collection
	var found []news
	reads := 0
	h.must(h.store.View(t.Context(), func(tx *store.Tx) error {
		q := &request{h: h.handler, account: h.accounts[robin], box: h.box(robin)}
		var err error
		if c, err = q.collection(tx, &place{under: atCalendars, segment: "calendar", own: true}); err != nil {
			return err
		}
		since, err := c.since(token)
		if err != nil {
			return err
		}
		w := syncWalk{q: q, c: c, at: since, seen: since}
		before := tx.Reads()
		found, _, err = w.read(tx, since)
		reads = tx.Reads() - before
		return err
	}))
	if len(found) != 1 || reads > 20 {
		t.Errorf("%d changes took %d reads", len(found), reads)
	}
}

// fill puts events or contacts into a folder.
func (h *house) fill(login string, role mail.Role, n int) {
	h.t.Helper()
	ctx := h.t.Context()
	box := h.box(login)
	for from := 0; from < n; from += 500 {
		var bodies []mail.Body
		class := mail.ClassCalendar
		for i := from; i < min(from+500, n); i++ {
			raw := event(fmt.Sprint("filled", i), fmt.Sprintf("DTSTART:2026%02d%02dT%02d0000Z", i%12+1, i%28+1, i%24), "SUMMARY:Filled")
			if role == mail.RoleContacts {
				class, raw = mail.ClassContacts, contact(fmt.Sprint("filled", i), fmt.Sprint("FN:Filled ", i), fmt.Sprintf("N:Filled;%d;;;", i))
			}
			b, err := h.boxes.PrepareObject(ctx, class, []byte(raw))
			h.must(err)
			bodies = append(bodies, b)
		}
		h.must(h.store.Update(ctx, func(tx *store.Tx) error {
			f, err := h.boxes.FolderByRole(tx, box, role)
			if err != nil {
				return err
			}
			for _, b := range bodies {
				if _, err := h.boxes.Append(tx, box, f.ID, mail.NewItem{Class: class, Body: b}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}
