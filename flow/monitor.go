package flow

import (
	"context"
	"sync"
	"time"

	"github.com/troupe-go/troupe/flow/internal/core"
)

// Monitor looks into a flow while it runs, and can pause it. The zero Monitor is ready to use:
// give it to [Watch]. All methods may be called by any goroutine.
//
// It sees stages that call a function of yours: Map, Filter, ForEach and their like. Watching
// costs the time of a few clock readings for each item.
type Monitor struct {
	mu      sync.Mutex
	probes  []*core.Probe
	resumed chan struct{} // not nil while paused; closed when resumed
}

// Watch is s, with all its stages reporting to m whenever it is consumed. It sees what is
// upstream of it; watch the last stream to see all. A flow that is consumed anew is added to
// what m has seen.
func Watch[T any](s Stream[T], m *Monitor) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		watched := *r
		watched.monitor = m
		return s.each(&watched, yield)
	}}
}

// StageStats are the numbers of a stage at one moment. They are read one after the other while
// the stage runs, so that they may be off by what happens in that instant.
type StageStats struct {
	Name    string
	Workers int
	In      int64 // items taken
	Out     int64 // items that left, as a result or skipped
	// InFlight is how many items the stage holds: those being worked on, those not begun, and
	// results not taken yet.
	InFlight int64
	Busy     time.Duration // time spent in the stage's function, by all workers together
	// WaitingIn is how many workers wait for an item now; WaitingOut how many have nothing to
	// do because what is downstream does not take what the stage has. The others work.
	WaitingIn, WaitingOut int
}

// Stages returns the numbers of all stages, from the last to the first.
func (m *Monitor) Stages() []StageStats {
	m.mu.Lock()
	probes := m.probes
	m.mu.Unlock()
	stats := make([]StageStats, len(probes))
	for i, p := range probes {
		r := p.Read()
		stats[i] = StageStats{
			Name: p.Name, Workers: p.Workers,
			In: r.In, Out: r.Out, InFlight: max(0, r.In-r.Out), Busy: r.Busy,
			WaitingIn: r.WaitingIn, WaitingOut: r.WaitingOut,
		}
	}
	return stats
}

// Bottleneck names the stage that sets the pace: the one whose workers have been the busiest,
// each. It returns "" if nothing has been worked on yet.
func (m *Monitor) Bottleneck() string {
	name, most := "", time.Duration(0)
	for _, s := range m.Stages() {
		if each := s.Busy / time.Duration(s.Workers); each > most {
			name, most = s.Name, each
		}
	}
	return name
}

// Pause makes the flow's sources yield nothing more until [Monitor.Resume]. What is in flight
// goes on to the end of the flow. A source that waits for something from outside when it is
// paused may still take and yield that one value.
func (m *Monitor) Pause() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.resumed == nil {
		m.resumed = make(chan struct{})
	}
}

// Resume ends a pause.
func (m *Monitor) Resume() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.resumed != nil {
		close(m.resumed)
		m.resumed = nil
	}
}

func (m *Monitor) waitWhilePaused(ctx context.Context) {
	m.mu.Lock()
	resumed := m.resumed
	m.mu.Unlock()
	if resumed == nil {
		return
	}
	select {
	case <-resumed:
	case <-ctx.Done():
	}
}

func (m *Monitor) add(name string, workers int) *core.Probe {
	p := &core.Probe{Name: name, Workers: workers}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.probes = append(m.probes[:len(m.probes):len(m.probes)], p)
	return p
}
