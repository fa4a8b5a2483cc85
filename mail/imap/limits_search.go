package imap

// Limits of finding, ordering and following mail.
const (
	// searchChunk is how many messages a search looks at in one snapshot.
	searchChunk = 500

	maxSortKeys = 20
	// maxSortText is how much of a text decides its place, in bytes.
	maxSortText = 256
	// maxThreadRefs is how many of a message's references place it in a thread:
	// the first, and the nearest.
	maxThreadRefs = 30
	// sortStep is how much memory a sort takes up at once, of that for messages.
	sortStep = 1 << 20

	// manyBuffer is how much of several messages goes out at once.
	manyBuffer = 64 << 10

	maxLive     = 8      // results that a session has kept up to date
	maxLiveHits = 50_000 // messages in all of them
)
