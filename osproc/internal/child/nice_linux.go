package child

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// renice adds to the niceness of a process. On Linux each thread has its own, and a new
// thread begins with that of the thread that made it; so it goes on until a whole round
// found nothing left to do.
func renice(pid, add int) error {
	own, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return err
	}
	want := min(max(20-own+add, -20), 19) // the system call returns 20 less the niceness
	for {
		changed, err := reniceThreads(pid, want)
		if err != nil || !changed {
			return err
		}
	}
}

func reniceThreads(pid, want int) (changed bool, err error) {
	threads, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		return false, nil // it has ended already
	}
	for _, t := range threads {
		id, _ := strconv.Atoi(t.Name())
		has, err := unix.Getpriority(unix.PRIO_PROCESS, id)
		if err != nil || 20-has == want {
			continue
		}
		if err := unix.Setpriority(unix.PRIO_PROCESS, id, want); err != nil && err != unix.ESRCH {
			return false, err
		}
		changed = true
	}
	return changed, nil
}
