package activesync

import (
	"context"
	"errors"

	"martlet/mail"
	"martlet/mail/schedule"
	"martlet/protocol/eas"
	"martlet/store"
	"martlet/store/blob"
	"martlet/sync/class"
	"martlet/sync/engine"
)

// What a client writes is made outside of the transaction: the bytes of the item
// are read, edited and made durable first, and it is planned who is to be sent
// what. The engine then does all of it or nothing, and not if the item has become
// another one meanwhile: then everything is prepared anew.

// maxPrepared is how often what a request writes is prepared.
const maxPrepared = 4

// writer makes an item of what a client sends.
type writer interface {
	// prepare completes the engine's command. It may be called again for another
	// attempt. Its error refuses the command (see refusesOne) or fails the request.
	prepare(ctx context.Context, w *writing, cmd *engine.Command) error
	// done is told that the command was carried out.
	done()
	// reply answers a command that was carried out; false: there is nothing to say.
	reply(r *renderer, d *engine.Response, w *eas.SyncCommand) (eas.SyncReply, bool)
}

// write is a command of the engine's with what it is made of.
type write struct {
	at int // in the request's commands
	writer
}

// writing is one attempt to prepare what a request writes. What its commands
// make of an item, later ones find.
type writing struct {
	h       *Handler
	s       *session
	c       *syncCollection
	drafts  map[mail.ItemID]*draftState
	objects map[mail.ItemID]*objectState
	anew    bool // what is deleted is not what earlier commands make of it: they may be refused
}

// writeWith says what the command is made of that is read next.
func (c *syncCollection) writeWith(w writer) {
	c.writes = append(c.writes, write{len(c.request.Commands), w})
}

// writerOf is what a command of the engine's was made of, or nil.
func (c *syncCollection) writerOf(command int) writer {
	for i := range c.writes {
		if c.writes[i].at == command {
			return c.writes[i].writer
		}
	}
	return nil
}

// syncWrites runs a request with commands that the engine alone cannot prepare.
func (h *Handler) syncWrites(ctx context.Context, s *session, c *syncCollection, r engine.Request) ([]engine.Result, error) {
	switch {
	case c.takesDrafts(s) && r.Key == engine.NewKey:
		return h.c.Engine.Sync(ctx, s.id(), []engine.Request{r}, func(tx *store.Tx) error {
			return h.c.Devices.AgeMade(tx, s.id(), uint32(r.Folder))
		})
	case len(c.writes) == 0 || r.Key == engine.NewKey:
		return h.c.Engine.Sync(ctx, s.id(), []engine.Request{r}, nil)
	}
	for attempt := 1; ; attempt++ {
		commands, err := h.prepareWrites(ctx, s, c, attempt%2 == 0)
		var results []engine.Result
		if err == nil {
			r.Commands = commands
			results, err = h.c.Engine.Sync(ctx, s.id(), []engine.Request{r}, nil)
		}
		if err == nil {
			c.finishWrites(&results[0])
			return results, nil
		}
		if attempt == maxPrepared || !outdated(err) {
			return nil, err
		}
	}
}

// outdated tells that what was prepared does not fit what is there by now.
func outdated(err error) bool {
	return errors.Is(err, engine.ErrOtherBody) || errors.Is(err, schedule.ErrStale) || errors.Is(err, blob.ErrGone)
}

// prepareWrites makes the engine's commands of the client's.
func (h *Handler) prepareWrites(ctx context.Context, s *session, c *syncCollection, anew bool) ([]engine.Command, error) {
	commands := append([]engine.Command(nil), c.request.Commands...)
	w := &writing{h: h, s: s, c: c, anew: anew, drafts: map[mail.ItemID]*draftState{}, objects: map[mail.ItemID]*objectState{}}
	for i := range c.writes {
		cmd := &commands[c.writes[i].at]
		err := c.writes[i].prepare(ctx, w, cmd)
		switch {
		case err == nil:
		case refusesOne(err):
			cmd.Refused = err
		default:
			return nil, err
		}
	}
	return commands, nil
}

// finishWrites ends what was carried out.
func (c *syncCollection) finishWrites(res *engine.Result) {
	for i := range res.Responses {
		if r := &res.Responses[i]; r.Err == nil {
			if w := c.writerOf(r.Command); w != nil {
				w.done()
			}
		}
	}
}

// refusesOne tells whether an error is of the one item, not of the server.
func refusesOne(err error) bool {
	var status statusError
	for _, is := range []error{class.ErrBadValue, class.ErrReadOnly, class.ErrBadReference, class.ErrBadFlag, errNotAccepted, mail.ErrReadOnly, errNoOccurrence} {
		if errors.Is(err, is) {
			return true
		}
	}
	return errors.As(err, &status)
}
