package troupe_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// Order and delivery between processes: G01 to G07.

// numbered is a message that tells who sent it and in which place.
type numbered struct{ sender, n int }

// inOrder returns a function that checks numbered messages as they come.
func inOrder(t *testing.T, senders int) func(numbered) {
	last := make([]int, senders)
	return func(m numbered) {
		if m.n != last[m.sender]+1 {
			t.Errorf("from sender %d came %d after %d", m.sender, m.n, last[m.sender])
		}
		last[m.sender] = m.n
	}
}

func TestG01_OrderFromOneSender(t *testing.T) {
	const senders, each = 4, 2000
	for name, opts := range map[string][]troupe.SpawnOption{
		"unbounded": nil,
		"bounded":   {troupe.Bounded(7, troupe.Block)},
		"urgent":    {troupe.AcceptUrgent()},
	} {
		for _, style := range []string{"direct", "handler"} {
			t.Run(name+" "+style, func(t *testing.T) {
				stage(t, func(t *testing.T, self *troupe.Self[none]) {
					check, left := inOrder(t, senders), senders*each
					take := func(m numbered) error {
						check(m)
						if left--; left == 0 {
							return troupe.Stop
						}
						return nil
					}
					var r troupe.Ref[numbered]
					opts := append(opts, troupe.Monitored())
					if style == "direct" {
						r = troupe.Spawn(self, func(self *troupe.Self[numbered]) error {
							for m := range self.Messages() {
								if err := take(m.Body); err != nil {
									return err
								}
							}
							return nil
						}, opts...)
					} else {
						r = troupe.SpawnHandler(self, handle(func(_ *troupe.Self[numbered], m troupe.Message[numbered]) error {
							return take(m.Body)
						}), opts...)
					}
					for s := range senders {
						troupe.Spawn(self, func(self *troupe.Self[none]) error {
							for i := range each {
								wantErr(t, r.Send(self, numbered{s, i + 1}), nil)
							}
							return nil
						})
					}
					wantMessage(t, self.Receive(), troupe.Down, r.PID(), nil)
				})
			})
		}
	}
}

func TestG01_SignalsStandInLineWithBodies(t *testing.T) {
	for _, many := range []int{1, 5, 300, 2000} {
		play(t, func(t *testing.T, self *troupe.Self[int]) {
			self.TrapExit(true)
			me := self.Ref()
			a := troupe.Spawn(self, func(self *troupe.Self[none]) error {
				for i := range many {
					me.Send(self, i)
					me.PID().Exit(self, errOther)
				}
				return errBoom
			}, troupe.Linked())
			synctest.Wait()
			for i := range many {
				wantBodies(t, self, i)
				wantEvent(t, self, troupe.Exit, a.PID(), errOther)
			}
			wantEvent(t, self, troupe.Exit, a.PID(), errBoom)
		})
	}
}

// An exit follows what was sent before it; a body that went before it may be
// lost with the process, but it never comes after.
func TestG01_ExitComesAfterTheBodiesBeforeIt(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			wantBodies(t, self, 1, 2)
			m := self.Receive()
			wantMessage(t, m, troupe.Exit, self.PID(), errBoom)
			return nil
		})
		r.Send(self, 1)
		r.Send(self, 2)
		synctest.Wait()
		r.PID().Exit(self, errBoom)
		wantReason(t, self, r.PID(), errBoom)
	})
}

func TestG02_WhatWasSentComesBeforeTheNewsOfTheEnd(t *testing.T) {
	ends := map[string]func(self *troupe.Self[none]) error{
		"normal": func(*troupe.Self[none]) error { return nil },
		"error":  func(*troupe.Self[none]) error { return errBoom },
		"panic":  func(*troupe.Self[none]) error { panic("boom") },
		"kill":   func(self *troupe.Self[none]) error { return self.PID().Kill(self) },
		"exit":   func(self *troupe.Self[none]) error { return self.PID().Exit(self, errBoom) },
	}
	for name, end := range ends {
		for _, many := range []int{0, 1, 3, 700} {
			t.Run(fmt.Sprint(name, many), func(t *testing.T) {
				play(t, func(t *testing.T, self *troupe.Self[int]) {
					self.TrapExit(true)
					me := self.Ref()
					a := troupe.Spawn(self, func(self *troupe.Self[none]) error {
						for i := range many {
							me.Send(self, i)
						}
						return end(self)
					}, troupe.Linked(), troupe.Monitored())
					for i := range many {
						wantBodies(t, self, i)
					}
					first, second := next(t, self), next(t, self)
					if first.Event == second.Event || first.From != a.PID() || second.From != a.PID() {
						t.Errorf("got %v and %v, want an Exit and a Down", first, second)
					}
					wantNothing(t, self)
				})
			})
		}
	}
}

func TestG02_WhatTerminateSendsComesBeforeTheDown(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		me := self.Ref()
		r := troupe.SpawnHandler(self, parts[int]{
			handle:    func(*troupe.Self[int], troupe.Message[int]) error { return errBoom },
			terminate: func(self *troupe.Self[int], _ error) { me.Send(self, 7) },
		}, troupe.Monitored())
		r.Send(self, 0)
		wantBodies(t, self, 7)
		wantEvent(t, self, troupe.Down, r.PID(), errBoom)
	})
}

// Goroutines beside a process that is killed keep sending with its context; the
// watcher sees nothing of that once it has seen the Down.
func TestG02_NothingComesAfterTheDown(t *testing.T) {
	for range 50 {
		stage(t, func(t *testing.T, self *troupe.Self[int]) {
			me := self.Ref()
			var beside sync.WaitGroup
			started := make(chan none)
			a := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
				for range 3 {
					beside.Go(func() {
						for me.Send(self, 1) == nil {
						}
					})
				}
				close(started)
				return until(self)
			})
			<-started
			for range 100 {
				self.Receive()
			}
			a.PID().Kill(self)
			for self.Receive().Event != troupe.Down {
			}
			beside.Wait()
			if m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout {
				t.Errorf("after the Down came %v", m)
			}
		})
	}
}

func TestG03_NothingSentAfterTheExitIsHandled(t *testing.T) {
	const before, after = -1, 1
	bodies := map[string]func(self *troupe.Self[none], late *atomic.Int64) troupe.Ref[int]{
		"direct": func(self *troupe.Self[none], late *atomic.Int64) troupe.Ref[int] {
			return troupe.Spawn(self, func(self *troupe.Self[int]) error {
				for m := range self.Messages() {
					if m.Body == after {
						late.Add(1)
					}
				}
				return nil
			})
		},
		"handler": func(self *troupe.Self[none], late *atomic.Int64) troupe.Ref[int] {
			return troupe.SpawnHandler(self, handle(func(_ *troupe.Self[int], m troupe.Message[int]) error {
				if m.Body == after {
					late.Add(1)
				}
				return nil
			}))
		},
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			stage(t, func(t *testing.T, self *troupe.Self[none]) {
				var late atomic.Int64
				for i := range 500 {
					r := body(self, &late)
					for range i % 7 {
						r.Send(self, before)
					}
					r.PID().Exit(self, errBoom)
					wantErr(t, r.Send(self, after), troupe.ErrNoProc)
				}
				if n := late.Load(); n != 0 {
					t.Errorf("%d messages were handled that were sent after the exit", n)
				}
			})
		})
	}
}

func TestG04_SendToTheEndedIsRefused(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error { return nil })
		h := troupe.SpawnHandler(self, handle(func(*troupe.Self[int], troupe.Message[int]) error { return troupe.Stop }))
		h.Send(self, 1)
		synctest.Wait()
		for _, r := range []troupe.Ref[int]{r, h, {}, troupe.Named[int]("nobody")} {
			wantErr(t, r.Send(self, 1), troupe.ErrNoProc)
			wantErr(t, r.SendUrgent(self, 1), troupe.ErrNoProc)
			wantErr(t, r.PID().Exit(self, errBoom), troupe.ErrNoProc)
			wantErr(t, r.PID().Kill(self), troupe.ErrNoProc)
		}
		wantErr(t, troupe.Message[int]{}.Reply(self, 1), troupe.ErrNoProc)
		wantErr(t, troupe.Message[int]{From: r.PID()}.Reply(self, 1), troupe.ErrNoProc)
		wantLetters(t, self.Node(), nil)
	})
}

// However one hears of a death, the name is free by then.
func TestG05_NamesAreFreeBeforeAnyoneHears(t *testing.T) {
	hear := map[string]func(t *testing.T, self *troupe.Self[none], r troupe.Ref[call]){
		"down": func(t *testing.T, self *troupe.Self[none], r troupe.Ref[call]) {
			self.Monitor(r.PID())
			r.PID().Kill(self)
			wantMessage(t, self.Receive(), troupe.Down, r.PID(), troupe.ErrKilled)
		},
		"exit": func(t *testing.T, self *troupe.Self[none], r troupe.Ref[call]) {
			self.Link(r.PID())
			r.Send(self, call{})
			wantMessage(t, self.Receive(), troupe.Exit, r.PID(), errBoom)
		},
		"wait": func(t *testing.T, self *troupe.Self[none], r troupe.Ref[call]) {
			r.Send(self, call{})
			wantErr(t, r.PID().Wait(self), errBoom)
		},
		"ask": func(t *testing.T, self *troupe.Self[none], r troupe.Ref[call]) {
			_, err := troupe.Ask(self, r, 1)
			wantErr(t, err, errBoom)
		},
	}
	for name, hear := range hear {
		t.Run(name, func(t *testing.T) {
			stage(t, func(t *testing.T, self *troupe.Self[none]) {
				self.TrapExit(true)
				for range 300 {
					r := troupe.Spawn(self, func(self caller) error {
						wantErr(t, self.Register("two"), nil)
						wantErr(t, self.Register("three"), nil)
						return failing[call](errBoom)(self)
					}, troupe.Name("one"))
					for {
						if _, ok := self.Node().Whereis("three"); ok {
							break
						}
						runtime.Gosched() // there may be one processor
					}
					hear(t, self, r)
					for _, name := range []string{"one", "two", "three"} {
						if pid, ok := self.Node().Whereis(name); ok {
							t.Errorf("%v still has the name %q", pid, name)
						}
						wantErr(t, self.Register(name), nil)
						self.Unregister(name)
					}
				}
			})
		})
	}
}

func TestG06_SendDoesNotBlock(t *testing.T) {
	for _, o := range []troupe.Overflow{troupe.Refuse, troupe.DropNewest, troupe.DropOldest} {
		play(t, func(t *testing.T, self *troupe.Self[none]) {
			r := troupe.Spawn(self, until[int], troupe.Bounded(2, o))
			start := time.Now()
			for range 10_000 {
				r.Send(self, 1)
			}
			if d := time.Since(start); d != 0 {
				t.Errorf("sending with overflow %d took %v", o, d)
			}
		})
	}
}

func TestG06_BlockedSendHonoursTheContext(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, until[int], troupe.Bounded(1, troupe.Block))
		wantErr(t, r.Send(self, 1), nil)
		ctx, cancel := context.WithTimeoutCause(self, time.Second, errOther)
		defer cancel()
		start := time.Now()
		wantErr(t, r.Send(ctx, 2), errOther)
		if d := time.Since(start); d != time.Second {
			t.Errorf("the send gave up after %v, want 1s", d)
		}
		r.PID().Exit(self, errBoom)
		wantReason(t, self, r.PID(), errBoom)
		wantLetters(t, self.Node(), errBoom, 1)
	})
}

func TestG07_NothingIsDeliveredTwice(t *testing.T) {
	const senders, each = 4, 1000
	stage(t, func(t *testing.T, self *troupe.Self[numbered]) {
		for s := range senders {
			me := self.Ref()
			troupe.Spawn(self, func(self *troupe.Self[none]) error {
				for i := range each {
					me.Send(self, numbered{s, i})
				}
				return nil
			})
		}
		seen := make(map[numbered]int)
		for i := range senders * each {
			var m troupe.Message[numbered]
			if i%3 == 0 {
				m = self.ReceiveFunc(func(m troupe.Message[numbered]) bool { return m.Body.sender == i%senders || i > each })
			} else {
				m = self.Receive()
			}
			if seen[m.Body]++; seen[m.Body] > 1 {
				t.Errorf("%v came twice", m.Body)
			}
		}
		if m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout {
			t.Errorf("one too many: %v", m)
		}
	})
}
