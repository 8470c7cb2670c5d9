package child

import (
	"errors"
	"io"
	"os"
	"time"
)

const (
	// maxTail is how much of the last standard error is kept, in bytes: enough for most
	// crashes. maxSaid is how much of it is told if there was none.
	maxTail = 64 << 10
	maxSaid = 4 << 10
	// lingering is how long output is waited for after the end of a child, when somebody
	// else, such as a child of the child, has the pipe open.
	lingering = 100 * time.Millisecond
	// maxPipe is the largest a pipe can be: what is read at most of one that others still
	// write to, after its child has ended.
	maxPipe = 1 << 20
)

// An output reads what a child writes, so that the child never has to wait long.
type output struct {
	r     *os.File
	to    io.Writer
	flush func()
	tail  []byte
	keep  bool
	done  chan struct{}
}

// openOutput returns the file that is to be the child's, whether it is to be closed here
// when the child has it, and the output that reads from it, if any.
func openOutput(o Output, inherited *os.File, keep bool) (f *os.File, closing bool, out *output, err error) {
	switch {
	case o.File != nil:
		return o.File, false, nil, nil
	case o.Discard:
		f, err = os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		return f, true, nil, err
	case o.Sink == nil && o.Open == nil:
		return inherited, false, nil, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, false, nil, err
	}
	out = &output{r: r, to: o.Sink, keep: keep, done: make(chan struct{})}
	if o.Open != nil {
		out.to, out.flush = o.Open()
	}
	return w, true, out, nil
}

// read runs in a goroutine until finish.
func (o *output) read() {
	defer close(o.done)
	b := make([]byte, 32<<10)
	for {
		n, err := o.r.Read(b)
		o.take(b[:n])
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				o.rest(b)
			}
			break
		}
	}
	if o.flush != nil {
		o.flush()
	}
}

// rest reads what is there, now that the child has ended, and does not wait for others
// who have the pipe open too.
func (o *output) rest(b []byte) {
	for total := 0; total < maxPipe; {
		n := readNow(o.r, b)
		if n <= 0 {
			return
		}
		o.take(b[:n])
		total += n
	}
}

// take hands b over. A sink that fails gets no more, but the child goes on.
func (o *output) take(b []byte) {
	if len(b) == 0 {
		return
	}
	if o.keep {
		if o.tail = append(o.tail, b...); len(o.tail) > 2*maxTail {
			o.tail = append(o.tail[:0], o.tail[len(o.tail)-maxTail:]...)
		}
	}
	if _, err := o.to.Write(b); err != nil {
		o.to = io.Discard
	}
}

// finish is called after the child's end. It returns the last of what was written.
func (o *output) finish() string {
	_ = o.r.SetReadDeadline(time.Now().Add(lingering))
	<-o.done
	o.r.Close()
	return string(o.tail[max(0, len(o.tail)-maxTail):])
}
