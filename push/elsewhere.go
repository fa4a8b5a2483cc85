package push

import "slices"

// Topic is folders of a mailbox.
type Topic struct {
	Mailbox uint64
	Folders Folders
}

// elsewhere are the places of a subscriber that waits in other mailboxes, too.
// Few do: a subscriber has no room for them.
type elsewhere struct {
	topics  []Topic
	waiters []Waiter
}

// waitElsewhereLocked has a subscriber wait there and nowhere else besides its
// own mailbox, and tells whether there is a place where it did not wait before.
func (n *Notifier) waitElsewhereLocked(s *subscriber, topics []Topic) (more bool) {
	old := n.elsewhere[s.id]
	if old == nil && len(topics) == 0 || old != nil && slices.Equal(old.topics, topics) {
		return false
	}
	if old != nil {
		for i := range old.waiters {
			n.hub.Remove(&old.waiters[i])
		}
		delete(n.elsewhere, s.id)
	}
	if len(topics) == 0 {
		return false
	}
	e := &elsewhere{slices.Clone(topics), make([]Waiter, len(topics))}
	for i, t := range topics {
		n.hub.Add(&e.waiters[i], s, t.Mailbox, t.Folders)
		more = more || old == nil || !slices.ContainsFunc(old.topics, func(o Topic) bool { return o.Mailbox == t.Mailbox && t.Folders&^o.Folders == 0 })
	}
	n.elsewhere[s.id] = e
	return more
}
