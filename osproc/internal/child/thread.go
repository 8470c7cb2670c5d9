package child

import (
	"runtime"
	"sync"
)

// The signal that a child gets when its parent dies follows the thread that started the
// child, not the process: when that thread ends, the child is killed. So one thread starts
// all children. It stays as long as any of them lives.
var thread struct {
	sync.Mutex
	users int
	work  chan func()
}

// holdThread keeps the thread until releaseThread, and starts it if there is none.
func holdThread() {
	thread.Lock()
	defer thread.Unlock()
	if thread.users++; thread.users == 1 {
		work := make(chan func())
		thread.work = work
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread() // an ending locked goroutine would end its thread
			for f := range work {
				f()
			}
		}()
	}
}

func releaseThread() {
	thread.Lock()
	defer thread.Unlock()
	if thread.users--; thread.users == 0 {
		close(thread.work)
		thread.work = nil
	}
}

// onThread runs f on the thread, which the caller holds, and waits for it.
func onThread(f func()) {
	thread.Lock()
	work := thread.work
	thread.Unlock()
	done := make(chan struct{})
	work <- func() { f(); close(done) }
	<-done
}
