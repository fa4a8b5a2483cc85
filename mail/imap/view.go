package imap

import (
	"context"
	"slices"
	"sort"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/mail"
	"martlet/store"
)

// view is what a session knows of the mailbox it has selected: which messages
// there are, 4 bytes for each, and how far the change log was told. The log says
// what has changed since; nothing is scanned.
type view struct {
	folder   mail.FolderID
	at       mail.Link // where its messages really are
	readOnly bool
	uids     []mail.ItemID // ascending; a sequence number is a place plus one
	seen     mail.ModSeq   // the log is told up to here
	// own are changes of this session, which it was told of when it made them.
	own map[mail.ItemID]mail.ModSeq
	// keywords are those that FLAGS has named, in the order in which they came.
	keywords []string
	saved    []mail.ItemID // RFC 5182: what SEARCH has kept
	live     []*live       // results that are kept up to date
}

// open reads the view of a folder.
func (s *session) open(tx *store.Tx, f mail.Folder, readOnly bool) (*view, error) {
	v := &view{folder: f.ID, at: f.Link, readOnly: readOnly, seen: f.Highest, own: map[mail.ItemID]mail.ModSeq{}}
	if f.Link.IsZero() {
		v.at = mail.Link{Box: s.box, Folder: f.ID}
	}
	v.uids = make([]mail.ItemID, 0, f.Items)
	for id, err := range s.srv.cfg.Mailboxes.Numbers(tx, s.box, f.ID) {
		if err != nil {
			return nil, err
		}
		v.uids = append(v.uids, id)
	}
	return v, nil
}

// place returns where a message stands in the view.
func (v *view) place(id mail.ItemID) (int, bool) { return slices.BinarySearch(v.uids, id) }

// span is a run of places in the view, the second not included.
type span struct{ from, to int }

// spans turns a set into the places that it names, in ascending order (RFC 9051
// 9, seq-range). A sequence number that no message has is a mistake; a UID is
// not (RFC 9051 6.4.9).
func (v *view) spans(set numbers, uid bool) ([]span, error) {
	if set.saved {
		var all []span
		for _, id := range v.saved {
			if i, ok := v.place(id); ok {
				all = append(all, span{i, i + 1})
			}
		}
		return merge(all), nil
	}
	n := uint32(len(v.uids))
	last := n
	if uid {
		last = 0
		if n > 0 {
			last = uint32(v.uids[n-1])
		}
	}
	all := make([]span, 0, len(set.ranges))
	for _, r := range set.ranges {
		dynamic := r.Start == 0 || r.Stop == 0
		if r.Start == 0 {
			r.Start = last
		}
		if r.Stop == 0 {
			r.Stop = last
		}
		if r.Start > r.Stop {
			r.Start, r.Stop = r.Stop, r.Start
		}
		switch {
		case n == 0 && (uid || dynamic):
		case uid:
			from := sort.Search(int(n), func(i int) bool { return uint32(v.uids[i]) >= r.Start })
			to := sort.Search(int(n), func(i int) bool { return uint32(v.uids[i]) > r.Stop })
			all = append(all, span{from, to})
		case r.Start > n || r.Stop > n:
			return nil, bad("No message has this number")
		default:
			all = append(all, span{int(r.Start) - 1, int(r.Stop)})
		}
	}
	return merge(all), nil
}

// merge sorts spans and joins those that meet.
func merge(all []span) []span {
	slices.SortFunc(all, func(a, b span) int { return a.from - b.from })
	out := all[:0]
	for _, x := range all {
		switch {
		case x.from >= x.to:
		case len(out) > 0 && x.from <= out[len(out)-1].to:
			out[len(out)-1].to = max(out[len(out)-1].to, x.to)
		default:
			out = append(out, x)
		}
	}
	return out
}

// chunks cuts spans into lists of messages, none too long for one transaction.
func (v *view) chunks(spans []span, yield func([]mail.ItemID) error) error {
	for _, x := range spans {
		for from := x.from; from < x.to; from += chunk {
			// A copy: what is told in between may change the view.
			if err := yield(slices.Clone(v.uids[from:min(from+chunk, x.to)])); err != nil {
				return err
			}
		}
	}
	return nil
}

// news is what the log tells since the view was told last.
type news struct {
	gone    []int // places, ascending
	added   []mail.ItemID
	changed []flagged
	touched []mail.ItemID // that came or changed, by this session too
	seen    mail.ModSeq
}

// flagged are the flags of a message.
type flagged struct {
	id     mail.ItemID
	flags  []goimap.Flag
	modSeq mail.ModSeq
}

// read reads the log.
func (s *session) read(tx *store.Tx, v *view) (n news, err error) {
	boxes := s.srv.cfg.Mailboxes
	f, err := boxes.Folder(tx, s.box, v.folder)
	if err != nil {
		return n, err
	}
	n.seen = f.Highest
	for c, err := range boxes.Changes(tx, s.box, v.folder, v.seen) {
		if err != nil {
			return n, err
		}
		at, known := v.place(c.Item)
		if !c.Deleted && len(v.live) > 0 {
			n.touched = append(n.touched, c.Item)
		}
		switch {
		case c.Deleted && known:
			n.gone = append(n.gone, at)
		case c.Deleted:
		case !known:
			n.added = append(n.added, c.Item)
		case v.own[c.Item] != c.ModSeq:
			it, err := boxes.Item(tx, s.box, v.folder, c.Item)
			if err != nil {
				return n, err
			}
			n.changed = append(n.changed, flagged{c.Item, flagsOf(&it), it.ModSeq})
		}
	}
	return n, nil
}

// tell tells the client what has changed in the selected mailbox (RFC 9051 7.4,
// 7.5). Unless gone messages may be told of, nothing is: the numbers must stay.
func (s *session) tell(ctx context.Context, gone bool) error {
	v := s.view
	if !gone {
		return nil
	}
	var n news
	err := s.srv.cfg.Store.View(ctx, func(tx *store.Tx) (err error) {
		n, err = s.read(tx, v)
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(n.gone)
	s.forgetGone(n.gone)
	s.tellGone(n.gone)
	v.drop(n.gone)
	if len(n.added) > 0 {
		slices.Sort(n.added)
		v.uids = append(v.uids, n.added...)
		s.out.rawf("* %d EXISTS\r\n", len(v.uids))
	}
	for _, c := range n.changed {
		if at, ok := v.place(c.id); ok {
			s.tellKeywords(c.flags)
			s.out.rawf("* %d FETCH (UID %d FLAGS (", at+1, c.id).raw(joinFlags(c.flags)).raw(")")
			s.tellModSeq(c.modSeq, s.condstore)
			s.out.raw(")\r\n")
		}
	}
	v.seen = n.seen
	clear(v.own)
	return s.refreshLive(ctx, n.touched)
}

// tellGone tells of messages that are gone, by their places in ascending order.
func (s *session) tellGone(gone []int) {
	if s.qresync { // RFC 7162 3.2.7
		ids := make([]mail.ItemID, len(gone))
		for i, at := range gone {
			ids[i] = s.view.uids[at]
		}
		s.tellVanished(ids, false)
		return
	}
	for _, at := range slices.Backward(gone) { // so that the numbers below stay as they are
		s.out.rawf("* %d EXPUNGE\r\n", at+1)
	}
}

// drop takes messages out of the view. Its memory shrinks with it.
func (v *view) drop(gone []int) {
	if len(gone) == 0 {
		return
	}
	out := v.uids[:gone[0]]
	for i, at := range gone {
		end := len(v.uids)
		if i+1 < len(gone) {
			end = gone[i+1]
		}
		out = append(out, v.uids[at+1:end]...)
	}
	v.uids = out
	if cap(out) > 2*len(out)+chunk {
		v.uids = slices.Clone(out)
	}
}
