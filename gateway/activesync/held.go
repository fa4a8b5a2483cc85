package activesync

import (
	"context"
	"errors"
	"time"

	"martlet/gateway/hold"
	"martlet/protocol/wbxml"
)

// hold parks a request until it has its answer.
func (h *Handler) hold(s *session, p hold.Parked) (reply, error) {
	p.Timeout = h.heldFor(s, p.Timeout)
	parked := time.Now()
	a, err := h.c.Holder.Hold(s.r, p)
	s.held = time.Since(parked)
	if errors.Is(err, hold.ErrGone) {
		h.heldLost(context.WithoutCancel(s.r.Context()), s.id(), s.held)
	}
	if err != nil {
		return reply{}, err
	}
	h.heldKept(s.r.Context(), s.id(), s.held)
	return reply{body: a.Body, contentType: a.ContentType}, nil
}

// holdKey names what is held for a device: a newer request of the same command
// means that the older one's connection is lost.
func (s *session) holdKey() string {
	return s.command.name + "\x00" + s.account.Login + "\x00" + s.query.DeviceID
}

// encoded is a parked request's answer.
func encoded(document any) (hold.Answer, bool, error) {
	b, err := wbxml.Marshal(document)
	return hold.Answer{Body: b, ContentType: typeWBXML}, true, err
}
