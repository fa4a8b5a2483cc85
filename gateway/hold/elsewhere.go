package hold

import "martlet/push"

// Topic is folders of a mailbox.
type Topic struct {
	Mailbox uint64
	Folders push.Folders
}

// elsewhere is what a request answers with that waits for folders of other
// mailboxes, too. Few do: a request has no room for it. Its waiters are not the
// request's own, so that in those mailboxes it is nobody's phone.
type elsewhere struct {
	Answerer
	r       *Request
	waiters []push.Waiter
}

// Wake is for the hub.
func (e *elsewhere) Wake() { e.r.Wake() }

// watch has changes wake the request from now on.
func (r *Request) watch(mailbox uint64, folders push.Folders, also []Topic) {
	if len(also) > 0 {
		e := &elsewhere{r.answerer, r, make([]push.Waiter, len(also))}
		r.answerer = e // before it can be woken
		for i, t := range also {
			r.h.c.Hub.Add(&e.waiters[i], e, t.Mailbox, t.Folders)
		}
	}
	r.h.c.Hub.Add(&r.waiter, r, mailbox, folders)
}

// unwatch ends that, while the request still has its answerer.
func (r *Request) unwatch() {
	r.h.c.Hub.Remove(&r.waiter)
	if e, ok := r.answerer.(*elsewhere); ok {
		for i := range e.waiters {
			r.h.c.Hub.Remove(&e.waiters[i])
		}
	}
}
