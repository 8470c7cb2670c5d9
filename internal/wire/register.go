package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// types are the types that can travel inside interfaces, by name and by type. It
// is a registry of the whole program.
var types struct {
	sync.Mutex
	byName sync.Map // string → *registered
	byType sync.Map // reflect.Type → *registered
}

type registered struct {
	name string
	typ  reflect.Type
	code byte // of a basic type; 0 if it travels by its name
}

// Register makes values of type T able to travel inside interfaces, under a name
// that must be the same on both sides; it does the same for *T, unless T is a
// pointer. Types that have no name in common use should be registered by the
// package that has them, in the declaration of a variable or in init, before
// anything is sent. Registering the same again is nothing; giving a name to
// another type, or a type another name, panics.
func Register[T any](name string) {
	t := reflect.TypeFor[T]()
	if t.Kind() == reflect.Interface {
		panic(fmt.Sprintf("wire: Register[%s]: an interface type; register the types that will be in it", t))
	}
	register(name, t)
	if t.Kind() != reflect.Pointer {
		register("*"+name, reflect.PointerTo(t))
	}
}

func register(name string, t reflect.Type) {
	types.Lock()
	defer types.Unlock()
	r := &registered{name: name, typ: t}
	old, taken := types.byName.Load(name)
	if !taken {
		old, taken = types.byType.Load(t)
	}
	if !taken {
		types.byName.Store(name, r)
		types.byType.Store(t, r)
		return
	}
	if o := old.(*registered); o.typ != t || o.name != name {
		panic(fmt.Sprintf("wire: Register: %s as %q, but %s is registered as %q; choose another name", t, name, o.typ, o.name))
	}
}

// basics are the types that can always travel inside interfaces. Their place in
// the list is their code, so new ones go to its end.
var basics = sync.OnceValue(func() (b struct {
	list   []*registered
	byType map[reflect.Type]*registered
}) {
	b.list = make([]*registered, firstBasic)
	b.byType = make(map[reflect.Type]*registered)
	for _, t := range []reflect.Type{
		reflect.TypeFor[bool](), reflect.TypeFor[string](), reflect.TypeFor[[]byte](),
		reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
		reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
		reflect.TypeFor[uintptr](), reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[complex64](), reflect.TypeFor[complex128](),
		reflect.TypeFor[[]any](), reflect.TypeFor[map[string]any](), reflect.TypeFor[map[any]any](), reflect.TypeFor[map[string]string](),
		reflect.TypeFor[[]string](), reflect.TypeFor[[]int](), reflect.TypeFor[[]int64](), reflect.TypeFor[[]float64](), reflect.TypeFor[[]error](),
		reflect.TypeFor[struct{}](), reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](), reflect.TypeFor[*os.File](),
		reflect.TypeFor[syscall.Errno](), reflect.TypeFor[syscall.Signal](),
	} {
		r := &registered{typ: t, name: t.String(), code: byte(len(b.list))}
		b.list = append(b.list, r)
		b.byType[t] = r
	}
	return b
})

func typeKnown(t reflect.Type) (*registered, bool) {
	if r, ok := basics().byType[t]; ok {
		return r, true
	}
	if r, ok := types.byType.Load(t); ok {
		return r.(*registered), true
	}
	return nil, false
}

// sentinels are the errors that keep their identity. It is a registry of the whole
// program; the table is replaced when one is added, so that it is read without a
// lock.
var sentinels struct {
	adding sync.Mutex
	atomic.Pointer[sentinelTable]
}

type sentinelTable struct {
	names  []string // in order of registration
	byName map[string]error
}

// knownErrors returns the table of sentinels, which must not be changed.
func knownErrors() *sentinelTable {
	if t := sentinels.Load(); t != nil {
		return t
	}
	t := &sentinelTable{byName: make(map[string]error)}
	for _, s := range []struct {
		name string
		err  error
	}{
		{"io.EOF", io.EOF}, {"io.ErrUnexpectedEOF", io.ErrUnexpectedEOF}, {"io.ErrClosedPipe", io.ErrClosedPipe},
		{"context.Canceled", context.Canceled}, {"context.DeadlineExceeded", context.DeadlineExceeded},
		{"fs.ErrNotExist", fs.ErrNotExist}, {"fs.ErrExist", fs.ErrExist}, {"fs.ErrPermission", fs.ErrPermission},
		{"fs.ErrInvalid", fs.ErrInvalid}, {"fs.ErrClosed", fs.ErrClosed},
		{"os.ErrDeadlineExceeded", os.ErrDeadlineExceeded}, {"os.ErrProcessDone", os.ErrProcessDone},
		{"errors.ErrUnsupported", errors.ErrUnsupported},
		{"wire.ErrMalformed", ErrMalformed}, {"wire.ErrTooDeep", ErrTooDeep}, {"wire.ErrNoFile", ErrNoFile},
		{"wire.ErrFilesLost", ErrFilesLost}, {"wire.ErrClosed", ErrClosed},
	} {
		t.names = append(t.names, s.name)
		t.byName[s.name] = s.err
	}
	sentinels.CompareAndSwap(nil, t)
	return sentinels.Load()
}

// RegisterError makes err keep its identity when it travels, by itself or in the
// chain of another: errors.Is on the other side finds the error that is registered
// there under the same name. Registering the same again is nothing; giving a name
// to another error panics.
func RegisterError(name string, err error) {
	if !reflect.TypeOf(err).Comparable() {
		panic(fmt.Sprintf("wire: RegisterError(%q): a %T cannot be compared; use a pointer, as errors.New does", name, err))
	}
	sentinels.adding.Lock()
	defer sentinels.adding.Unlock()
	t := knownErrors()
	if old, taken := t.byName[name]; taken {
		if old != err { //nolint:errorlint // the very same
			panic(fmt.Sprintf("wire: RegisterError(%q): the name is taken by %q; choose another", name, old))
		}
		return
	}
	t = &sentinelTable{names: append(slices.Clip(t.names), name), byName: maps.Clone(t.byName)}
	t.byName[name] = err
	sentinels.Store(t)
}
