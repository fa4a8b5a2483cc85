package mailbox

import (
	"io"
	"slices"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/mail/search"
)

// hit is a message that was found.
type hit struct {
	received int64
	item     mail.ItemID
	folder   mail.FolderID
}

// newer orders hits from the newest to the oldest.
func newer(a, b hit) int {
	switch {
	case a.received != b.received:
		if a.received > b.received {
			return -1
		}
		return 1
	case a.item != b.item:
		if a.item > b.item {
			return -1
		}
		return 1
	}
	return 0
}

// newest counts hits and keeps the newest of them.
type newest struct {
	limit int
	total int
	kept  []hit // the newest so far, and others since they were sorted
	floor *hit  // the oldest that is kept, once there are enough
}

func (n *newest) add(h hit) {
	n.total++
	if n.floor != nil && newer(h, *n.floor) > 0 {
		return
	}
	n.kept = append(n.kept, h)
	if len(n.kept) >= 4*n.limit+64 {
		n.sort()
		floor := n.kept[n.limit-1]
		n.floor = &floor
	}
}

func (n *newest) sort() {
	slices.SortFunc(n.kept, newer)
	n.kept = n.kept[:min(len(n.kept), n.limit)]
}

func (n *newest) places() []mail.Place {
	n.sort()
	places := make([]mail.Place, len(n.kept))
	for i, h := range n.kept {
		places[i] = mail.Place{Folder: h.folder, Item: h.item}
	}
	return places
}

// read opens the messages whose text decides, the newest first, and tells
// whether there were too many.
func (s *searcher) read() (capped bool, err error) {
	slices.SortFunc(s.unread, func(a, b place) int {
		return newer(hit{a.Received, a.Item, a.Folder}, hit{b.Received, b.Item, b.Folder})
	})
	if len(s.unread) > maxTextReads {
		s.unread, capped = s.unread[:maxTextReads], true
	}
	s.at.Open = func() (*message.Index, io.ReaderAt, error) {
		it, err := s.m.item(s.tx, s.key)
		if err != nil {
			return nil, nil, err
		}
		return s.m.openMessage(s.ctx, s.tx, it.Blob)
	}
	for _, p := range s.unread {
		if err := s.ctx.Err(); err != nil {
			return capped, err
		}
		s.stand(p)
		answer, err := s.plan.Match(&s.at)
		switch {
		case err != nil && damaged(err) && s.ctx.Err() == nil:
			continue
		case err != nil:
			return capped, err
		case answer == search.Yes:
			s.best.add(hit{p.Received, p.Item, p.Folder})
		}
	}
	return capped, nil
}
