package station

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/troupe-go/troupe/mailbox"
)

// A pattern is what addresses look like: "/cart/{id}". It follows the rules of
// net/http's ServeMux, without methods and hosts, and without the trailing slash,
// which no address has.
type pattern struct {
	text     string
	segments []segment
}

// A segment is a literal, "{name}", or at the end "{name...}".
type segment struct {
	name string // of the wildcard, or the literal itself
	wild bool
	rest bool // one or more segments
}

// parsePattern returns the pattern that text stands for, or what is wrong with it.
func parsePattern(text string) (*pattern, error) {
	if err := mailbox.CheckAddress(text); err != nil {
		return nil, err
	}
	p := &pattern{text: text}
	seen := map[string]bool{}
	parts := strings.Split(text[1:], "/")
	for i, part := range parts {
		s, err := parseSegment(part)
		switch {
		case err != nil:
			return nil, err
		case s.rest && i != len(parts)-1:
			return nil, fmt.Errorf("%q must be the last segment", part)
		case s.wild && seen[s.name]:
			return nil, fmt.Errorf("the wildcard %q is there twice", s.name)
		}
		seen[s.name] = s.wild || seen[s.name]
		p.segments = append(p.segments, s)
	}
	return p, nil
}

func parseSegment(part string) (segment, error) {
	if !strings.ContainsAny(part, "{}") {
		return segment{name: part}, nil
	}
	name, isWild := strings.CutPrefix(part, "{")
	name, closed := strings.CutSuffix(name, "}")
	if !isWild || !closed {
		return segment{}, fmt.Errorf("%q: a wildcard must be a whole segment, as in {id}", part)
	}
	name, rest := strings.CutSuffix(name, "...")
	if !isName(name) {
		return segment{}, fmt.Errorf("%q: the name of a wildcard must be a Go identifier", part)
	}
	return segment{name: name, wild: true, rest: rest}, nil
}

func isName(s string) bool {
	for i, c := range s {
		if !unicode.IsLetter(c) && c != '_' && (i == 0 || !unicode.IsDigit(c)) {
			return false
		}
	}
	return s != ""
}

// value returns what the wildcard stands for in an address that matches, "" if
// there is no such wildcard.
func (p *pattern) value(address, name string) string {
	rest := address
	for _, s := range p.segments {
		rest = rest[1:] // the slash
		if s.rest {
			if s.name == name {
				return rest
			}
			return ""
		}
		part, after := cutSegment(rest)
		if s.wild && s.name == name {
			return part
		}
		rest = after
	}
	return ""
}

// cutSegment cuts the first segment off a path without a leading slash; after
// begins with one, or is empty.
func cutSegment(path string) (part, after string) {
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}

// prefix returns the part of the pattern before its first wildcard, as an address
// that all that match are or lie below; "" if there is none.
func (p *pattern) prefix() string {
	var b strings.Builder
	for _, s := range p.segments {
		if s.wild {
			break
		}
		b.WriteByte('/')
		b.WriteString(s.name)
	}
	return b.String()
}

// conflict returns an address that p and q both match, if neither of them is more
// specific than the other: nobody could say then whose it is.
func (p *pattern) conflict(q *pattern) (example string, conflict bool) {
	var pMore, qMore bool // more general somewhere
	var b strings.Builder
	for i := 0; ; i++ {
		if i == len(p.segments) || i == len(q.segments) {
			if len(p.segments) != len(q.segments) {
				return "", false // one ends where the other goes on
			}
			break
		}
		s, t := p.segments[i], q.segments[i]
		b.WriteByte('/')
		if s.rest || t.rest {
			pMore = pMore || !t.rest
			qMore = qMore || !s.rest
			longer := p.segments[i:]
			if s.rest {
				longer = q.segments[i:]
			}
			b.WriteString(sample(longer))
			break
		}
		switch {
		case s.wild && t.wild:
			b.WriteString(s.name)
		case s.wild:
			pMore = true
			b.WriteString(t.name)
		case t.wild:
			qMore = true
			b.WriteString(s.name)
		case s.name != t.name:
			return "", false
		default:
			b.WriteString(s.name)
		}
	}
	return b.String(), pMore == qMore
}

func sample(segments []segment) string {
	var names []string
	for _, s := range segments {
		names = append(names, s.name)
	}
	return strings.Join(names, "/")
}

// A table finds the route of an address. It is not changed once it is in use.
type table struct {
	root   junction
	routes []*route
}

type junction struct {
	literal map[string]*junction
	wild    *junction
	leaf    *route // for what ends here
	rest    *route // for all that goes on
}

// with returns a table that has one more route, or which route it conflicts with.
func (t *table) with(r *route) (*table, error) {
	next := &table{}
	for _, old := range t.routes {
		if example, bad := r.pattern.conflict(old.pattern); bad {
			return nil, fmt.Errorf("the pattern %q (%s) conflicts with %q (%s): both match %s, and neither is more specific",
				r.pattern.text, r.where, old.pattern.text, old.where, example)
		}
		next.add(old)
	}
	next.add(r)
	return next, nil
}

func (t *table) add(r *route) {
	t.routes = append(t.routes, r)
	j := &t.root
	for _, s := range r.pattern.segments {
		switch {
		case s.rest:
			j.rest = r
			return
		case s.wild:
			if j.wild == nil {
				j.wild = &junction{}
			}
			j = j.wild
		default:
			if j.literal == nil {
				j.literal = map[string]*junction{}
			}
			if j.literal[s.name] == nil {
				j.literal[s.name] = &junction{}
			}
			j = j.literal[s.name]
		}
	}
	j.leaf = r
}

// find returns the route of an address, nil if there is none.
func (t *table) find(address string) *route {
	if t == nil {
		return nil
	}
	return t.root.find(address)
}

// find walks on with what is left of the address. The most specific route is the
// one that is found first: literals go before wildcards.
func (j *junction) find(left string) *route {
	if left == "" {
		return j.leaf
	}
	part, after := cutSegment(left[1:])
	if next := j.literal[part]; next != nil {
		if r := next.find(after); r != nil {
			return r
		}
	}
	if j.wild != nil {
		if r := j.wild.find(after); r != nil {
			return r
		}
	}
	return j.rest
}
