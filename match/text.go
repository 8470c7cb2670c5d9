package match

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Limits on the text of a value. A message may be huge, and it may contain
// itself; neither must hurt the process that tells of it.
const (
	maxDepth  = 4  // of tuples and lists inside each other
	maxValues = 8  // of one tuple or list
	maxString = 64 // bytes of one string
)

// valueText shows a value as Go would write it, shortened.
func valueText(v any) string { return deepText(v, maxDepth) }

func deepText(v any, depth int) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		return strconv.Quote(shorten(v))
	case Tuple:
		return "(" + valuesText(v, depth) + ")"
	case []any:
		return "[" + valuesText(v, depth) + "]"
	case error, fmt.Stringer:
		return shorten(fmt.Sprint(v))
	}
	t := reflect.TypeOf(v)
	switch k := t.Kind(); {
	case k == reflect.String:
		return fmt.Sprintf("%v(%s)", t, strconv.Quote(shorten(reflect.ValueOf(v).String())))
	case k > reflect.Complex128: // what may contain other values, or itself
		return "a " + t.String()
	case t.PkgPath() != "":
		return fmt.Sprintf("%v(%v)", t, v)
	}
	return fmt.Sprint(v)
}

func valuesText(values []any, depth int) string {
	if depth == 0 && len(values) > 0 {
		return "..."
	}
	texts := make([]string, 0, maxValues+1)
	for i, v := range values {
		if i == maxValues {
			texts = append(texts, fmt.Sprintf("... %d more", len(values)-i))
			break
		}
		texts = append(texts, deepText(v, depth-1))
	}
	return strings.Join(texts, ", ")
}

// shorten cuts a long string, and leaves no half of a character behind.
func shorten(s string) string {
	if len(s) <= maxString {
		return s
	}
	return strings.ToValidUTF8(s[:maxString], "") + "..."
}

func typeText[T any]() string { return reflect.TypeFor[T]().String() }

func matcherText(m Matcher) string {
	if s, ok := m.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T", m)
}
