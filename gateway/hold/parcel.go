package hold

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"time"

	"martlet/push"
)

// Parcel is a parked connection on its way to another holder, in this process or
// in the one that follows it.
type Parcel struct {
	// State is what an Answerer said of its request; nil: the phone has its answer
	// and thinks.
	State []byte
	Left  time.Duration // until its time is up
	Held  time.Duration // so far

	last  bool // the connection ends with the next answer
	relay bool // the TLS of the connection ends in the process before
	conn  *Conn
	tls   *tls.Conn
	far   int // of TLS: our end of the way to the other process
}

// Detach takes everything off the shelf, after Leave, when nothing more will be
// parked. The holder is of no use afterwards.
func (h *Holder) Detach() []*Parcel {
	h.refuse(&h.stopping)
	var parked []*Request
	h.shelf.each(func(r *Request) { parked = append(parked, r) })
	parcels := make([]*Parcel, 0, len(parked))
	for _, r := range parked {
		if p := r.detach(); p != nil {
			parcels = append(parcels, p)
		}
	}
	h.large.Wait()
	return parcels
}

func (r *Request) detach() *Parcel {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &Parcel{conn: r.conn, tls: r.tls, last: r.last, relay: r.conn.relayed(), Left: r.h.shelf.left(r), far: -1}
	switch r.phase {
	case parked:
		p.State, p.Held = r.answerer.State(), r.heldFor()
		r.h.waiting.Add(-1)
		r.unwatch()
		r.answerer = nil
	case idle:
	default:
		return nil
	}
	r.h.shelf.take(r)
	r.h.parked.Add(-1)
	r.phase = ended
	return p
}

// Adopt goes on with a parked connection. Of one with State, the Answerer made
// from it is asked at once: much may have changed meanwhile. open is the limit of
// connections, as in NewListener. A parcel that cannot be adopted is closed.
func (h *Holder) Adopt(p *Parcel, open chan struct{}, mailbox uint64, folders push.Folders, a Answerer, also ...Topic) error {
	select {
	case open <- struct{}{}:
	default:
		return errors.Join(errors.New("hold: too many connections"), p.Close())
	}
	if p.conn.open != nil { // its place at the holder before, in this process
		<-p.conn.open
	}
	p.conn.open = open
	if p.far >= 0 { // the other process did not take it after all
		_ = closeSocket(p.far)
		p.far = -1
	}
	r := &Request{h: h, answerer: a, slot: -1, conn: p.conn, tls: p.tls, last: p.last, phase: idle}
	if !h.shelf.ready() {
		return errors.Join(errors.New("hold: connections cannot be parked"), p.conn.Close())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	h.parked.Add(1)
	if a != nil {
		r.phase, r.since = parked, h.ticks()-ticks(p.Held/(10*time.Millisecond))
		h.waiting.Add(1)
		r.watch(mailbox, folders, also)
	}
	if err := h.shelf.put(r, h.now()+p.Left); err != nil {
		if a != nil {
			r.goneLocked()
		} else {
			r.closeLocked()
		}
		return err
	}
	if a != nil {
		r.signal(woken)
	}
	return nil
}

// Close closes a parcel that nobody adopts.
func (p *Parcel) Close() error {
	if p.far >= 0 {
		_ = closeSocket(p.far)
	}
	if p.tls != nil {
		return p.tls.Close()
	}
	return p.conn.Close()
}

// A parcel as a packet, beside the socket.
const (
	parcelVersion = 1
	parcelHeader  = 1 + 1 + 4 + 4

	parcelWaits = 1
	parcelLast  = 2
	parcelRelay = 4
)

func (p *Parcel) packet() []byte {
	flags := byte(0)
	if p.State != nil {
		flags |= parcelWaits
	}
	if p.last {
		flags |= parcelLast
	}
	if p.relay || p.tls != nil {
		flags |= parcelRelay
	}
	b := []byte{parcelVersion, flags}
	b = binary.BigEndian.AppendUint32(b, uint32(p.Left/time.Millisecond))
	b = binary.BigEndian.AppendUint32(b, uint32(p.Held/time.Millisecond))
	return append(b, p.State...)
}

// parseParcel reads a packet. The socket then belongs to the parcel.
func parseParcel(b []byte, fd int) (*Parcel, error) {
	if len(b) < parcelHeader || b[0] != parcelVersion {
		return nil, errors.New("hold: a parcel of another version")
	}
	flags, millis := b[1], func(b []byte) time.Duration {
		return time.Duration(binary.BigEndian.Uint32(b)) * time.Millisecond
	}
	p := &Parcel{Left: millis(b[2:]), Held: millis(b[6:]), last: flags&parcelLast != 0, relay: flags&parcelRelay != 0, far: -1}
	p.conn = &Conn{fd: int32(fd)}
	if p.relay {
		p.conn.state.Store(connRelayed)
	}
	if flags&parcelWaits != 0 {
		p.State = append([]byte{}, b[parcelHeader:]...)
	}
	return p, nil
}
