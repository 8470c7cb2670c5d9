package ipc

import (
	"errors"
	"slices"

	"github.com/troupe-go/troupe/internal/wire"
)

// A tableObject is rows by key: a Map, or a Variable, which is one row with an empty key. Keys
// are encoded values. A row's version is never the same again, and never 0.
type tableObject struct {
	rows  map[string]*row
	last  uint64
	board *board
	word  uint64 // on the board; 0 for none
}

func (o *tableObject) changed() {
	if o.word != 0 {
		o.board.change(o.word)
	}
}

type row struct {
	blob
	version uint64
}

// newTable makes a table. Behind the parameters of the call may stand its first row.
func newTable(c *call) (object, error) {
	o := &tableObject{rows: make(map[string]*row)}
	if len(c.args.Bytes) > 0 {
		b, err := c.keepBlob()
		if err != nil {
			return nil, err
		}
		o.set("", b)
	}
	return o, nil
}

func (o *tableObject) do(c *call) error {
	switch c.op {
	case opState:
		c.answer.Uint(uint64(len(o.rows)))
		return nil
	case opAll:
		c.answer.Uint(uint64(len(o.rows)))
		for key, r := range o.rows {
			c.answer.Text(key)
			if err := r.putCopy(&c.answer); err != nil {
				return err
			}
		}
		return nil
	case opClear:
		o.clear()
		return nil
	}
	key, err := c.args.Text()
	if err != nil {
		return err
	}
	switch c.op {
	case opLoad:
		return o.load(c, key)
	case opStore:
		return o.store(c, key)
	case opDelete:
		return o.delete(c, key)
	}
	return c.errOperation(kindTable)
}

// load answers with the version, and the value if there is one; and for a variable with its word
// on the board.
func (o *tableObject) load(c *call, key string) error {
	r := o.rows[key]
	if r == nil {
		c.answer.Uint(0)
		return nil
	}
	c.answer.Uint(r.version)
	err := r.putCopy(&c.answer)
	o.show(c, key)
	return err
}

// show adds to the answer about a variable which word of the board is its, and what that shows.
func (o *tableObject) show(c *call, key string) {
	if c.s.board == nil || key != "" {
		return
	}
	if o.word == 0 {
		o.board, o.word = c.s.board, c.s.board.take()
	}
	c.answer.Uint(o.word)
	c.answer.Uint(o.board.show(o.word))
}

// How a store depends on what is there.
const (
	storeAlways = iota
	storeIf     // the version is the one that comes with it; 0 is for nothing there
)

// store answers with the new version; errConflict says that the row has another version.
func (o *tableObject) store(c *call, key string) error {
	how, err1 := c.args.Uint()
	version, err2 := c.args.Uint()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	now := uint64(0)
	if r := o.rows[key]; r != nil {
		now = r.version
	}
	if how == storeIf && version != now {
		return errConflict
	}
	b, err := c.keepBlob()
	if err != nil {
		return err
	}
	c.answer.Uint(o.set(key, b))
	o.show(c, key)
	return nil
}

func (o *tableObject) set(key string, b blob) (version uint64) {
	if old := o.rows[key]; old != nil {
		old.close()
	}
	o.last++
	o.rows[key] = &row{b, o.last}
	o.changed()
	return o.last
}

// delete answers with what was there, as load does.
func (o *tableObject) delete(c *call, key string) error {
	r := o.rows[key]
	if r == nil {
		c.answer.Uint(0)
		return nil
	}
	delete(o.rows, key)
	o.changed()
	c.answer.Uint(r.version)
	r.put(&c.answer)
	return nil
}

func (o *tableObject) leave(*session) {}

func (o *tableObject) remove() {
	o.clear()
	if o.word != 0 {
		o.board.giveBack(o.word)
		o.word = 0
	}
}

func (o *tableObject) clear() {
	for _, r := range o.rows {
		r.close()
	}
	clear(o.rows)
	o.changed()
}

// A listObject is values in order.
type listObject struct {
	items   []blob
	version uint64
}

func (o *listObject) do(c *call) error {
	switch c.op {
	case opState:
		c.answer.Uint(uint64(len(o.items)))
		return nil
	case opAll:
		c.answer.Uint(o.version)
		return answerBlobs(c, o.items)
	case opStore:
		return o.replace(c)
	case opLoad, opSet, opInsert, opDelete:
	default:
		return c.errOperation(kindList)
	}
	from, err1 := c.args.Uint()
	to, err2 := c.args.Uint()
	n := uint64(len(o.items))
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if c.op == opInsert && from > n {
		from, to = n, n
	}
	if from > to || to > n {
		return ErrNotFound
	}
	if c.op == opLoad {
		return answerBlobs(c, o.items[from:to])
	}
	return o.change(c, int(from), int(to))
}

// change replaces a part by what comes with the call. opDelete answers with the part.
func (o *listObject) change(c *call, from, to int) error {
	items, err := keepBlobs(c)
	if err != nil {
		return err
	}
	old := slices.Clone(o.items[from:to])
	o.items = slices.Replace(o.items, from, to, items...)
	o.version++
	if c.op == opDelete {
		c.answer.Uint(uint64(len(old)))
		for i := range old {
			old[i].put(&c.answer)
		}
		return nil
	}
	for i := range old {
		old[i].close()
	}
	c.answer.Uint(uint64(len(o.items)))
	return nil
}

// replace replaces everything, if nobody has changed the list since a version.
func (o *listObject) replace(c *call) error {
	version, err := c.args.Uint()
	if err != nil {
		return err
	}
	if version != o.version {
		return errConflict
	}
	items, err := keepBlobs(c)
	if err != nil {
		return err
	}
	o.remove()
	o.items = items
	o.version++
	return nil
}

func answerBlobs(c *call, items []blob) error {
	c.answer.Uint(uint64(len(items)))
	for i := range items {
		if err := items[i].putCopy(&c.answer); err != nil {
			return err
		}
	}
	return nil
}

// keepBlobs takes a number and as many blobs.
func keepBlobs(c *call) (items []blob, err error) {
	n, err := c.args.Uint()
	if err != nil || n > uint64(len(c.args.Bytes)) {
		return nil, wire.ErrMalformed
	}
	for range n {
		b, err := c.keepBlob()
		if err != nil {
			for i := range items {
				items[i].close()
			}
			return nil, err
		}
		items = append(items, b)
	}
	return items, nil
}

func (o *listObject) leave(*session) {}

func (o *listObject) remove() {
	for i := range o.items {
		o.items[i].close()
	}
	o.items = nil
}
