package mail

// Usage is how much a mailbox holds: in its own folders, what the server notes
// for itself not counted, and what others share with it neither.
type Usage struct {
	Bytes uint64
	Items uint64
}

// Limits are how much a mailbox may hold. Zero is any amount.
type Limits struct {
	Bytes uint64
	Items uint64
}

// Allow tells whether there is room for more.
func (l Limits) Allow(u Usage, bytes, items uint64) bool {
	return (l.Bytes == 0 || u.Bytes+bytes <= l.Bytes) && (l.Items == 0 || u.Items+items <= l.Items)
}

// Full tells that nothing more may come in.
func (l Limits) Full(u Usage) bool {
	return l.Bytes != 0 && u.Bytes >= l.Bytes || l.Items != 0 && u.Items >= l.Items
}

// Percent is how full the mailbox is by the limit that is nearest, rounded down;
// 0 without limits.
func (l Limits) Percent(u Usage) int {
	p := 0
	for _, x := range [][2]uint64{{u.Bytes, l.Bytes}, {u.Items, l.Items}} {
		if x[1] != 0 {
			p = max(p, int(min(float64(x[0])/float64(x[1]), 100)*100))
		}
	}
	return p
}
