package ipc

import (
	"context"
	"errors"
	"reflect"
	"runtime"

	"github.com/troupe-go/troupe/internal/wire"
)

// Map is a map that a [Manager] keeps. Open one with [OpenMap]. Values are copied on their way
// in and out: to change one, set it again, or use [Map.Update].
//
// All methods may be called by any number of goroutines and processes. They return the
// context's cause if ctx ended first, and errors as in [Manager]; a value of another type, set
// by another program, is a [*TypeError].
type Map[K comparable, V any] struct{ proxy }

// OpenMap opens a map of m; see [Manager.Lock] for names.
func OpenMap[K comparable, V any](ctx context.Context, m *Manager, name string) (*Map[K, V], error) {
	keys, err := wire.For[K]()
	if err != nil {
		return nil, err
	}
	params := wire.Encoder{Bytes: []byte("map")}
	params.Uint(keys.Fingerprint())
	p, err := openProxy[V](ctx, m, kindTable, name, params.Bytes, nil)
	if err != nil {
		return nil, err
	}
	return &Map[K, V]{p}, nil
}

// key begins the arguments of a call with a key. Keys are the same bytes from every program that
// has the same type, which [OpenMap] has made sure of.
func (m *Map[K, V]) key(k K) (*wire.Encoder, error) {
	if m.r == nil {
		return nil, errUnopened
	}
	codec, err := codecFor[K](true)
	if err != nil {
		return nil, err
	}
	var inner wire.Encoder
	if err := codec.encode(&inner, k); err != nil {
		return nil, err
	}
	if len(inner.Files) > 0 {
		return nil, errors.New("ipc: " + reflect.TypeFor[K]().String() + " cannot be the key of a map: it brings open files")
	}
	args := m.args()
	args.Text(string(inner.Bytes))
	return args, nil
}

// Get returns the value of k, and whether there is one.
func (m *Map[K, V]) Get(ctx context.Context, k K) (v V, ok bool, err error) {
	v, version, err := m.get(ctx, opLoad, k)
	return v, version != 0, err
}

func (m *Map[K, V]) get(ctx context.Context, op byte, k K) (v V, version uint64, err error) {
	args, err := m.key(k)
	if err != nil {
		return v, 0, err
	}
	d, err := m.ask(ctx, op, args)
	if err != nil {
		return v, 0, err
	}
	return decodeRow[V](d)
}

// Set sets the value of k.
func (m *Map[K, V]) Set(ctx context.Context, k K, v V) error {
	return m.store(ctx, k, v, storeAlways, 0)
}

func (m *Map[K, V]) store(ctx context.Context, k K, v V, how, version uint64) error {
	args, err := m.key(k)
	if err != nil {
		return err
	}
	args.Uint(how)
	args.Uint(version)
	at := len(args.Bytes)
	if err := keepValue(args, m.r.link, v); err != nil {
		return err
	}
	d, err := m.ask(ctx, opStore, args)
	runtime.KeepAlive(&v)
	if err != nil {
		return err
	}
	if _, err := d.Uint(); err == nil && len(d.Bytes) > 0 { // of a variable
		b, err := takeBlob(&wire.Decoder{Bytes: args.Bytes[at:], Files: args.Files})
		if err == nil {
			m.r.keepCopy(b, d)
		}
	}
	return nil
}

// SetDefault sets the value of k to v unless it has one, and returns what it has then, and
// whether that was there before.
func (m *Map[K, V]) SetDefault(ctx context.Context, k K, v V) (now V, loaded bool, err error) {
	for {
		err := m.store(ctx, k, v, storeIf, 0)
		if !errors.Is(err, errConflict) {
			return v, false, err
		}
		if now, ok, err := m.Get(ctx, k); ok || err != nil {
			return now, ok, err
		}
	}
}

// Update sets the value of k to what f makes of it, and returns that. ok tells f whether there
// was a value. Nobody changes it in between: f may be called again for that, and must do nothing
// else.
func (m *Map[K, V]) Update(ctx context.Context, k K, f func(v V, ok bool) V) (V, error) {
	for {
		v, version, err := m.get(ctx, opLoad, k)
		if err != nil {
			return v, err
		}
		v = f(v, version != 0)
		if err := m.store(ctx, k, v, storeIf, version); !errors.Is(err, errConflict) {
			return v, err
		}
	}
}

// Delete deletes k, and returns the value that it had, and whether there was one.
func (m *Map[K, V]) Delete(ctx context.Context, k K) (v V, ok bool, err error) {
	v, version, err := m.get(ctx, opDelete, k)
	return v, version != 0, err
}

// Len returns how many keys there are.
func (m *Map[K, V]) Len(ctx context.Context) (int, error) { return m.count(ctx, opState, nil) }

// Clear deletes everything.
func (m *Map[K, V]) Clear(ctx context.Context) error {
	_, err := m.ask(ctx, opClear, nil)
	return err
}

// Copy returns all that is in the map at one moment.
func (m *Map[K, V]) Copy(ctx context.Context) (map[K]V, error) {
	d, err := m.ask(ctx, opAll, nil)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	n, err := d.Uint()
	if err != nil {
		return nil, err
	}
	keys, err := codecFor[K](true)
	if err != nil {
		return nil, err
	}
	all := make(map[K]V)
	for range n {
		text, err1 := d.Text()
		k, err2 := keys.decode(&wire.Decoder{Bytes: []byte(text)})
		b, err3 := takeBlob(d)
		if err := errors.Join(err1, err2, err3); err != nil {
			return nil, err
		}
		v, err := decodeValue[V](b)
		if err != nil {
			return nil, err
		}
		all[k] = v
	}
	return all, nil
}
