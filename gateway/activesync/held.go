package activesync

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"martlet/directory"
	"martlet/gateway/hold"
	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/push"
	"martlet/store"
	"martlet/sync/device"
)

// held is a request that waits, as it is remembered: who asks for what. What it
// asks for is in the device's record, as an empty request after it would find it
// there, so that neither an hour of waiting nor another process makes a
// difference.
type held struct {
	h       *Handler
	id      device.ID
	version eas.Version
	code    uint8 // the command's
	gzip    bool
}

// expect registers a request that may have to wait. Register first and read the
// log afterwards. The caller must Cancel it.
func (h *Handler) expect(ctx context.Context, s *session, folders []mail.FolderID) *hold.Request {
	id := s.id()
	id.Device = strings.Clone(id.Device) // it is a part of the request's line
	return h.c.Holder.Expect(uint64(s.box), topics(folders),
		&held{h: h, id: id, version: s.version, code: s.command.code, gzip: s.gzip}, h.elsewhere(ctx, s, folders)...)
}

// topics are folders for the hub, the hierarchy among them.
func topics(folders []mail.FolderID) push.Folders {
	set := push.FoldersOf(uint32(mail.Hierarchy))
	for _, f := range folders {
		set |= push.FoldersOf(uint32(f))
	}
	return set
}

// hold parks a request until it has its answer. It is the last that a command
// does: of a parked request nothing stays but what held remembers.
func (h *Handler) hold(s *session, r *hold.Request, timeout time.Duration) (reply, error) {
	s.body = nil
	since := time.Now()
	id := s.id()
	a, err := r.Park(s.w, s.r, h.heldFor(s, timeout))
	s.held = time.Since(since)
	if errors.Is(err, hold.ErrGone) {
		h.heldLost(context.Background(), id, s.held)
	}
	if err != nil {
		return reply{}, err
	}
	h.heldKept(context.Background(), id, s.held)
	return reply{held: &a}, nil
}

// Phone implements hold.Answerer.
func (x *held) Phone() (string, uint8) { return x.id.Device, x.code }

// Answer implements hold.Answerer: it goes on where the request was parked.
func (x *held) Answer(ctx context.Context, why hold.Reason) (hold.Answer, bool) {
	s, err := x.session(ctx)
	if err != nil {
		return x.answer(s, x.h.refuse(s, err)), true
	}
	if why == hold.Stopping {
		return x.answer(s, reply{status: http.StatusServiceUnavailable, retryAfter: x.h.spread()}), true
	}
	rep, done, err := s.command.later(x.h, ctx, s, why)
	if err != nil {
		_ = x.h.loadAccount(ctx, s) // for the log
		rep, done = x.h.refuse(s, err), true
	}
	if !done {
		return hold.Answer{}, false
	}
	if x.h.c.Answered != nil && why == hold.Woken {
		x.h.c.Answered(uint64(s.box), x.id.Device)
	}
	return x.answer(s, rep), true
}

func (x *held) answer(s *session, rep reply) hold.Answer {
	resp := x.h.respond(s, rep)
	defer resp.free()
	return hold.Answer{Status: resp.status, Header: resp.header, Body: bytes.Clone(resp.body)}
}

// spread is when a phone that is sent away should come back, in seconds: all
// together would find the server no better than it was.
func (h *Handler) spread() int { return 2 + rand.IntN(3+h.c.Holder.Waiting()/returnRate) }

// returnRate is how many phones we ask to come back in a second.
const returnRate = 500

// session makes the session anew, but for the account, which few need. It is
// never nil.
func (x *held) session(ctx context.Context) (*session, error) {
	s := x.facts()
	err := x.h.c.Store.View(ctx, func(tx *store.Tx) (err error) {
		s.device, err = x.h.c.Devices.Load(tx, x.id)
		return err
	})
	switch {
	case errors.Is(err, device.ErrNoDevice): // it was removed meanwhile
		err = statusError(eas.StatusDeviceNotProvisioned)
	case err == nil: // much may have been decided in an hour
		if err = s.barred(); err == nil {
			err = x.h.refresh(ctx, s)
		}
	}
	return s, err
}

// loadAccount reads the session's account.
func (h *Handler) loadAccount(ctx context.Context, s *session) error {
	a, err := h.c.Directory.Account(ctx, s.account.ID)
	if err == nil {
		s.account = a
	}
	return err
}

// facts is the session without what the store knows.
func (x *held) facts() *session {
	s := &session{start: time.Now(), version: x.version, box: mail.MailboxOf(x.id.Account), gzip: x.gzip, command: x.h.commands.byCode[x.code]}
	s.account.ID, s.query.DeviceID = x.id.Account, x.id.Device
	return s
}

// Ended implements hold.Answerer.
func (x *held) Ended(e hold.End) {
	s := x.facts()
	if ctx := context.Background(); x.h.log.Enabled(ctx, slog.LevelInfo) {
		_ = x.h.loadAccount(ctx, s)
	}
	s.start, s.held = s.start.Add(-e.Held), e.Held
	if e.Gone {
		x.h.heldLost(context.Background(), x.id, e.Held)
		x.h.logGone(s)
		return
	}
	if e.Err == nil {
		x.h.heldKept(context.Background(), x.id, e.Held)
	}
	x.h.logAnswer(s, &response{status: e.Answer.Status, body: e.Answer.Body, plain: len(e.Answer.Body)}, e.Err)
}

// The state of a held request: its version, the command's code, the protocol's
// version, flags, the account, the device.
const (
	stateVersion = 1
	stateHeader  = 4 + 8
	stateGzip    = 1
)

// State implements hold.Answerer.
func (x *held) State() []byte {
	b := []byte{stateVersion, x.code, byte(x.version), 0}
	if x.gzip {
		b[3] |= stateGzip
	}
	b = binary.BigEndian.AppendUint64(b, uint64(x.id.Account))
	return append(b, x.id.Device...)
}

// Restore makes what State described: what answers, and what it waits for, also in
// other mailboxes.
func (h *Handler) Restore(ctx context.Context, state []byte) (a hold.Answerer, own hold.Topic, also []hold.Topic, err error) {
	if len(state) <= stateHeader || state[0] != stateVersion || int(state[1]) >= len(h.commands.byCode) {
		return nil, own, nil, errors.New("activesync: a held request of another version")
	}
	x := &held{h: h, code: state[1], version: eas.Version(state[2]), gzip: state[3]&stateGzip != 0,
		id: device.ID{Account: directory.AccountID(binary.BigEndian.Uint64(state[4:])), Device: string(state[stateHeader:])}}
	command := h.commands.byCode[x.code]
	if command == nil || command.later == nil {
		return nil, own, nil, errors.New("activesync: a held request of a command that is not held")
	}
	s, err := x.session(ctx)
	if err != nil {
		return nil, own, nil, err
	}
	watched, err := command.watches(h, ctx, s)
	return x, hold.Topic{Mailbox: uint64(s.box), Folders: topics(watched)}, h.elsewhere(ctx, s, watched), err
}
