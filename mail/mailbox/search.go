package mailbox

import (
	"context"
	"errors"
	"fmt"

	"martlet/mail"
	"martlet/mail/search"
	"martlet/store"
)

// MaxSearchLimit is the largest number of places one Search returns.
const MaxSearchLimit = 1000

// maxTextReads bounds how many messages one Search opens to compare a phrase
// with their text. The newest are opened.
const maxTextReads = 500

// SearchOptions say how much of what was found is wanted.
type SearchOptions struct {
	Limit int  // at most MaxSearchLimit, which zero stands for
	Ready bool // take the index as it is: where it is behind, nothing is found
}

// SearchResult is what was found.
type SearchResult struct {
	Places []mail.Place // where the messages are now, the newest first
	Total  int          // how many there are, Places and more
	Capped bool         // there may be more than Total: not every message that has the words of a phrase was opened
}

// errBehind means that too many messages wait for a segment for a search to
// look at them one by one.
var errBehind = errors.New("mailbox: the index is behind")

// maxCatchUps bounds how often a search brings the index up to date before it
// takes it as it is: mail may come faster.
const maxCatchUps = 2

// Search finds messages. It knows what was committed before it was called, and
// where a message is now. A mailbox that was never used has none. A query of
// more words than one search looks up is search.ErrTooComplex. The first search
// in a mailbox from before there was an index makes it, if KeepIndex has not;
// so does one that meets damage.
func (m *Mailboxes) Search(ctx context.Context, box mail.MailboxID, q search.Query, o SearchOptions) (SearchResult, error) {
	if o.Limit <= 0 || o.Limit > MaxSearchLimit {
		o.Limit = MaxSearchLimit
	}
	for try := 0; ; try++ {
		var found SearchResult
		err := m.store.View(ctx, func(tx *store.Tx) (err error) {
			s := searcher{m: m, ctx: ctx, tx: tx, box: box, best: newest{limit: o.Limit}}
			found, err = s.run(q, try >= maxCatchUps)
			return err
		})
		switch {
		case errors.Is(err, errBehind) && o.Ready:
			return SearchResult{}, nil
		case errors.Is(err, errBehind):
			if err = m.catchUp(ctx, box); err == nil {
				continue
			}
		case errors.Is(err, search.ErrBadBlock) && try == 0:
			if err = m.renew(ctx, box, err); err == nil {
				continue
			}
		}
		if err != nil {
			return SearchResult{}, fmt.Errorf("mailbox: search: %w", err)
		}
		return found, nil
	}
}

// searcher is one search over one snapshot.
type searcher struct {
	m    *Mailboxes
	ctx  context.Context
	tx   *store.Tx
	box  mail.MailboxID
	plan *search.Plan
	best newest

	folders map[mail.FolderID]struct{} // those that are there
	sure    *search.Set
	at      search.Candidate
	key     itemKey // of the candidate
	unread  []place // whose text decides
	looked  int
}

func (s *searcher) run(q search.Query, behind bool) (found SearchResult, err error) {
	st, err := s.m.state(s.tx, s.box)
	if errors.Is(err, mail.ErrNoMailbox) {
		return found, nil
	}
	if err != nil {
		return found, err
	}
	segments, err := s.m.segments(s.tx, s.box)
	if err != nil {
		return found, err
	}
	if !st.Indexed || segments.outdated() {
		return found, errBehind
	}
	if n, err := pending(s.tx, s.box, segments.to(), s.m.keeper.pending+1); err != nil {
		return found, err
	} else if n > s.m.keeper.pending && !behind {
		return found, errBehind
	}
	first, ok, err := s.firstDoc()
	if err != nil || !ok {
		return found, err
	}
	if s.plan, err = search.Compile(q, first, st.Doc); err != nil || s.plan.Nothing() {
		return found, err
	}
	if err := s.readFolders(); err != nil {
		return found, err
	}
	if err := s.lookUp(segments); err != nil {
		return found, err
	}
	if err := s.lookUpThreads(); err != nil {
		return found, err
	}
	may, sure := s.plan.Candidates()
	s.sure = sure
	if err := s.consider(may, int(st.Doc-first)+1); err != nil {
		return found, err
	}
	capped, err := s.read()
	return SearchResult{Places: s.best.places(), Total: s.best.total, Capped: capped}, err
}

// firstDoc returns the lowest number of a message.
func (s *searcher) firstDoc() (search.Doc, bool, error) {
	for p, err := range placesFrom(s.tx, s.box, 0) {
		return p.Doc, true, err
	}
	return 0, false, nil
}

func (s *searcher) readFolders() error {
	s.folders = map[mail.FolderID]struct{}{}
	for k, err := range folderTable.Keys(s.tx, store.TableRange[folderKey]{Prefix: appendBox(nil, s.box)}) {
		if err != nil {
			return err
		}
		s.folders[k.Folder] = struct{}{}
	}
	return nil
}

// lookUp looks every term of the plan up, in the segments and in the words of
// pending messages.
func (s *searcher) lookUp(segments segmentsOf) error {
	if len(s.plan.Lookups) == 0 {
		return nil
	}
	for i := range segments.live {
		for _, l := range s.plan.Lookups {
			if err := s.lookUpIn(segments.live[i].id, l); err != nil {
				return err
			}
		}
		if err := s.ctx.Err(); err != nil {
			return err
		}
	}
	for p, err := range placesFrom(s.tx, s.box, segments.to()+1) {
		if err != nil {
			return err
		}
		terms, err := s.m.docWords(s.ctx, s.tx, s.box, p, true)
		if err != nil {
			return err
		}
		s.plan.AddTerms(p.Doc, terms)
	}
	return nil
}

// lookUpThreads looks up the messages of conversations.
func (s *searcher) lookUpThreads() error {
	for _, l := range s.plan.Threads {
		for at, err := range s.m.Thread(s.tx, s.box, l.Thread) {
			if err != nil {
				return err
			}
			it, err := s.m.item(s.tx, itemKey{s.box, at.Folder, at.Item})
			if err != nil {
				return err
			}
			l.Found.Add(search.Doc(it.Doc))
		}
	}
	return nil
}

// lookUpIn looks a term up in one segment: from the block where it must begin
// to the one where it ends.
func (s *searcher) lookUpIn(id uint32, l *search.Lookup) error {
	var reader search.Reader
	prefix := appendSegmentKey([]byte{byte(store.PrefixSearchBlock)}, segmentKey{s.box, id})
	from := appendBlockKey([]byte{byte(store.PrefixSearchBlock)}, blockKey{s.box, id, string(l.Term), 0})
	add := func(d search.Doc, f search.Field) {
		if f&l.Fields != 0 {
			l.Found.Add(d)
		}
	}
	for kv, err := range s.tx.Scan(store.Range{Prefix: prefix, From: from}) {
		if err != nil {
			return err
		}
		reader.Reset(kv.Value)
		for {
			entry, more, err := reader.Next()
			if err != nil {
				return err
			}
			if !more {
				break
			}
			switch {
			case l.Matches(entry.Term, l.Fields):
				if err := entry.Each(add); err != nil {
					return err
				}
			case string(entry.Term) > string(l.Term):
				return nil // what begins with the term comes right behind it
			}
		}
	}
	return nil
}

// scanRatio is how many messages can be scanned in the time it takes to get the
// place of one.
const scanRatio = 100

// consider decides on every message that may match. docs is how many numbers
// there are.
func (s *searcher) consider(may *search.Set, docs int) error {
	if may != nil && may.Len() <= docs/scanRatio {
		for d := range may.All() {
			p, err := placeFor(s.tx, s.box, d)
			if errors.Is(err, store.ErrNotFound) {
				continue // gone, and not yet out of its segment
			}
			if err != nil {
				return err
			}
			if err := s.decide(p); err != nil {
				return err
			}
		}
		return nil
	}
	for p, err := range placesFrom(s.tx, s.box, 0) {
		if err != nil {
			return err
		}
		if may != nil && !may.Has(p.Doc) {
			continue
		}
		if err := s.decide(p); err != nil {
			return err
		}
	}
	return nil
}

// decide decides on one message, unless its text has to be read.
func (s *searcher) decide(p place) error {
	if s.looked++; s.looked%1024 == 0 && s.ctx.Err() != nil {
		return s.ctx.Err()
	}
	if _, ok := s.folders[p.Folder]; !ok {
		return nil // deleted with its folder, and not yet swept
	}
	answer := search.Yes
	if s.sure == nil || !s.sure.Has(p.Doc) {
		s.stand(p)
		var err error
		if answer, err = s.plan.Match(&s.at); err != nil {
			return err
		}
	}
	switch answer {
	case search.Yes:
		s.best.add(hit{p.Received, p.Item, p.Folder})
	case search.Unknown:
		s.unread = append(s.unread, p)
	}
	return nil
}

// stand makes p the candidate.
func (s *searcher) stand(p place) {
	s.at.Doc, s.at.Folder, s.at.Received, s.at.Class = p.Doc, p.Folder, p.Received, p.Class
	s.at.Flags, s.at.FollowUp = p.Flags, p.FollowUp
	s.key = itemKey{s.box, p.Folder, p.Item}
	if s.at.Item == nil {
		s.at.Item = func() (*mail.Item, error) {
			it, err := s.m.item(s.tx, s.key)
			return &it, err
		}
	}
}
