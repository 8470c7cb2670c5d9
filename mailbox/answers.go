package mailbox

import (
	"context"
	"strconv"
	"sync"
)

// LocalAnswers is [Answers] within one program, for stores that belong to one. The
// zero LocalAnswers is ready for use; Close ends it.
type LocalAnswers struct {
	mu     sync.Mutex
	last   uint64
	listen map[string]func(Answer)
	closed bool
}

// Listen calls f for each answer; see [Answers].
func (l *LocalAnswers) Listen(ctx context.Context, f func(Answer)) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return "", ErrClosed
	}
	l.last++
	to := "local-" + strconv.FormatUint(l.last, 10)
	if l.listen == nil {
		l.listen = make(map[string]func(Answer))
	}
	l.listen[to] = f
	context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.listen, to)
	})
	return to, nil
}

// Answer sends an answer; see [Answers].
func (l *LocalAnswers) Answer(_ context.Context, replyTo string, a Answer) error {
	l.mu.Lock()
	f, closed := l.listen[replyTo], l.closed
	l.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if f != nil {
		f(a)
	}
	return nil
}

// Close ends all listening. Listen and Answer return ErrClosed from then on.
func (l *LocalAnswers) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed, l.listen = true, nil
	return nil
}
