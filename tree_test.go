package troupe_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// The tree of who spawned whom: paths, parents, children, orphans.

func web(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func cart(self *troupe.Self[none]) error { return until(self) }

func TestTree_Paths(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		paths := make(chan string, 10)
		shop := troupe.Spawn(self, func(self *troupe.Self[none]) error {
			paths <- troupe.Spawn(self, cart, troupe.Name("cart")).PID().Path()
			unnamed := troupe.Spawn(self, func(self *troupe.Self[none]) error {
				paths <- self.Path()
				paths <- troupe.Spawn(self, cart, troupe.Name("deep")).PID().Path()
				return until(self)
			})
			_ = unnamed
			synctest.Wait()
			paths <- troupe.Spawn(self, cart).PID().Path()
			return until(self)
		}, troupe.Name("shop"))
		for _, want := range []string{"/shop/cart", "/shop/TestTree_Paths.func1.1.1.4", "/shop/TestTree_Paths.func1.1.1.4/deep", "/shop/cart.6"} {
			if got := <-paths; got != want {
				t.Errorf("the path is %s, want %s", got, want)
			}
		}
		if self.Path() != "/" || shop.PID().Path() != "/shop" {
			t.Errorf("the root has the path %s, the shop %s", self.Path(), shop.PID().Path())
		}
		if got := troupe.Named[int]("a/b").PID().Path(); got != "a/b" {
			t.Errorf("a name has the path %s", got)
		}
		if self.Parent() != (troupe.PID{}) {
			t.Errorf("the root has the parent %v", self.Parent())
		}
	})
}

func TestTree_Children(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		var want []troupe.PID
		for i := range 5 {
			var pid troupe.PID
			if i%2 == 0 {
				pid = troupe.Spawn(self, cart).PID()
			} else {
				pid = troupe.SpawnHandler(self, parts[none]{}).PID()
			}
			want = append(want, pid)
		}
		for _, end := range []int{2, 0, 2, 0, 0} { // the middle, the oldest, the newest …
			newest := slices.Clone(want)
			slices.Reverse(newest)
			if got := self.Children(); !slices.Equal(got, newest) {
				t.Errorf("the children are %v, want %v", got, newest)
			}
			want[end].Kill(self)
			synctest.Wait()
			want = slices.Delete(want, end, end+1)
		}
		if got := self.Children(); len(got) != 0 {
			t.Errorf("the children are %v, want none", got)
		}
	})
}

func TestTree_OrphansAreTheRoots(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		kids := make(chan troupe.PID, 2)
		parent := troupe.Spawn(self, func(self *troupe.Self[none]) error {
			for _, name := range []string{"a", "b"} {
				kids <- troupe.Spawn(self, func(self *troupe.Self[none]) error {
					parent := self.Parent()
					troupe.Spawn(self, cart, troupe.Name("grandchild"))
					next(t, self)
					if self.Parent() == parent || self.Parent() != rootOf(self) {
						t.Errorf("the orphan's parent is %v", self.Parent())
					}
					return until(self)
				}, troupe.Name(name)).PID()
			}
			return until(self)
		}, troupe.Name("parent"))
		a, b := <-kids, <-kids
		if got := a.Path(); got != "/parent/a" {
			t.Errorf("the path is %s", got)
		}
		synctest.Wait()
		parent.PID().Kill(self)
		synctest.Wait()
		for _, orphan := range []troupe.PID{a, b} {
			r, _ := troupe.RefOf[none](orphan)
			if r.Send(self, none{}) != nil {
				t.Error("the child ended with its parent though they were not linked")
			}
		}
		synctest.Wait()
		if got := a.Path(); got != "/a" {
			t.Errorf("the orphan's path is %s, want /a", got)
		}
		if got := self.Children(); len(got) != 2 || !slices.Contains(got, a) || !slices.Contains(got, b) {
			t.Errorf("the root's children are %v, want %v and %v", got, a, b)
		}
		if _, ok := self.Node().Whereis("parent/a/grandchild"); !ok {
			t.Error("the grandchild has lost its name")
		}
	})
}

// A child whose parent dies while it is being spawned is an orphan or never ran.
func TestTree_SpawnWhileTheParentDies(t *testing.T) {
	for range 40 {
		stage(t, func(t *testing.T, self *troupe.Self[none]) {
			ctx := self.Node().Context(context.Background())
			started := make(chan none)
			parent := troupe.Spawn(self, func(self *troupe.Self[none]) error {
				close(started)
				for self.Err() == nil {
					troupe.Spawn(self, cart)
				}
				return nil
			})
			<-started
			var killer sync.WaitGroup
			killer.Go(func() { parent.PID().Kill(ctx) })
			killer.Wait()
			parent.PID().Wait(self)
			for _, pid := range self.Children() {
				if pid == parent.PID() {
					t.Error("the dead parent is still in the tree")
				}
			}
		})
	}
}

func TestTree_Processes(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		a := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			self.Register("second")
			self.Monitor(self.Parent())
			h := troupe.SpawnHandler(self, troupe.Handler[int](parts[int]{}), troupe.Linked(), troupe.Name("h"))
			_ = h
			<-self.Done()
			time.Sleep(time.Second)
			return nil
		}, troupe.Name("a"), troupe.Bounded(2, troupe.DropNewest))
		synctest.Wait()
		for i := range 5 {
			a.Send(self, i)
		}
		infos := self.Node().Processes()
		if len(infos) != 3 || self.Node().Len() != 3 {
			t.Fatalf("%d processes, want 3: %v", len(infos), infos)
		}
		root, i, h := infos[0], infos[1], infos[2]
		if root.PID != self.PID() || root.Path != "/" || root.Parent != (troupe.PID{}) {
			t.Errorf("the root is %+v", root)
		}
		if i.PID != a.PID() || i.Path != "/a" || i.Parent != self.PID() || i.Handler || i.Ending || i.Waiting != 2 || i.Dropped != 3 ||
			!slices.Equal(i.Names, []string{"a", "second"}) || !slices.Equal(i.Links, []troupe.PID{h.PID}) || !slices.Equal(i.Monitors, []troupe.PID{self.PID()}) {
			t.Errorf("a is %+v", i)
		}
		if h.Path != "/a/h" || !h.Handler || h.Parent != a.PID() || !slices.Equal(h.Links, []troupe.PID{a.PID()}) || h.OSProcess == 0 {
			t.Errorf("h is %+v", h)
		}
		a.PID().Exit(self, errBoom)
		if i := self.Node().Processes()[1]; !i.Ending {
			t.Errorf("a was told to end: %+v", i)
		}
	})
}
