package mail

import "slices"

// Parts are parts of an item that change one by one, and of which clients are
// told one by one (MS-ASEMAIL 3.2.5.4.1).
type Parts uint8

// The parts. What clients do not see, as FlagDeleted, is in none of them.
const (
	PartRead     Parts = 1 << iota // FlagSeen
	PartFollowUp                   // FollowUp
	PartKeywords                   // Keywords
	PartOther                      // what was done with the message last, and the message itself

	AllParts = PartRead | PartFollowUp | PartKeywords | PartOther
)

// PartSeqs say when each part of an item was last changed in its folder; zero:
// never.
type PartSeqs [4]ModSeq

// Differing returns the parts in which a and b differ.
func Differing(a, b *Item) (p Parts) {
	const other = ^(FlagSeen | FlagDeleted)
	for _, d := range []struct {
		part    Parts
		differs bool
	}{
		{PartRead, (a.Flags^b.Flags)&FlagSeen != 0},
		{PartFollowUp, a.FollowUp != b.FollowUp},
		{PartKeywords, !slices.Equal(a.Keywords, b.Keywords)},
		{PartOther, (a.Flags^b.Flags)&other != 0 || a.LastVerb != b.LastVerb || !a.VerbTime.Equal(b.VerbTime) || a.Blob != b.Blob},
	} {
		if d.differs {
			p |= d.part
		}
	}
	return p
}

// Note writes down that parts of the item change at s.
func (q *PartSeqs) Note(p Parts, s ModSeq) {
	for i := range q {
		if p&(1<<i) != 0 {
			q[i] = s
		}
	}
}

// ChangedSince returns the parts that changed above s. An item that entered its
// folder above s has changed in all of them.
func (it *Item) ChangedSince(s ModSeq) (p Parts) {
	if it.Created > s {
		return AllParts
	}
	for i, at := range it.Parts {
		if at > s {
			p |= 1 << i
		}
	}
	return p
}
