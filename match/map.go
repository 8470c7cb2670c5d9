package match

import (
	"reflect"
	"strings"
)

// Map returns the pattern for a map of type M that has every key named by the
// entries, with a value that fits the entry's pattern. The map may have more
// keys. Map[M]() is the pattern for every map of type M.
//
// M may be a map type, such as map[string]any, or any: then maps of every type
// fit, and the handler gets the map as an any. A map of type map[K]any or
// map[any]any, K being the type of the key looked for, is read without
// reflection; other maps need it. A map is handed out as it is, not copied.
//
// Map panics if M is neither a map type nor an interface type.
//
// It is paragram's rule for dictionaries.
func Map[M any](entries ...Entry) Pattern[M] {
	p := &mapPattern[M]{entries: entries}
	switch reflect.TypeFor[M]().Kind() {
	case reflect.Map:
	case reflect.Interface:
		p.open = true
	default:
		panic("match: Map[" + typeText[M]() + "]: the type is no map: use a map type, or any")
	}
	return p
}

// An Entry is what a [Map] pattern asks of one key; make it with [Key]. The zero
// Entry is found in no map.
type Entry struct {
	find  func(m any) (v any, found bool)
	value Matcher
	name  string
}

// Key returns the entry for a key and the pattern that its value must fit.
// [Any] asks only that the key is there. Keys are compared like other values of
// a Go map: their types count, and a key that cannot be compared is in no map.
// Key panics if value is nil.
func Key[K comparable](key K, value Matcher) Entry {
	mustMatch("Key", value)
	boxed := any(key)
	e := Entry{value: value, name: valueText(key)}
	if boxed != nil && !reflect.ValueOf(boxed).Comparable() {
		return Entry{name: e.name}
	}
	e.find = func(m any) (any, bool) {
		switch m := m.(type) {
		case map[K]any:
			v, found := m[key]
			return v, found
		case map[any]any:
			v, found := m[boxed]
			return v, found
		}
		return findByReflection(m, boxed)
	}
	return e
}

func (e *Entry) fits(m any) bool {
	if e.find == nil {
		return false
	}
	v, found := e.find(m)
	return found && e.value.Matches(v)
}

// findByReflection looks up a key, which can be compared, in a map of any type.
func findByReflection(m, key any) (any, bool) {
	rm := reflect.ValueOf(m)
	if rm.Kind() != reflect.Map {
		return nil, false
	}
	keyType, rk := rm.Type().Key(), reflect.ValueOf(key)
	if key == nil {
		if keyType.Kind() != reflect.Interface {
			return nil, false
		}
		rk = reflect.Zero(keyType)
	} else if !rk.Type().AssignableTo(keyType) {
		return nil, false
	}
	rv := rm.MapIndex(rk)
	if !rv.IsValid() {
		return nil, false
	}
	return rv.Interface(), true
}

type mapPattern[M any] struct {
	entries []Entry
	open    bool // M is an interface: being an M does not make a value a map
}

func (p *mapPattern[M]) Match(v any) (M, bool) {
	m, ok := v.(M)
	if !ok || !p.holds(v) {
		var none M
		return none, false
	}
	return m, true
}

func (p *mapPattern[M]) Matches(v any) bool {
	_, ok := v.(M)
	return ok && p.holds(v)
}

// holds reports whether v has the entries, and is a map if there are none to
// prove it.
func (p *mapPattern[M]) holds(v any) bool {
	for i := range p.entries {
		if !p.entries[i].fits(v) {
			return false
		}
	}
	return !p.open || len(p.entries) > 0 || reflect.ValueOf(v).Kind() == reflect.Map
}

func (p *mapPattern[M]) String() string {
	texts := make([]string, 0, len(p.entries)+1)
	for i := range p.entries {
		texts = append(texts, p.entries[i].name+": "+matcherText(p.entries[i].value))
	}
	return typeText[M]() + "{" + strings.Join(append(texts, "..."), ", ") + "}"
}
