package push

// Watch is a waiter for who waits in a goroutine.
type Watch struct {
	waiter Waiter
	hub    *Hub
	c      chan struct{}
}

// Watch starts to listen for changes in the named folders of a mailbox, or in
// all of them when none is named. The caller must Close it.
func (h *Hub) Watch(mailbox uint64, folders ...uint32) *Watch {
	w := &Watch{hub: h, c: make(chan struct{}, 1)}
	h.Add(&w.waiter, w, mailbox, FoldersOf(folders...))
	return w
}

// Wake is for the hub.
func (w *Watch) Wake() {
	select {
	case w.c <- struct{}{}:
	default: // a wake is already waiting; one is enough
	}
}

// C receives an empty value after a change. It is never closed.
func (w *Watch) C() <-chan struct{} { return w.c }

// Close ends the watch. It may be called more than once.
func (w *Watch) Close() { w.hub.Remove(&w.waiter) }
