package troupe_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/troupe-go/troupe"
)

// Links: G11 and G14.

func TestG11_AnAbnormalEndIsFelt(t *testing.T) {
	for name, c := range map[string]struct {
		reason error
		felt   bool
	}{
		"normal":   {nil, false},
		"Stop":     {troupe.Stop, false},
		"error":    {errBoom, true},
		"shutdown": {troupe.ErrShutdown, true},
		"killed":   {troupe.ErrKilled, true},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				a := troupe.Spawn(self, failing[none](c.reason))
				b := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
					self.Link(a.PID())
					return until(self)
				})
				h := troupe.SpawnHandler(self, parts[none]{init: func(self *troupe.Self[none]) error {
					self.Link(b.PID())
					return nil
				}}, troupe.Monitored())
				synctest.Wait()
				a.Send(self, none{})
				if !c.felt {
					wantNothing(t, self)
					return
				}
				first, second := next(t, self), next(t, self)
				if first.From == h.PID() {
					first, second = second, first
				}
				wantMessage(t, first, troupe.Down, b.PID(), c.reason)
				wantMessage(t, second, troupe.Down, h.PID(), c.reason)
			})
		})
	}
}

func TestG11_OneThatTrapsGetsAnExit(t *testing.T) {
	for name, reason := range map[string]error{"normal": nil, "error": errBoom, "shutdown": troupe.ErrShutdown} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				self.TrapExit(true)
				r := troupe.SpawnLink(self, failing[none](reason))
				r.Send(self, none{})
				wantEvent(t, self, troupe.Exit, r.PID(), reason)
				wantNothing(t, self)
			})
		})
	}
}

// An exit signal follows the links of links, and stops at the one that traps.
func TestG11_ExitsGoAlongAChain(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		const length = 50
		self.TrapExit(true)
		var link func(left int) func(*troupe.Self[none]) error
		link = func(left int) func(*troupe.Self[none]) error {
			return func(self *troupe.Self[none]) error {
				if left == 0 {
					return errBoom
				}
				troupe.SpawnLink(self, link(left-1))
				return until(self)
			}
		}
		first := troupe.SpawnLink(self, link(length))
		wantEvent(t, self, troupe.Exit, first.PID(), errBoom)
		synctest.Wait()
		if n := self.Node().Len(); n != 1 {
			t.Errorf("%d processes are left, want the root alone", n)
		}
	})
}

func TestG11_TrapExitCanBeSwitched(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self *troupe.Self[none]) error {
			wantEvent(t, self, troupe.Exit, self.Parent(), errOther)
			self.TrapExit(false)
			return sink(self)
		}, troupe.TrapExits())
		r.PID().Exit(self, errOther)
		synctest.Wait()
		r.PID().Exit(self, errBoom)
		wantReason(t, self, r.PID(), errBoom)
	})
}

func TestG11_ANormalExitSignalIsNotFelt(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.SpawnMonitor(self, until[none])
		wantErr(t, r.PID().Exit(self, nil), nil)
		wantErr(t, r.PID().Exit(self, troupe.Stop), nil)
		wantNothing(t, self)
		trapper := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
			wantEvent(t, self, troupe.Exit, self.Parent(), nil)
			return errBoom
		}, troupe.TrapExits())
		trapper.PID().Exit(self, nil)
		wantEvent(t, self, troupe.Down, trapper.PID(), errBoom)
	})
}

func TestG14_OneLinkPerPair(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		self.TrapExit(true)
		me := self.PID()
		r := troupe.SpawnLink(self, func(self *troupe.Self[none]) error {
			self.Link(me)
			self.Link(me)
			return failing[none](errBoom)(self)
		})
		self.Link(r.PID())
		self.Link(r.PID())
		synctest.Wait()
		r.Send(self, none{})
		wantEvent(t, self, troupe.Exit, r.PID(), errBoom)
		wantNothing(t, self)
	})
}

// One Unlink undoes a link that both ends made more than once, and from either end.
func TestG14_UnlinkUndoesTheLinkForBoth(t *testing.T) {
	for _, byParent := range []bool{true, false} {
		play(t, func(t *testing.T, self *troupe.Self[none]) {
			self.TrapExit(true)
			me := self.PID()
			r := troupe.SpawnLink(self, func(self *troupe.Self[none]) error {
				self.Link(me)
				if !byParent {
					self.Unlink(me)
				}
				return failing[none](errBoom)(self)
			})
			synctest.Wait()
			if byParent {
				self.Unlink(r.PID())
			}
			r.Send(self, none{})
			wantReason(t, self, r.PID(), errBoom)
			wantNothing(t, self)
		})
	}
}

func TestG14_LinkToTheDead(t *testing.T) {
	dead := func(self *troupe.Self[none]) troupe.PID {
		r := troupe.Spawn(self, func(*troupe.Self[none]) error { return errOther })
		r.PID().Wait(self)
		return r.PID()
	}
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		self.TrapExit(true)
		for _, pid := range []troupe.PID{dead(self), {}, troupe.Named[int]("nobody").PID()} {
			self.Link(pid)
			wantEvent(t, self, troupe.Exit, pid, troupe.ErrNoProc)
		}
		pid := dead(self)
		r := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
			self.Link(pid)
			return until(self)
		})
		wantEvent(t, self, troupe.Down, r.PID(), troupe.ErrNoProc)
	})
}

func TestG14_LinkToOneselfIsNothing(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
			self.Link(self.PID())
			self.Unlink(self.PID())
			self.Link(self.PID())
			return errBoom
		})
		wantEvent(t, self, troupe.Down, r.PID(), errBoom)
		wantNothing(t, self)
	})
}

func TestG14_UnlinkTakesBackAnExitInTheMailbox(t *testing.T) {
	for _, many := range []int{0, 1, 3, 4, 500} {
		play(t, func(t *testing.T, self *troupe.Self[int]) {
			self.TrapExit(true)
			var pids []troupe.PID
			for range 3 {
				r := troupe.SpawnLink(self, failing[none](errBoom))
				r.Send(self, none{})
				pids = append(pids, r.PID())
				synctest.Wait() // the Exit lies in the mailbox
				for i := range many {
					self.Ref().Send(self, i)
				}
			}
			if many > 0 {
				self.ReceiveFunc(func(m troupe.Message[int]) bool { return m.Event == troupe.Sent })
				self.Ref().Send(self, -1)
			}
			self.Unlink(pids[0])
			self.Unlink(pids[2])
			exits := 0
			for m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout; m = self.Receive(troupe.After(0)) {
				if m.Event == troupe.Exit {
					exits++
					wantMessage(t, m, troupe.Exit, pids[1], errBoom)
				}
			}
			if exits != 1 {
				t.Errorf("%d exits came with %d bodies between them, want 1", exits, many)
			}
		})
	}
}

// Unlink undoes a link, not an exit signal that the other sent by itself.
func TestG14_UnlinkLeavesOtherExitsAlone(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		self.TrapExit(true)
		me := self.PID()
		r := troupe.Spawn(self, func(self *troupe.Self[none]) error {
			me.Exit(self, errOther)
			return errBoom
		}, troupe.Linked())
		synctest.Wait()
		self.Unlink(r.PID())
		wantEvent(t, self, troupe.Exit, r.PID(), errOther)
		wantNothing(t, self)
	})
}

func TestG14_UnlinkByName(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		self.TrapExit(true)
		r := troupe.Spawn(self, failing[none](errBoom), troupe.Name("x"))
		name := troupe.Named[none]("x").PID()
		self.Link(name)
		r.Send(self, none{})
		synctest.Wait() // nobody has the name any more
		self.Unlink(name)
		wantNothing(t, self)
		self.Link(name)
		self.Unlink(name)
		wantNothing(t, self)
	})
}

// A link made while the other end dies yields one Exit: with the reason of the
// end, or ErrNoProc when the end came first.
func TestBadDay_LinkWhileTheOtherEndDies(t *testing.T) {
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		self.TrapExit(true)
		ctx := self.Node().Context(context.Background())
		for range 1000 {
			r := troupe.Spawn(self, sink[none])
			var killed sync.WaitGroup
			killed.Go(func() { r.PID().Kill(ctx) })
			self.Link(r.PID())
			m := self.Receive()
			if m.Event != troupe.Exit || m.From != r.PID() || m.Reason != troupe.ErrKilled && m.Reason != troupe.ErrNoProc {
				t.Fatalf("got %v, want an Exit of %v", m, r)
			}
			killed.Wait()
			if m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout {
				t.Fatalf("one too many: %v", m)
			}
		}
	})
}

// Two that link each other at the same moment, while others do the same.
func TestStorm_LinksFromAllSides(t *testing.T) {
	const many, rounds = 8, 200
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		pids := make(chan []troupe.PID)
		var all []troupe.PID
		for range many {
			r := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
				others := <-pids
				for i := range rounds {
					self.Link(others[i%many])
					self.Unlink(others[(i+3)%many])
				}
				for _, pid := range others {
					self.Link(pid)
				}
				return until(self)
			})
			all = append(all, r.PID())
		}
		for range many {
			pids <- all
		}
		all[0].Exit(self, errBoom)
		for range many {
			if m := self.Receive(); m.Event != troupe.Down {
				t.Errorf("got %v", m)
			}
		}
	})
}

// Nodes number their processes alike; a link between two of them must not make
// them wait for each other.
func TestStorm_LinksBetweenNodes(t *testing.T) {
	pids := [2]chan troupe.PID{make(chan troupe.PID, 1), make(chan troupe.PID, 1)}
	var nodes sync.WaitGroup
	for i := range 2 {
		nodes.Go(func() {
			stage(t, func(t *testing.T, self *troupe.Self[none]) {
				self.TrapExit(true) // the other node may end first
				pids[i] <- self.PID()
				other := <-pids[1-i]
				for range 2000 {
					self.Link(other)
					self.Unlink(other)
				}
			})
		})
	}
	nodes.Wait()
}
