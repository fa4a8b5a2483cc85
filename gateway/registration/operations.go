package registration

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/announce"
	"martlet/push"
	"martlet/push/webpush"
	"martlet/store"
)

// answer writes a document.
func (q *asked) answer(status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	writeBody(q.w, status, kindJSON, b)
	return nil
}

// answerOne writes a registration with its ETag.
func (h *Handler) answerOne(q *asked, status int, r *announce.Registration, there []mail.Folder) error {
	tag, err := h.etag(r, there)
	if err != nil {
		return err
	}
	q.w.Header().Set("ETag", tag)
	if status == http.StatusOK && q.r.Method != http.MethodPost && matches(q.r.Header.Get("If-None-Match"), tag) {
		q.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return q.answer(status, h.shown(r, there))
}

// matches tells whether a list of tags names this one (RFC 9110 8.8.3, 13.1.2).
func matches(list, tag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
			return true
		}
	}
	return false
}

// unchanged refuses to change what is not what the client knows (RFC 9110
// 13.1.1).
func (h *Handler) unchanged(q *asked, r *announce.Registration, there []mail.Folder) error {
	want := q.r.Header.Get("If-Match")
	if want == "" {
		return nil
	}
	tag, err := h.etag(r, there)
	if err != nil {
		return err
	}
	for one := range strings.SplitSeq(want, ",") {
		if one = strings.TrimSpace(one); one == "*" || one == tag {
			return nil
		}
	}
	return problemf(http.StatusPreconditionFailed, codeStale, "the registration has changed since; GET it and try again with its ETag")
}

// folders are those of a mailbox; those of a mailbox that was never used are
// made when somebody names them.
func (h *Handler) folders(ctx context.Context, a directory.AccountID, named bool) (there []mail.Folder, err error) {
	box := mail.MailboxOf(a)
	err = h.c.Store.View(ctx, func(tx *store.Tx) error {
		there, err = h.c.Mailboxes.Folders(tx, box)
		return err
	})
	if !errors.Is(err, mail.ErrNoFolder) {
		return there, err
	}
	if !named {
		return nil, nil
	}
	err = h.c.Store.Update(ctx, func(tx *store.Tx) error {
		if err := h.c.Mailboxes.Ensure(tx, box); err != nil {
			return err
		}
		there, err = h.c.Mailboxes.Folders(tx, box)
		return err
	})
	return there, err
}

func (h *Handler) list(q *asked) error {
	all, err := h.c.Book.List(q.r.Context(), q.a.ID)
	if err != nil {
		return err
	}
	there, err := h.folders(q.r.Context(), q.a.ID, false)
	if err != nil {
		return err
	}
	shown := []registration{}
	for i := range all {
		if all[i].Mode != push.AppleMail { // that is IMAP's
			shown = append(shown, h.shown(&all[i], there))
		}
	}
	return q.answer(http.StatusOK, map[string]any{"registrations": shown})
}

// prepare reads and checks a document of a user.
func (h *Handler) prepare(q *asked, tree map[string]any) (form, []mail.Folder, error) {
	f, err := h.readForm(tree)
	if err != nil {
		return form{}, nil, err
	}
	there, err := h.folders(q.r.Context(), q.a.ID, len(f.folders) > 0)
	if err != nil {
		return form{}, nil, err
	}
	if err := chooseFolders(&f, there); err != nil {
		return form{}, nil, err
	}
	f.Account = q.a.ID
	if check := h.now.Load().CheckEndpoint; f.Kind == push.WebPush && check != nil {
		if err := check(q.r.Context(), f.Endpoint); err != nil {
			h.log.Info("endpoint refused", "login", q.a.Login, "account", q.a.ID, "error", err)
			return form{}, nil, badEndpoint(err)
		}
	}
	return f, there, nil
}

// badEndpoint says what is wrong with an endpoint, and what to do.
func badEndpoint(err error) error {
	switch {
	case errors.Is(err, webpush.ErrUnresolved):
		p := problemf(http.StatusServiceUnavailable, codeSlowDown, "the endpoint's host is not found at this moment: check it, or try again later")
		p.after, p.cause = time.Minute, err
		return p
	case errors.Is(err, webpush.ErrAddress):
		return badFields(fieldError{"#/endpoint", "it is not on the Internet; an administrator may allow the network of a push service of one's own in [push.webpush] allow"})
	case errors.Is(err, webpush.ErrPort):
		return badFields(fieldError{"#/endpoint", "no push service is at this port: 443, or one from 1024 on"})
	}
	return badFields(fieldError{"#/endpoint", "an https URL of at most 1,000 characters, with a host and without a user, as the push subscription has it"})
}

func (h *Handler) create(q *asked) error {
	if err := h.writes.take(q.a.ID, time.Now()); err != nil {
		return err
	}
	body, err := readBody(q.w, q.r, h.patience, kindJSON)
	if err != nil {
		return err
	}
	tree, err := readTree(body)
	if err != nil {
		return err
	}
	f, there, err := h.prepare(q, tree)
	if err != nil {
		return err
	}
	r, fresh, err := h.c.Book.Add(q.r.Context(), f.Registration)
	if err != nil {
		return err
	}
	q.w.Header().Set("Location", Path+"/registrations/"+formatID(r.ID))
	status := http.StatusOK
	if fresh {
		status = http.StatusCreated
	}
	return h.answerOne(q, status, &r, there)
}

// load finds a registration of the user's. Those of Apple's Mail app are
// IMAP's.
func (h *Handler) load(q *asked, id uint64) (announce.Registration, []mail.Folder, error) {
	r, err := h.c.Book.Load(q.r.Context(), q.a.ID, id)
	if err == nil && r.Mode == push.AppleMail {
		err = announce.ErrNoRegistration
	}
	if err != nil {
		return r, nil, err
	}
	there, err := h.folders(q.r.Context(), q.a.ID, false)
	return r, there, err
}

func (h *Handler) get(q *asked, id uint64) error {
	r, there, err := h.load(q, id)
	if err != nil {
		return err
	}
	return h.answerOne(q, http.StatusOK, &r, there)
}

func (h *Handler) change(q *asked, id uint64) error {
	if err := h.writes.take(q.a.ID, time.Now()); err != nil {
		return err
	}
	old, there, err := h.load(q, id)
	if err != nil {
		return err
	}
	body, err := readBody(q.w, q.r, h.patience, kindMerge, kindJSON)
	if err != nil {
		return err
	}
	patch, err := readTree(body)
	if err != nil {
		return err
	}
	var fixed []fieldError
	for _, name := range []string{"kind", "app", "device"} {
		if _, ok := patch[name]; ok {
			fixed = append(fixed, fieldError{"#/" + name, "it stays; register anew with another"})
		}
	}
	if len(fixed) > 0 {
		return badFields(fixed...)
	}
	if err := h.unchanged(q, &old, there); err != nil {
		return err
	}
	tree, err := h.tree(&old, there)
	if err != nil {
		return err
	}
	f, there, err := h.prepare(q, merge(tree, patch))
	if err != nil {
		return err
	}
	before, err := h.etag(&old, there)
	if err != nil {
		return err
	}
	r, err := h.c.Book.Change(q.r.Context(), q.a.ID, id, func(r *announce.Registration) error {
		// Somebody else may have changed it since it was read.
		if now, err := h.etag(r, there); err != nil || now != before {
			return errors.Join(err, problemf(http.StatusPreconditionFailed, codeStale, "the registration was changed at the same time; GET it and try again"))
		}
		updated := r.Updated
		*r = f.Registration
		r.Updated = updated
		return nil
	})
	if err != nil {
		return err
	}
	return h.answerOne(q, http.StatusOK, &r, there)
}

func (h *Handler) remove(q *asked, id uint64) error {
	if err := h.writes.take(q.a.ID, time.Now()); err != nil {
		return err
	}
	r, there, err := h.load(q, id)
	if err != nil {
		return err
	}
	if err := h.unchanged(q, &r, there); err != nil {
		return err
	}
	if err := h.c.Book.Remove(q.r.Context(), q.a.ID, id); err != nil {
		return err
	}
	h.log.Info("registration removed", "login", q.a.Login, "account", q.a.ID, "registration", id)
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// apps tells what an app needs to know before it registers.
func (h *Handler) apps(q *asked) error {
	list := []map[string]any{}
	for _, a := range h.now.Load().Apps {
		one := map[string]any{"name": a.Name, "kind": a.Kind.String()}
		switch a.Kind {
		case push.APNs:
			environments := []string{"production"}
			if a.Sandbox {
				environments = append(environments, "sandbox")
			}
			maps.Copy(one, map[string]any{"topic": a.Topic, "environments": environments})
		case push.WebPush:
			one["vapid_public_key"] = a.VAPID
		}
		list = append(list, one)
	}
	var modes []string
	for _, m := range []push.Mode{push.Silent, push.Badge, push.Alert, push.Sealed} {
		modes = append(modes, m.String())
	}
	return q.answer(http.StatusOK, map[string]any{
		"apps": list, "modes": modes, "detail": h.c.Detail.String(), "seal": map[string]any{"suite": h.c.SealSuite},
		"limits": map[string]any{"registrations": announce.MaxPerAccount, "folders": announce.MaxFolders, "vip": announce.MaxVIPs, "body_bytes": maxBody},
	})
}
