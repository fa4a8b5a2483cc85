package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"martlet/gateway/hold"
)

// HandOver ends the server without answering the phones whose requests are
// parked: they are for another server to Adopt, in this process or in the one
// that follows it. Requests at work end first; those that are held in goroutines
// are sent away.
func (s *Server) HandOver(ctx context.Context) ([]*hold.Parcel, error) {
	s.stopping.Store(true)
	s.holder.Leave() // first: whom it has given back by now, arriving waits for
	s.arriving.stop(ctx)
	var failed error
	if err := s.http.Shutdown(ctx); err != nil {
		failed = errors.Join(fmt.Errorf("gateway: hand over: %w", err), s.http.Close())
	}
	return s.holder.Detach(), failed
}

// Adopt goes on with phones that another server held. Those that cannot be held
// are let go, and ask again.
func (s *Server) Adopt(ctx context.Context, parcels []*hold.Parcel) {
	s.takeBack()
	adopted := 0
	for _, p := range parcels {
		if err := s.adopt(ctx, p); err != nil {
			s.log.Warn("a held phone could not be taken over", "error", err)
			continue
		}
		adopted++
	}
	if len(parcels) > 0 {
		s.log.Info("held phones taken over", "connections", adopted, "held", s.Held())
	}
}

func (s *Server) adopt(ctx context.Context, p *hold.Parcel) error {
	var (
		answerer hold.Answerer
		own      hold.Topic
		also     []hold.Topic
	)
	if p.State != nil {
		var err error
		if answerer, own, also, err = s.eas.Restore(ctx, p.State); err != nil {
			return errors.Join(err, p.Close())
		}
	}
	return s.holder.Adopt(p, s.open, own.Mailbox, own.Folders, answerer, also...)
}

// moving has phones whose TLS ends in the process before this one come over: they
// find their connection closed after this answer, and come back with a ticket.
func moving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hold.Relayed(r) {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
