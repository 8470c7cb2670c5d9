package match

import "reflect"

// Is returns the pattern for values of type T that equal want. Types count: 1
// does not fit Is(int64(1)), and a string does not fit an Is of a defined string
// type. NaN equals nothing. If T is an interface type, a value fits if it
// implements T and equals want; nil fits if want is nil.
//
// A value that cannot be compared, such as a slice, a function, or a struct that
// holds a map behind an interface, equals nothing; comparing it never panics.
// Compare such values with [Where].
//
// It is paragram's rule for literals. There 1, 1.0 and True are equal.
func Is[T comparable](want T) Pattern[T] {
	p := &isPattern[T]{want: want, how: byOperator}
	switch v := any(want); {
	case v == nil:
		p.how = byNil
	case alwaysComparable(reflect.TypeFor[T]()):
	case reflect.ValueOf(v).Comparable():
		p.how = byCheck
	default:
		p.how = never
	}
	return p
}

type isPattern[T comparable] struct {
	want T
	how  equality
}

// An equality is the way in which a value is compared with the one wanted.
type equality uint8

const (
	byOperator equality = iota // ==, which cannot panic for this type
	byCheck                    // == after a look at what the value holds
	byNil                      // the value wanted is nil
	never                      // the value wanted cannot be compared
)

func (p *isPattern[T]) Match(v any) (T, bool) {
	if p.how == byOperator {
		if x, ok := v.(T); ok && x == p.want {
			return x, true
		}
	} else if p.carefully(v) {
		x, _ := v.(T)
		return x, true
	}
	var none T
	return none, false
}

func (p *isPattern[T]) Matches(v any) bool {
	if p.how == byOperator {
		x, ok := v.(T)
		return ok && x == p.want
	}
	return p.carefully(v)
}

// carefully compares where == might panic. v is looked at before it is compared,
// because == panics for two slices behind an interface.
func (p *isPattern[T]) carefully(v any) bool {
	if v == nil || p.how != byCheck {
		return v == nil && p.how == byNil
	}
	x, ok := v.(T)
	return ok && reflect.ValueOf(v).Comparable() && x == p.want
}

func (p *isPattern[T]) String() string { return valueText(p.want) }

// alwaysComparable reports whether == cannot panic for values of type t, which
// is comparable: no interface is, or is part of, a t.
func alwaysComparable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface:
		return false
	case reflect.Array:
		return alwaysComparable(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !alwaysComparable(t.Field(i).Type) {
				return false
			}
		}
	}
	return true
}
