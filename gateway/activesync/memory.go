package activesync

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// Limits of what large requests and answers take at once, all together.
const (
	// answerMemory bounds the bytes of large answers in the making. Who finds it
	// used up waits.
	answerMemory = 512 << 20
	// smallAnswer need not be counted.
	smallAnswer = 1 << 20
)

// reserve waits until there is memory for an answer of n bytes.
func (h *Handler) reserve(ctx context.Context, n int64) (release func(), err error) {
	if n <= smallAnswer {
		return func() {}, nil
	}
	n = min(n, answerMemory)
	if err := h.answers.Acquire(ctx, n); err != nil {
		return nil, err
	}
	return func() { h.answers.Release(n) }, nil
}

func newAnswerMemory() *semaphore.Weighted { return semaphore.NewWeighted(answerMemory) }
