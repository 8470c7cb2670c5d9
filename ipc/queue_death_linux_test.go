package ipc

import (
	"context"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// A signed message can tell whether it is torn.
type signed struct {
	From, Seq int
	Body      []byte
	Sum       uint32
	File      *os.File
}

func sign(from, seq, size int) signed {
	m := signed{From: from, Seq: seq, Body: make([]byte, size)}
	for i := range m.Body {
		m.Body[i] = byte(rand.Uint32())
	}
	m.Sum = m.sum()
	return m
}

func (m *signed) sum() uint32 {
	return crc32.ChecksumIEEE(append(m.Body, byte(m.From), byte(m.Seq), byte(m.Seq>>8), byte(m.Seq>>16)))
}

// A sortie is what a producer or a consumer in another process gets.
type sortie struct {
	ID       int
	Queue    *Queue[signed]
	Accepted *Array[int64] // by producer: the last message that Put has accepted
	Seen     *Array[int64] // by message: how often it was got
	Files    bool
}

func (j *sortie) produce(ctx context.Context) error {
	for seq := 1; ; seq++ {
		m := sign(j.ID, seq, rand.IntN(1<<rand.IntN(14)))
		if j.Files && seq%3 == 0 {
			m.File = os.Stdin
		}
		if err := j.Queue.Put(ctx, m); err != nil {
			return err
		}
		if err := j.Accepted.Store(ctx, j.ID, int64(seq)); err != nil {
			return err
		}
	}
}

func (j *sortie) consume(ctx context.Context) error {
	for m, err := range j.Queue.All(ctx) {
		if err != nil {
			return err
		}
		if err := j.check(&m); err != nil {
			return err
		}
		if _, err := j.Seen.Update(ctx, m.Seq, func(n int64) int64 { return n + 1 }); err != nil {
			return err
		}
	}
	return nil
}

func (j *sortie) check(m *signed) error {
	defer m.File.Close()
	switch {
	case m.sum() != m.Sum:
		return errors.New("a torn message")
	case j.Files && m.Seq%3 == 0 && m.File == nil:
		return errors.New("a message without its file")
	}
	return nil
}

var (
	roleProducer = addRole("producer", func(ctx context.Context, parent *Conn) error {
		j, err := Receive[sortie](ctx, parent)
		if err != nil {
			return err
		}
		if err := Send(ctx, parent, true); err != nil {
			return err
		}
		return j.produce(ctx)
	})
	roleConsumer = addRole("consumer", func(ctx context.Context, parent *Conn) error {
		j, err := Receive[sortie](ctx, parent)
		if err != nil {
			return err
		}
		if err := Send(ctx, parent, true); err != nil {
			return err
		}
		return errors.Join(j.consume(ctx), Send(ctx, parent, true))
	})
)

func newTestArray(t *testing.T, n int) *Array[int64] {
	t.Helper()
	a, err := NewArray[int64](n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Detach() })
	return a
}

// deaths is how many processes the tests with random kills kill.
func deaths() int { return 20 * max(1, 10*soak()) }

// soak is by what the storms are longer than in a usual run: TROUPE_SOAK, or 0.
func soak() int {
	n, _ := strconv.Atoi(os.Getenv("TROUPE_SOAK"))
	return n
}

// pause waits for the instant of a kill, which is none in particular.
func pause() { time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond) }

func TestG61_ProducersKilled(t *testing.T) {
	for _, files := range []bool{false, true} {
		n := deaths()
		j := sortie{Queue: newTestQueue[signed](t, 50, QueueBytes(1<<15)), Accepted: newTestArray(t, n), Files: files}
		got := make([][]int, n)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for m, err := range j.Queue.All(t.Context()) {
				if err == nil {
					err = j.check(&m)
				}
				if err != nil {
					t.Error(err)
					return
				}
				got[m.From] = append(got[m.From], m.Seq)
			}
		}()
		var ps [2]*child
		for j.ID = range n {
			p := &ps[j.ID%2]
			if *p != nil {
				pause()
				(*p).kill()
				(*p).Close()
			}
			*p = startRole(t, roleProducer)
			tell(t, (*p).Conn, j)
			hear[bool](t, (*p).Conn)
		}
		ps[0].kill()
		ps[1].kill()
		if err := j.Queue.Close(); err != nil {
			t.Fatal(err)
		}
		<-done
		checkProducers(t, &j, got)
	}
}

// checkProducers checks that what was got is what was accepted, and at most one message more.
func checkProducers(t *testing.T, j *sortie, got [][]int) {
	t.Helper()
	all := 0
	for id, seqs := range got {
		accepted, err := j.Accepted.Load(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		all += len(seqs)
		if len(seqs) != int(accepted) && len(seqs) != int(accepted)+1 {
			t.Errorf("producer %d: %d were accepted, %d came", id, accepted, len(seqs))
		}
		for i, seq := range seqs {
			if seq != i+1 {
				t.Fatalf("producer %d: message %d came as number %d: %v", id, seq, i+1, seqs)
			}
		}
	}
	t.Log(all, "messages")
}

func TestG61_ConsumersKilled(t *testing.T) {
	for _, files := range []bool{false, true} {
		const most = 1 << 20
		j := sortie{Queue: newTestQueue[signed](t, 50, QueueBytes(1<<15)), Accepted: newTestArray(t, 1), Seen: newTestArray(t, most), Files: files}
		ctx, stop := context.WithCancel(t.Context())
		produced := make(chan error)
		go func() { produced <- j.produce(ctx) }()
		var ps [2]*child
		launch := func(i int) {
			ps[i] = startRole(t, roleConsumer)
			tell(t, ps[i].Conn, j)
			hear[bool](t, ps[i].Conn)
		}
		launch(0)
		launch(1)
		for i := range deaths() {
			pause()
			ps[i%2].kill()
			ps[i%2].Close()
			launch(i % 2)
		}
		stop()
		if err := <-produced; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		j.Queue.Close()
		hear[bool](t, ps[0].Conn)
		hear[bool](t, ps[1].Conn)
		checkConsumers(t, &j)
	}
}

// checkConsumers checks that everything came once, but for what the dead took along: each at
// most the message that it had just got.
func checkConsumers(t *testing.T, j *sortie) {
	t.Helper()
	n, err := j.Accepted.Load(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	lost := 0
	err = j.Seen.View(t.Context(), func(seen []int64) error {
		for seq := 1; seq <= int(n); seq++ {
			if seen[seq] == 0 {
				lost++
			}
		}
		if most := slices.Max(seen); most > 1 {
			t.Errorf("a message came %d times", most)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if lost > deaths() {
		t.Errorf("%d messages are lost with %d consumers", lost, deaths())
	}
	t.Log(n, "messages,", lost, "taken along")
}

// A taskJob is a sortie with tasks.
type taskJob struct {
	Queue *JoinableQueue[signed]
	Done  *Array[int64]
}

var roleWorker = addRole("task worker", func(ctx context.Context, parent *Conn) error {
	j, err := Receive[taskJob](ctx, parent)
	if err != nil {
		return err
	}
	if err := Send(ctx, parent, true); err != nil {
		return err
	}
	for task, err := range j.Queue.All(ctx) {
		if err != nil {
			return err
		}
		m := task.Value
		if m.sum() != m.Sum || m.Seq%7 == 0 && m.File == nil {
			return errors.New("a torn task")
		}
		m.File.Close()
		if rand.IntN(10) == 0 {
			err = task.Fail()
		} else if _, err = j.Done.Update(ctx, m.Seq, func(n int64) int64 { return n + 1 }); err == nil {
			err = task.Done()
		}
		if err != nil {
			return err
		}
	}
	return nil
})

func TestG61_TaskWorkersKilled(t *testing.T) {
	n := 3000 * max(1, 100*soak())
	j := taskJob{Queue: newTestTasks[signed](t, 20, QueueBytes(1<<16)), Done: newTestArray(t, n)}
	var ps [2]*child
	launch := func(i int) {
		ps[i] = startRole(t, roleWorker)
		tell(t, ps[i].Conn, j)
		hear[bool](t, ps[i].Conn)
	}
	launch(0)
	launch(1)
	joined := make(chan error)
	go func() {
		for seq := range n {
			m := sign(0, seq, rand.IntN(1<<rand.IntN(12)))
			if seq%7 == 0 {
				m.File = os.Stdin
			}
			if err := j.Queue.Put(t.Context(), m); err != nil {
				t.Error(err)
			}
		}
		joined <- j.Queue.Join(t.Context())
	}()
	for i := 0; ; i++ {
		select {
		case err := <-joined:
			if err != nil {
				t.Fatal(err)
			}
			checkTasks(t, &j, i)
			return
		default:
			pause()
			ps[i%2].kill()
			ps[i%2].Close()
			launch(i % 2)
		}
	}
}

// checkTasks checks that every task was done, and not more often than once and once more for
// each death.
func checkTasks(t *testing.T, j *taskJob, deaths int) {
	t.Helper()
	again := 0
	_ = j.Done.View(t.Context(), func(done []int64) error {
		for seq, n := range done {
			if n == 0 {
				t.Fatalf("task %d was not done", seq)
			}
			again += int(n) - 1
		}
		return nil
	})
	if again > deaths {
		t.Errorf("%d tasks were done twice, with %d deaths", again, deaths)
	}
	t.Log(deaths, "deaths,", again, "tasks were done twice")
}
