package troupe_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// Handlers, Bodies, and becoming ready.

func TestHandler_InitHandleTerminate(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(self *troupe.Self[none], r troupe.Ref[string])
		want string
	}{
		"stop":   {func(self *troupe.Self[none], r troupe.Ref[string]) { r.Send(self, "stop") }, "init a stop end:<nil>"},
		"error":  {func(self *troupe.Self[none], r troupe.Ref[string]) { r.Send(self, "error") }, "init a error end:boom"},
		"panic":  {func(self *troupe.Self[none], r troupe.Ref[string]) { r.Send(self, "panic") }, "init a panic end:panic: oh"},
		"goexit": {func(self *troupe.Self[none], r troupe.Ref[string]) { r.Send(self, "goexit") }, "init a goexit end:troupe: the body called runtime.Goexit"},
		"exit":   {func(self *troupe.Self[none], r troupe.Ref[string]) { r.PID().Exit(self, errOther) }, "init a end:other"},
		"kill":   {func(self *troupe.Self[none], r troupe.Ref[string]) { r.PID().Kill(self) }, "init a"},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				var log journal
				r := troupe.SpawnHandler(self, parts[string]{
					init: func(*troupe.Self[string]) error { log.add("init"); return nil },
					handle: func(_ *troupe.Self[string], m troupe.Message[string]) error {
						log.add(m.Body)
						switch m.Body {
						case "stop":
							return troupe.Stop
						case "error":
							return errBoom
						case "panic":
							panic("oh")
						case "goexit":
							runtime.Goexit()
						}
						return nil
					},
					terminate: func(_ *troupe.Self[string], reason error) {
						if troupe.IsNormal(reason) {
							reason = nil
						}
						if reason == nil {
							log.add("end:<nil>")
						} else {
							log.add("end:" + reason.Error())
						}
					},
				})
				r.Send(self, "a")
				synctest.Wait()
				c.end(self, r)
				r.Send(self, "late")
				r.PID().Wait(self)
				log.want(t, c.want)
			})
		})
	}
}

// Terminate belongs to a handler whose Init was called, even in vain.
func TestHandler_NoTerminateWithoutInit(t *testing.T) {
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		for range 1000 {
			inited := false
			r := troupe.SpawnHandler(self, parts[int]{
				init: func(*troupe.Self[int]) error { inited = true; return nil },
				terminate: func(*troupe.Self[int], error) {
					if !inited {
						t.Error("Terminate was called, Init was not")
					}
				},
			})
			r.PID().Exit(self, errBoom)
			wantErr(t, r.PID().Wait(self), errBoom)
		}
	})
}

// Mail that comes before Init has returned is handled after it.
func TestHandler_MailWaitsForInit(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		var log journal
		r := troupe.SpawnHandler(self, parts[string]{
			init: func(self *troupe.Self[string]) error {
				time.Sleep(time.Second)
				self.Ref().Send(self, "own")
				log.add("init")
				return nil
			},
			handle: func(_ *troupe.Self[string], m troupe.Message[string]) error { log.add(m.Body); return nil },
		})
		r.Send(self, "early")
		time.Sleep(time.Minute)
		log.want(t, "init early own")
	})
}

func TestHandler_GetsSignals(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		var log journal
		victim := troupe.Spawn(self, until[none], troupe.Name("victim"))
		h := troupe.SpawnHandler(self, parts[int]{
			init: func(self *troupe.Self[int]) error {
				self.Monitor(victim.PID())
				self.Link(victim.PID())
				return nil
			},
			handle: func(_ *troupe.Self[int], m troupe.Message[int]) error { log.add(m.Event.String()); return nil },
		}, troupe.TrapExits())
		synctest.Wait()
		victim.PID().Kill(self)
		synctest.Wait()
		log.want(t, "exit down")
		if _, ended := h.PID().Ended(); ended {
			t.Error("the handler has ended")
		}
	})
}

// One message at a time, whoever sends.
func TestHandler_OneAtATime(t *testing.T) {
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		const senders, each = 4, 1000
		handled, inside := 0, false // not guarded: the race detector would tell
		h := troupe.SpawnHandler(self, handle(func(*troupe.Self[int], troupe.Message[int]) error {
			if inside {
				t.Error("two at a time")
			}
			inside = true
			handled++
			inside = false
			if handled == senders*each {
				return troupe.Stop
			}
			return nil
		}), troupe.Monitored())
		for range senders {
			troupe.Spawn(self, func(self *troupe.Self[none]) error {
				for i := range each {
					h.Send(self, i)
				}
				return nil
			})
		}
		wantMessage(t, self.Receive(), troupe.Down, h.PID(), nil)
	})
}

// Blocking calls work inside a handler as in any body.
func TestHandler_MayBlock(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, answer)
		var log journal
		h := troupe.SpawnHandler(self, handle(func(self *troupe.Self[string], m troupe.Message[string]) error {
			switch m.Body {
			case "receive":
				log.add("got:" + self.Receive().Body)
			case "timeout":
				log.add(self.Receive(troupe.After(time.Second)).Event.String())
			case "ask":
				if a, err := troupe.Ask(self, r, 1); a != 2 || err != nil {
					t.Errorf("Ask: %d, %v", a, err)
				}
				log.add("asked")
			case "wait":
				troupe.Spawn(self, func(*troupe.Self[none]) error { time.Sleep(time.Second); return nil }).PID().Wait(self)
				log.add("waited")
			case "mail":
				self.Ref().SendAfter(self, time.Second, "more")
				<-self.Mail()
				log.add("mail:" + self.Receive(troupe.After(0)).Body)
			default:
				log.add(m.Body)
			}
			return nil
		}))
		for _, s := range []string{"receive", "a", "b", "ask", "wait", "c"} {
			h.Send(self, s)
		}
		time.Sleep(time.Minute)
		h.Send(self, "timeout")
		time.Sleep(time.Minute)
		h.Send(self, "mail")
		time.Sleep(time.Minute)
		h.Send(self, "last")
		synctest.Wait()
		log.want(t, "got:a b asked waited c timeout mail:more last")
	})
}

func TestReady(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		var log journal
		ready := func(name string) troupe.SpawnOption { return troupe.OnReady(func() { log.add(name) }) }
		troupe.Spawn(self, func(self *troupe.Self[none]) error {
			time.Sleep(time.Second)
			self.Ready()
			self.Ready() // counts once
			return nil
		}, ready("function"))
		troupe.Spawn(self, func(self *troupe.Self[none]) error { return nil }, ready("never"))
		troupe.SpawnHandler(self, handle(func(*troupe.Self[int], troupe.Message[int]) error { return nil }), ready("handler"))
		log.want(t, "handler") // at once
		troupe.SpawnHandler(self, parts[int]{init: func(*troupe.Self[int]) error { time.Sleep(2 * time.Second); return nil }}, ready("init"))
		troupe.SpawnHandler(self, parts[int]{init: func(*troupe.Self[int]) error { return errBoom }}, ready("failed"))
		time.Sleep(time.Minute)
		log.want(t, "handler function init")
	})
}

func TestBody(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		made := 0
		function, handling := troupe.Function(answer), troupe.Handling(func() troupe.Handler[call] {
			made++
			return handle(func(self caller, m troupe.Message[call]) error { return m.Body.Reply(self, m.Body.Request+1) })
		})
		for _, b := range []troupe.Body{function, handling, function, handling} {
			r, err := troupe.RefOf[call](b.Spawn(self, troupe.Linked()))
			wantErr(t, err, nil)
			if a, err := troupe.Ask(self, r, 1); a != 2 || err != nil {
				t.Errorf("got %d, %v", a, err)
			}
		}
		if made != 2 {
			t.Errorf("%d handlers were made for 2 starts", made)
		}
		service := troupe.Service(web)
		pid := service.Spawn(self, troupe.Name("web"))
		synctest.Wait()
		wantErr(t, pid.Shutdown(self, time.Second), troupe.ErrShutdown)
		if function.CallsReady() || service.CallsReady() || !handling.CallsReady() || !function.AwaitReady().CallsReady() || function.CallsReady() {
			t.Error("CallsReady is wrong")
		}
		if !(troupe.Body{}).IsZero() || function.IsZero() {
			t.Error("IsZero is wrong")
		}
		defer func() {
			if recover() == nil {
				t.Error("the zero Body was spawned")
			}
		}()
		troupe.Body{}.Spawn(self)
	})
}
