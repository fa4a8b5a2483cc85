package engine_test

import (
	"context"
	"errors"
	"testing"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/engine"
)

// body makes bytes durable as the body of an item.
func (h *house) body(text string) *mail.Body {
	h.tb.Helper()
	b, err := h.boxes.Prepare(context.Background(), []byte(text))
	if err != nil {
		h.tb.Fatal(err)
	}
	return &b
}

// draft puts an item with a body into the Drafts folder.
func (h *house) draft(text string) mail.Item {
	h.tb.Helper()
	b := h.body(text)
	var it mail.Item
	h.update(func(tx *store.Tx) (err error) {
		it, err = h.boxes.Append(tx, box, h.drafts, mail.NewItem{Class: mail.ClassEmail, Body: *b, Flags: mail.FlagDraft})
		return err
	})
	return it
}

func replace(it mail.Item, name string, b *mail.Body) engine.Command {
	return engine.Command{Kind: engine.Change, ClientID: name, Item: it.ID, Body: b, From: it.Blob}
}

// sent counts how often a draft is sent, in the transaction that sends it.
type sent struct{ store.Table[uint64, uint64] }

var numbers = store.Codec[uint64]{
	Append: store.AppendUint64,
	Parse:  func(b []byte) (uint64, error) { n, _, err := store.ParseUint64(b); return n, err },
}

func newSent() *sent {
	return &sent{store.NewTable("test", store.Prefix(0xfe), store.Uint64Key[uint64](), numbers)}
}

func (s *sent) count(tx *store.Tx) (uint64, error) {
	n, err := s.Get(tx, 1)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return n, err
}

func (s *sent) send(tx *store.Tx) error {
	n, err := s.count(tx)
	if err != nil {
		return err
	}
	return s.Set(tx, 1, n+1)
}

func (h *house) times(s *sent) (n uint64) {
	h.tb.Helper()
	if err := h.store.View(context.Background(), func(tx *store.Tx) (err error) { n, err = s.count(tx); return err }); err != nil {
		h.tb.Fatal(err)
	}
	return n
}

func TestAChangeReplacesTheBodyInPlace(t *testing.T) {
	h := open(t)
	it := h.draft("Subject: a\r\n\r\none")
	key := h.settle(h.drafts)
	other := h.settleAs(tablet, request(h.drafts, engine.NewKey))
	two := h.body("Subject: a\r\n\r\ntwo")
	for range 2 { // the answer is lost, and the request comes again
		res := h.sync(h.drafts, key, replace(it, "x", two))
		if len(res.Changes) != 0 || res.Responses[0].Err != nil || res.Responses[0].Item.Blob != two.Blob {
			t.Errorf("%+v", res)
		}
	}
	if got := h.send(tablet, request(h.drafts, other)); len(got.Changes) != 1 || got.Changes[0].Kind != engine.Changed || got.Changes[0].ID != it.ID {
		t.Errorf("the tablet is told %v", told(got))
	}
}

func TestABodyMadeFromAnotherOneIsRefused(t *testing.T) {
	h := open(t)
	it := h.draft("one")
	key := h.settle(h.drafts)
	h.update(func(tx *store.Tx) error {
		_, err := h.boxes.ReplaceBody(tx, box, h.drafts, it.ID, *h.body("other"), nil)
		return err
	})
	_, err := h.eng.Sync(context.Background(), phone, []engine.Request{request(h.drafts, key, replace(it, "", h.body("two")))}, nil)
	if !errors.Is(err, engine.ErrOtherBody) {
		t.Errorf("got %v", err)
	}
}

func TestABodyThatTheServerChangedTooIsAConflict(t *testing.T) {
	h := open(t)
	it := h.draft("one")
	key := h.settle(h.drafts)
	h.update(func(tx *store.Tx) (err error) {
		it, err = h.boxes.ReplaceBody(tx, box, h.drafts, it.ID, *h.body("other"), nil)
		return err
	})
	res := h.sync(h.drafts, key, replace(it, "x", h.body("two")))
	if !errors.Is(res.Responses[0].Err, engine.ErrConflict) || len(res.Changes) != 1 {
		t.Errorf("%+v", res)
	}
	req := request(h.drafts, res.Key, replace(it, "y", h.body("three")))
	if res := h.send(phone, req); res.Responses[0].Err != nil {
		t.Errorf("once the phone knows: %v", res.Responses[0].Err)
	}
}

func TestASentAddLeavesNoItemAndIsSentOnce(t *testing.T) {
	h := open(t)
	s := newSent()
	key := h.settle(h.drafts)
	cmd := engine.Command{Kind: engine.Add, ClientID: "1", Instead: s.send}
	first := h.sync(h.drafts, key, cmd, add("2", 0))
	again := h.sync(h.drafts, key, cmd, add("2", 0))
	if first.Key != again.Key || first.Responses[1].Item.ID != again.Responses[1].Item.ID || again.Responses[0].Err != nil {
		t.Errorf("%+v\n%+v", first, again)
	}
	if n := h.times(s); n != 1 {
		t.Errorf("sent %d times", n)
	}
	if res := h.sync(h.drafts, again.Key); !res.Unchanged {
		t.Errorf("told %v", told(res))
	}
}

func TestASentDraftIsGoneAndIsSentOnce(t *testing.T) {
	h := open(t)
	s := newSent()
	it := h.draft("one")
	key := h.settle(h.drafts)
	cmd := engine.Command{Kind: engine.Change, ClientID: "send", Item: it.ID, From: it.Blob, Instead: s.send}
	first := h.sync(h.drafts, key, cmd)
	again := h.sync(h.drafts, key, cmd)
	for _, res := range []engine.Result{first, again} {
		if res.Responses[0].Err != nil {
			t.Errorf("%+v", res.Responses[0])
		}
		expect(t, res, []change{{engine.Deleted, it.ID}})
	}
	if first.Key != again.Key || h.times(s) != 1 {
		t.Errorf("keys %s %s, sent %d times", first.Key, again.Key, h.times(s))
	}
	if _, err := h.item(h.drafts, it.ID); !errors.Is(err, mail.ErrNoItem) {
		t.Errorf("the draft: %v", err)
	}
	res := h.sync(h.drafts, again.Key, cmd) // not a repetition: the draft is gone
	if !errors.Is(res.Responses[0].Err, mail.ErrNoItem) || h.times(s) != 1 {
		t.Errorf("%+v, sent %d times", res.Responses[0], h.times(s))
	}
}

func TestASendThatFailsUndoesTheRequest(t *testing.T) {
	h := open(t)
	it := h.draft("one")
	key := h.settle(h.drafts)
	no := errors.New("no")
	_, err := h.eng.Sync(context.Background(), phone, []engine.Request{request(h.drafts, key,
		engine.Command{Kind: engine.Change, ClientID: "send", Item: it.ID, From: it.Blob, Instead: func(*store.Tx) error { return no }})}, nil)
	if !errors.Is(err, no) {
		t.Errorf("got %v", err)
	}
	if _, err := h.item(h.drafts, it.ID); err != nil {
		t.Errorf("the draft is lost: %v", err)
	}
}
