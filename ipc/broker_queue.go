package ipc

import (
	"bytes"
	"errors"
	"slices"

	"github.com/troupe-go/troupe/internal/wire"
)

// A queueObject is a queue of messages, with leases or without.
type queueObject struct {
	line   line
	limits queueLimits
	leases bool
	closed bool
	bytes  int
	items  []*item
	leased map[uint64]*item
	last   uint64
}

// An item is a message in a queue.
type item struct {
	body  []byte
	files []int
	count int // how many times it has been delivered
	to    *session
}

func (i *item) close() { (&wire.Decoder{Files: i.files}).Close() }

func newQueueObject(d *wire.Decoder, leases bool) (object, error) {
	items, err1 := d.Uint()
	n, err2 := d.Uint()
	if errors.Join(err1, err2) != nil || items < 1 || items > maxBody || n < 1 || n > maxBody {
		return nil, wire.ErrMalformed
	}
	return &queueObject{limits: queueLimits{int(items), int(n)}, leases: leases, leased: make(map[uint64]*item)}, nil
}

func (o *queueObject) do(c *call) error {
	switch c.op {
	case opPut:
		return o.put(c)
	case opGet:
		return o.get(c)
	case opReady:
		return c.until(&o.line, func() bool { return len(o.items) > 0 || o.ended() })
	case opControl:
		return o.control(c)
	case opSettle:
		return o.settle(c)
	case opJoin:
		return c.until(&o.line, func() bool { return len(o.items)+len(o.leased) == 0 })
	}
	return c.errOperation(kindQueue)
}

// ended says that nothing will come any more: tasks may come back as long as some are leased.
func (o *queueObject) ended() bool { return o.closed && len(o.leased) == 0 }

func (o *queueObject) put(c *call) error {
	n := len(c.args.Bytes)
	room := func() bool {
		return o.closed || len(o.items) < o.limits.items && (o.bytes+n <= o.limits.bytes || len(o.items) == 0)
	}
	if err := c.until(&o.line, room); err != nil {
		return err
	}
	if o.closed {
		return ErrClosed
	}
	files, err := c.takeFiles()
	if err != nil {
		return err
	}
	o.items = append(o.items, &item{body: bytes.Clone(c.args.Bytes), files: files})
	o.bytes += n
	o.line.wake()
	return nil
}

// get answers with the lease, the number of deliveries and the message.
func (o *queueObject) get(c *call) error {
	if err := c.until(&o.line, func() bool { return len(o.items) > 0 || o.ended() }); err != nil {
		return err
	}
	if len(o.items) == 0 {
		return ErrClosed
	}
	i := o.items[0]
	files := i.files
	if o.leases {
		var err error
		if files, err = copyFiles(files); err != nil {
			return err
		}
		o.last++
		o.leased[o.last] = i
		i.to = c.s
	}
	o.items[0] = nil
	o.items = o.items[1:]
	o.bytes -= len(i.body)
	i.count++
	c.answer.Uint(o.last)
	c.answer.Uint(uint64(i.count))
	c.answer.Bytes = append(c.answer.Bytes, i.body...)
	c.answer.Files = files
	o.line.wake()
	return nil
}

func (o *queueObject) control(c *call) error {
	end, err := c.args.Uint()
	if err != nil {
		return err
	}
	if end == 1 && !o.closed {
		o.closed = true
		o.line.wake()
	}
	closed := uint64(0)
	if o.closed {
		closed = 1
	}
	c.answer.Uint(uint64(len(o.items)))
	c.answer.Uint(uint64(len(o.items) + len(o.leased)))
	c.answer.Uint(closed)
	return nil
}

// settle ends a lease.
func (o *queueObject) settle(c *call) error {
	lease, err1 := c.args.Uint()
	done, err2 := c.args.Uint()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	i := o.leased[lease]
	if i == nil || i.to != c.s {
		return ErrNotOwner
	}
	delete(o.leased, lease)
	if done == 1 {
		i.close()
	} else {
		o.again(i, len(o.items))
	}
	o.line.wake()
	return nil
}

// again puts an item back.
func (o *queueObject) again(i *item, at int) {
	i.to = nil
	o.items = slices.Insert(o.items, at, i)
	o.bytes += len(i.body)
}

func (o *queueObject) leave(s *session) {
	var back []uint64
	for lease, i := range o.leased {
		if i.to == s {
			back = append(back, lease)
		}
	}
	slices.Sort(back)
	for _, lease := range slices.Backward(back) {
		o.again(o.leased[lease], 0) // in front of all others
		delete(o.leased, lease)
	}
	o.line.wake()
}

func (o *queueObject) remove() {
	for _, i := range o.items {
		i.close()
	}
	for _, i := range o.leased {
		i.close()
	}
	o.items, o.leased = nil, nil
}
