package mailbox

import (
	"context"
	"strconv"
	"sync"
)

// localAnswers carries answers within a program.
type localAnswers struct {
	mu     sync.Mutex
	last   uint64
	listen map[string]func(Answer)
	closed bool
}

// Listen calls f for each answer; see [Answers].
func (m *Memory) Listen(ctx context.Context, f func(Answer)) (string, error) {
	return m.local.add(ctx, f)
}

// Answer sends an answer; see [Answers].
func (m *Memory) Answer(_ context.Context, replyTo string, a Answer) error {
	return m.local.answer(replyTo, a)
}

func (l *localAnswers) add(ctx context.Context, f func(Answer)) (string, error) {
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

func (l *localAnswers) answer(to string, a Answer) error {
	l.mu.Lock()
	f, closed := l.listen[to], l.closed
	l.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if f != nil {
		f(a)
	}
	return nil
}

func (l *localAnswers) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed, l.listen = true, nil
}
