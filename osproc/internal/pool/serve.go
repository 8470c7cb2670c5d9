package pool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/troupe-go/troupe/internal/wire"
	"github.com/troupe-go/troupe/osproc/internal/child"
)

// Role is the role of a worker of a pool.
const Role = "pool"

// A Runner is the function of a pool in the worker.
type Runner interface {
	// Run runs n tasks, whose arguments body begins with. first is the number of the
	// first. It calls Begin before each task, End after it, and Results or Fail before it
	// returns; see also Late. It returns how many tasks it has begun.
	Run(x *Executor, body *wire.Decoder, first uint32, n int) (begun int)
}

// A Beginning is what a worker needs to know of its function.
type Beginning struct {
	Runner          Runner
	SetUp, TearDown func(context.Context) error
}

// rules is what a worker is told of its pool.
type rules struct {
	Concurrency, Procs int
	MaxMemory          int64
	Timed, Words       bool
}

// encodeBeginning writes down what a worker begins with.
func (c *Config) encodeBeginning(e *wire.Encoder, socket, words *os.File) error {
	codec, err := wire.For[rules]()
	if err != nil {
		return err
	}
	r := rules{c.Concurrency, c.Procs, c.MaxMemory, c.TaskTimeout > 0, words != nil}
	if err := codec.Encode(e, r); err != nil {
		return err
	}
	e.Files = append(e.Files, int(socket.Fd()))
	if words != nil {
		e.Files = append(e.Files, int(words.Fd()))
	}
	return c.Begin(e)
}

// A server is a worker as it sees itself.
type server struct {
	w     *child.Worker
	link  *wire.Link // for tasks
	words *Words
	rules rules
	begin Beginning
	statm *os.File
	all   []*Executor
	tasks chan *parcel // to the executors, if there are several
	going sync.WaitGroup

	claiming sync.Mutex // see parcel

	quit chan struct{} // closed when no task is begun any more
	once sync.Once
	bye  atomic.Bool // the parent knows

	mu        sync.Mutex
	cancelled []interval // tasks that nobody waits for, and that have not come yet
}

// An interval is n tasks from first on.
type interval struct {
	first uint32
	n     int
}

func (i interval) overlaps(j interval) bool {
	return before(i.first, j.first+uint32(j.n)) && before(j.first, i.first+uint32(i.n))
}

// A parcel is tasks on their way from the socket to an executor.
type parcel struct {
	interval
	body *wire.Decoder
}

// Serve is what the role does. begin decodes what Config.Begin has encoded.
func Serve(w *child.Worker, body *wire.Decoder, begin func(*wire.Decoder) (Beginning, error)) {
	s := &server{w: w, tasks: make(chan *parcel), quit: make(chan struct{})}
	if err := s.prepare(body, begin); err != nil {
		w.Refuse(err)
	}
	w.Ready()
	go s.listen()
	stop := context.AfterFunc(w.Context(), func() {
		s.leave()
		s.link.Close() // the executor may be waiting for tasks
	})
	defer stop()
	s.going.Add(len(s.all))
	for _, x := range s.all {
		go x.work()
	}
	if len(s.all) > 1 {
		go s.distribute()
	}
	s.going.Wait()
	if !s.bye.Load() && w.Context().Err() == nil {
		x := s.all[0]
		x.Hold(func() { x.send(flagLeaving) })
	}
	_ = s.link.Flush()
	if err := s.begin.TearDown(context.WithoutCancel(w.Context())); err != nil {
		fmt.Fprintf(os.Stderr, "osproc: the tear-down of %s: %v\n", w.Name(), err)
	}
}

// leave has no further task begun.
func (s *server) leave() {
	s.once.Do(func() {
		for _, x := range s.all {
			x.attend(leaveNow)
		}
		close(s.quit)
	})
}

// left reports that leave was called.
func (s *server) left() bool {
	select {
	case <-s.quit:
		return true
	default:
		return false
	}
}

// prepare gets ready for tasks.
func (s *server) prepare(body *wire.Decoder, begin func(*wire.Decoder) (Beginning, error)) error {
	codec, err := wire.For[rules]()
	if err != nil {
		return err
	}
	if s.rules, err = codec.Decode(body); err != nil {
		return err
	}
	socket, err := takeFile(body, "tasks")
	if err != nil {
		return err
	}
	conn, err := child.Conn(socket)
	if err != nil {
		return err
	}
	s.link = wire.NewLink(conn)
	if s.rules.Words {
		f, err := takeFile(body, "words")
		if err != nil {
			return err
		}
		defer f.Close()
		if s.words, err = openWords(f, s.rules.Concurrency); err != nil {
			return err
		}
	}
	if s.begin, err = begin(body); err != nil {
		return err
	}
	if s.rules.Procs > 0 {
		runtime.GOMAXPROCS(s.rules.Procs)
	}
	if s.rules.MaxMemory > 0 {
		if s.statm, err = openStatm(); err != nil {
			return err
		}
		debug.SetMemoryLimit(s.rules.MaxMemory / 10 * 9)
	}
	for i := range s.rules.Concurrency {
		s.all = append(s.all, newExecutor(s, i))
	}
	return s.begin.SetUp(s.w.Context())
}

func takeFile(d *wire.Decoder, name string) (*os.File, error) {
	fd, err := d.TakeFile()
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// listen hears what was cancelled, and that the parent is gone.
func (s *server) listen() {
	for {
		kind, body, err := s.w.Link.Receive()
		if err != nil {
			s.w.Orphaned()
			return
		}
		if first, n, err := decodeNumbers(body); kind == kindCancel && err == nil {
			s.cancel(interval{first, n})
		}
	}
}

// cancel ends the context of tasks, and keeps those that have not come from being begun.
func (s *server) cancel(gone interval) {
	s.mu.Lock()
	s.cancelled = append(s.cancelled, gone)
	s.mu.Unlock()
	for _, x := range s.all {
		x.drop(gone)
	}
}

// unwanted reports that nobody waits for tasks, which are about to be begun.
func (s *server) unwanted(tasks interval) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := false
	kept := s.cancelled[:0]
	for _, c := range s.cancelled {
		found = found || c.overlaps(tasks)
		if before(tasks.first, c.first+uint32(c.n)) { // more of it may come
			kept = append(kept, c)
		}
	}
	s.cancelled = kept
	return found
}

// next returns the next frame of tasks. It handles all others. A nil body is the end. It calls
// idle before it waits.
func (s *server) next(idle func()) *wire.Decoder {
	for {
		if !s.link.Buffered() {
			idle()
		}
		kind, body, err := s.link.Receive()
		switch {
		case err != nil:
			if !errors.Is(err, wire.ErrClosed) {
				s.w.Orphaned()
			}
			s.bye.Store(true)
			return nil
		case kind == kindTasks:
			return body
		case kind == kindResume:
			if first, _, err := decodeNumbers(body); err == nil {
				s.words.resume(first)
			}
		case kind == kindBye:
			s.bye.Store(true)
			return nil
		}
	}
}

// parcel returns the next tasks for one of several executors, and whether they were claimed or
// had been taken back; nil is the end. What is claimed must be claimed in order: the parent takes
// what comes after it for unclaimed, and what comes before it for claimed.
func (s *server) parcel() (p *parcel, claimed bool) {
	s.claiming.Lock()
	defer s.claiming.Unlock()
	select {
	case <-s.quit:
		return nil, false
	case p = <-s.tasks:
	}
	return p, p != nil && s.words.claim(p.first, p.n)
}

// distribute gives what comes to several executors.
func (s *server) distribute() {
	defer close(s.tasks)
	next := func() *wire.Decoder { return s.next(func() {}) }
	for body := next(); body != nil; body = next() {
		for len(body.Bytes) > 0 {
			it, err := nextItem(body)
			if err != nil {
				return
			}
			select {
			case s.tasks <- &parcel{interval{it.first, it.n}, it.body.Keep()}:
			case <-s.quit:
				return
			}
		}
	}
}
