package imap

import (
	"cmp"
	"hash/maphash"
	"slices"

	"martlet/mail/message"
)

// forest is the threads of some messages (RFC 5256 3). Messages are known by the
// hash of their ID, subjects by theirs: nothing of a message is kept but numbers.
// Node zero is above all threads.
type forest struct {
	algorithm string
	memory    memory
	seed      maphash.Seed
	nodes     []threadNode
	ids       map[uint64]int32 // hashes of Message-IDs
	scratch   []byte
}

// threadNode is a message, or one that is not there and that others refer to.
type threadNode struct {
	date                      int64 // in milliseconds
	latest                    int64 // when the last message of a thread came
	subject                   uint64
	at                        int32 // its place, none of what is not there
	parent, child, tail, next int32
	reply                     bool
	below                     bool // something hangs below it
}

const none int32 = -1

// maxAncestors is how far up a thread it is looked whether a link would close a
// loop. A message that nothing refers to yet needs no look.
const maxAncestors = 1000

func newForest(m memory, algorithm string) *forest {
	f := &forest{algorithm: algorithm, memory: m, seed: maphash.MakeSeed(), ids: map[uint64]int32{}}
	f.node()
	return f
}

// node makes a node that is nothing yet.
func (f *forest) node() int32 {
	f.nodes = append(f.nodes, threadNode{at: none, parent: none, child: none, tail: none, next: none})
	return int32(len(f.nodes) - 1)
}

// named returns the node of a Message-ID.
func (f *forest) named(id string) int32 {
	h := maphash.String(f.seed, id)
	n, known := f.ids[h]
	if !known {
		n = f.node()
		f.ids[h] = n
	}
	return n
}

// add takes a message up.
func (f *forest) add(c *candidate) error {
	ix := c.index()
	var n int32
	if f.algorithm == "ORDEREDSUBJECT" || ix.MessageID == "" {
		n = f.node()
	} else if n = f.named(ix.MessageID); f.nodes[n].at != none {
		n = f.node() // another message has the ID (RFC 5256 3, REFERENCES 1)
	}
	x := &f.nodes[n]
	x.at, x.date, x.latest = int32(c.at), sentAt(c), c.item.Received
	base, reply := baseSubject(ix.Subject)
	x.reply = reply
	if base != "" {
		f.scratch = appendCasemap(f.scratch[:0], base)
		x.subject = maphash.Bytes(f.seed, f.scratch) | 1 // zero is none
	}
	if f.algorithm != "ORDEREDSUBJECT" {
		f.refer(n, ix)
	}
	const nodeSize, idSize = 72, 32
	return f.memory.want(int64(cap(f.nodes))*nodeSize + int64(len(f.ids))*idSize)
}

// refer hangs a message below those that it refers to (RFC 5256 3, REFERENCES 1).
func (f *forest) refer(n int32, ix *message.Index) {
	refs := ix.References
	if len(refs) == 0 && ix.InReplyTo != "" {
		refs = []string{ix.InReplyTo}
	}
	above := none
	for i, id := range refs {
		if 0 < i && i <= len(refs)-maxThreadRefs {
			continue
		}
		r := f.named(id)
		if above != none && f.nodes[r].parent == none {
			f.hang(r, above)
		}
		above = r
	}
	if above == none || above == f.nodes[n].parent {
		return
	}
	old := f.nodes[n].parent
	f.nodes[n].parent = none
	if f.hang(n, above); f.nodes[n].parent == none {
		f.nodes[n].parent = old
	}
}

// hang gives a node a parent, unless that would close a loop. Lists of children
// are made in the end.
func (f *forest) hang(n, parent int32) {
	if n == parent {
		return
	}
	if f.nodes[n].below {
		steps := 0
		for a := f.nodes[parent].parent; a != none; a = f.nodes[a].parent {
			if steps++; a == n || steps > maxAncestors {
				return
			}
		}
	}
	f.nodes[n].parent = parent
	f.nodes[parent].below = true
}

// finish makes the threads.
func (f *forest) finish() {
	if f.algorithm == "ORDEREDSUBJECT" {
		f.bySubject()
	} else {
		for i := range f.nodes[1:] {
			n := int32(i + 1)
			f.append(max(f.nodes[n].parent, 0), n)
		}
		f.eachUp(f.prune)
	}
	f.eachUp(f.arrange)
	if f.algorithm == "REFERENCES" {
		f.gather()
		f.eachUp(f.arrange)
	}
}

// append makes n the last child of parent.
func (f *forest) append(parent, n int32) {
	p := &f.nodes[parent]
	f.nodes[n].parent, f.nodes[n].next = parent, none
	if p.tail == none {
		p.child = n
	} else {
		f.nodes[p.tail].next = n
	}
	p.tail = n
}

// eachUp visits every node that is in a thread, and node zero, after all that is
// below it.
func (f *forest) eachUp(visit func(int32)) {
	order := make([]int32, 1, len(f.nodes))
	for i := 0; i < len(order); i++ {
		for c := f.nodes[order[i]].child; c != none; c = f.nodes[c].next {
			order = append(order, c)
		}
	}
	for _, n := range slices.Backward(order) {
		visit(n)
	}
}

// prune takes out of a node's children what is not there, and puts what is below
// that in its place; at the top only what is alone (RFC 5256 3, REFERENCES 3).
func (f *forest) prune(n int32) {
	c := f.nodes[n].child
	f.nodes[n].child, f.nodes[n].tail = none, none
	for c != none {
		x := f.nodes[c]
		switch {
		case x.at != none:
			f.append(n, c)
		case x.child == none:
		case n != 0 || x.child == x.tail:
			f.splice(n, x.child, x.tail)
		default:
			f.append(n, c)
		}
		c = x.next
	}
}

// splice appends a whole list to the children of a node. Parents are not looked
// at any more.
func (f *forest) splice(n, child, tail int32) {
	p := &f.nodes[n]
	if p.tail == none {
		p.child = child
	} else {
		f.nodes[p.tail].next = child
	}
	p.tail = tail
}

// arrange sorts the children of a node by their dates (RFC 5256 3, REFERENCES 4
// and 6). What is not there has the date of its first child. In REFS the threads
// are sorted by their latest messages.
func (f *forest) arrange(n int32) {
	x := &f.nodes[n]
	if x.child != none && x.child != x.tail {
		var list []int32
		for c := x.child; c != none; c = f.nodes[c].next {
			list = append(list, c)
		}
		slices.SortFunc(list, func(a, b int32) int {
			x, y := &f.nodes[a], &f.nodes[b]
			d := cmp.Compare(x.date, y.date)
			if n == 0 && f.algorithm == "REFS" {
				d = cmp.Compare(x.latest, y.latest)
			}
			if d == 0 {
				d = cmp.Compare(f.first(a), f.first(b))
			}
			return d
		})
		x.child, x.tail = none, none
		for _, c := range list {
			f.append(n, c)
		}
	}
	if n == 0 || x.child == none {
		return
	}
	for c := x.child; c != none; c = f.nodes[c].next {
		x.latest = max(x.latest, f.nodes[c].latest)
	}
	if x.at == none {
		x.date = f.nodes[x.child].date
	}
}

// first is the place of a message, or of the first below what is not there.
func (f *forest) first(n int32) int32 {
	for f.nodes[n].at == none && f.nodes[n].child != none {
		n = f.nodes[n].child
	}
	return f.nodes[n].at
}

// write writes a thread (RFC 5256 4).
func (f *forest) write(out *writer, n int32, number func(at int32) int64) {
	out.raw("(")
	sep := ""
	for {
		x := &f.nodes[n]
		if x.at != none {
			out.raw(sep).number(number(x.at))
			sep = " "
		}
		if x.child == none {
			break
		}
		if x.child == x.tail {
			n = x.child
			continue
		}
		out.raw(sep)
		for c := x.child; c != none; c = f.nodes[c].next {
			f.write(out, c, number)
		}
		break
	}
	out.raw(")")
}
