package redis

import (
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/troupe-go/troupe/mailbox"
)

// A hub hears what Redis tells this store: that there is mail, that an address was
// stopped, that a sender may go on, and answers. It is one connection, made when it is
// first needed. What was said while the connection was lost nobody repeats; so when it
// is back, everybody looks for himself.
type hub struct {
	store *Store

	mu      sync.Mutex
	sub     *goredis.PubSub
	closed  bool
	answers map[string]func(mailbox.Answer)
	waiting map[string]chan struct{} // closed when the channel was subscribed to
}

// beat is how often the connection is tried when nothing comes.
const beat = 2 * time.Second

// start makes the hub listen.
func (h *hub) start() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.startLocked()
}

func (h *hub) startLocked() {
	if h.sub != nil || h.closed {
		return
	}
	s := h.store
	channels := make([]string, 0, len(s.roots))
	for _, root := range s.roots {
		channels = append(channels, root+":ctl")
	}
	h.sub = s.rdb.Subscribe(s.alive, channels...)
	heard := h.sub.ChannelWithSubscriptions(goredis.WithChannelHealthCheckInterval(beat), goredis.WithChannelSize(1024))
	go func() {
		for m := range heard {
			switch m := m.(type) {
			case *goredis.Subscription:
				h.subscribed(m.Channel)
			case *goredis.Message:
				h.hear(m.Channel, m.Payload)
			}
		}
	}()
}

// join subscribes to one more channel.
func (h *hub) join(channel string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.startLocked()
	if h.sub != nil {
		_ = h.sub.Subscribe(h.store.alive, channel) // on an error it subscribes when it is connected again
	}
}

func (h *hub) leave(channel string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sub != nil && !h.closed {
		_ = h.sub.Unsubscribe(h.store.alive, channel) // likewise
	}
}

// subscribed is called when a channel was subscribed to, the first time or again.
func (h *hub) subscribed(channel string) {
	h.mu.Lock()
	if c := h.waiting[channel]; c != nil {
		close(c)
		delete(h.waiting, channel)
	}
	h.mu.Unlock()
	if !strings.Contains(channel, ":answers:") {
		h.store.stir()
	}
}

func (h *hub) hear(channel, said string) {
	s := h.store
	if strings.Contains(channel, ":answers:") {
		h.mu.Lock()
		f := h.answers[channel]
		h.mu.Unlock()
		if a, err := parseAnswer([]byte(said)); err == nil && f != nil {
			f(a)
		}
		return
	}
	if !strings.HasSuffix(channel, ":ctl") { // a session's: a lane and an address
		if len(said) > 1 {
			s.news(said[1:], int(said[0]-'1'))
		}
		return
	}
	if said == "" {
		return
	}
	switch what := said[1:]; said[0] {
	case 'r':
		s.eachSession((*Session).look)
	case 't':
		s.eachSession((*Session).lookAtDue)
	case 's':
		s.stopped(what)
	case 'm':
		s.putters[s.partition(what)].roomFor(what)
	}
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	if h.sub != nil {
		h.sub.Close()
	}
}

// news tells the owner, if it is one of this store's sessions, that a lane of an address
// has got mail.
func (s *Store) news(address string, lane int) {
	s.mu.Lock()
	b := s.boxes[address]
	if b == nil {
		for session := range s.sessions {
			session.early(address)
		}
	}
	s.mu.Unlock()
	if b != nil && lane >= 0 && lane < 3 {
		b.queue.More(lane)
	}
}

// stopped tells the owner that its address was stopped.
func (s *Store) stopped(address string) {
	s.mu.Lock()
	b := s.boxes[address]
	s.mu.Unlock()
	if b != nil {
		b.queue.Fail(mailbox.ErrStopped)
	}
}

// stir makes everybody look for himself, after news may have been lost.
func (s *Store) stir() {
	s.mu.Lock()
	boxes := make([]*box, 0, len(s.boxes))
	for _, b := range s.boxes {
		boxes = append(boxes, b)
	}
	s.mu.Unlock()
	for _, b := range boxes {
		b.queue.More(0, 1, 2)
	}
	s.eachSession((*Session).lookAgain)
	s.eachSession((*Session).lookAtDue)
	for _, p := range s.putters {
		p.roomFor("")
	}
}

func (s *Store) eachSession(f func(*Session)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.sessions {
		f(session)
	}
}

// all returns the sessions of this store.
func (s *Store) all() (all []*Session) {
	s.eachSession(func(x *Session) { all = append(all, x) })
	return all
}

// await returns a channel that is closed when a channel was subscribed to.
func (h *hub) await(channel string, f func(mailbox.Answer)) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.answers == nil {
		h.answers, h.waiting = map[string]func(mailbox.Answer){}, map[string]chan struct{}{}
	}
	c := make(chan struct{})
	h.answers[channel], h.waiting[channel] = f, c
	return c
}

func (h *hub) drop(channel string) {
	h.mu.Lock()
	delete(h.answers, channel)
	delete(h.waiting, channel)
	h.mu.Unlock()
	h.leave(channel)
}
