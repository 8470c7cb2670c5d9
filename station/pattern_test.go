package station

import (
	"fmt"
	"strings"
	"testing"
)

func tableOf(t *testing.T, patterns ...string) *table {
	t.Helper()
	tab := &table{}
	for _, text := range patterns {
		p, err := parsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		if tab, err = tab.with(&route{pattern: p}); err != nil {
			t.Fatal(err)
		}
	}
	return tab
}

func TestMostSpecificPatternWins(t *testing.T) {
	tab := tableOf(t, "/cart/{id}", "/cart/closed", "/cart/{id}/item", "/cart/{id}/{part}", "/files/{path...}",
		"/files/a/{x}", "/{all...}", "/cart")
	for address, want := range map[string]string{
		"/cart":           "/cart",
		"/cart/42":        "/cart/{id}",
		"/cart/closed":    "/cart/closed",
		"/cart/42/item":   "/cart/{id}/item",
		"/cart/42/price":  "/cart/{id}/{part}",
		"/cart/42/a/b":    "/{all...}",
		"/cart/closed/it": "/cart/{id}/{part}", // comes back from the literal
		"/files":          "/{all...}",
		"/files/a":        "/files/{path...}",
		"/files/a/b":      "/files/a/{x}",
		"/files/a/b/c":    "/files/{path...}",
		"/other":          "/{all...}",
	} {
		if r := tab.find(address); r == nil || r.pattern.text != want {
			t.Errorf("%s is found as %v, want %s", address, r, want)
		}
	}
	if r := tableOf(t, "/cart/{id}").find("/cart"); r != nil {
		t.Error("/cart is found as", r.pattern.text)
	}
}

func TestPatternValues(t *testing.T) {
	p, err := parsePattern("/shop/{shop}/file/{path...}")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"shop": "7", "path": "a/b/c", "file": "", "other": ""} {
		if got := p.value("/shop/7/file/a/b/c", name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestPatternConflicts(t *testing.T) {
	for _, c := range []struct {
		p, q, example string // "" if there is none
	}{
		{"/a/{x}", "/a/{y}", "/a/x"},
		{"/a/{x}", "/{y}/b", "/a/b"},
		{"/a/{x}", "/{y}/c/d", ""},
		{"/a/{x...}", "/{y}/b", "/a/b"},
		{"/a/{x...}", "/{y...}", ""},
		{"/a/{x...}", "/{y}/{z...}", ""},
		{"/{x}/b/{r...}", "/a/{y}/c", "/a/b/c"},
		{"/a/{x...}", "/a/{y...}", "/a/y"},
		{"/a/b", "/a/b", "/a/b"},
		{"/a/b", "/a/{x}", ""},
		{"/a", "/b", ""},
		{"/a", "/a/b", ""},
		{"/a", "/a/{x...}", ""},
		{"/{x}/{y}", "/{x}/b", ""},
	} {
		p, err := parsePattern(c.p)
		if err != nil {
			t.Fatal(err)
		}
		q, err := parsePattern(c.q)
		if err != nil {
			t.Fatal(err)
		}
		for _, order := range [][2]*pattern{{p, q}, {q, p}} {
			example, conflict := order[0].conflict(order[1])
			if conflict != (c.example != "") {
				t.Errorf("%s and %s: conflict is %v", order[0].text, order[1].text, conflict)
			}
			if conflict {
				for _, side := range []*pattern{p, q} {
					if (&table{}).mustAdd(side).find(example) == nil {
						t.Errorf("%s does not match %s", side.text, example)
					}
				}
			}
		}
	}
}

func (t *table) mustAdd(p *pattern) *table {
	t.add(&route{pattern: p})
	return t
}

func TestBadPatterns(t *testing.T) {
	for text, want := range map[string]string{
		"cart":          "slash",
		"/cart/":        "empty",
		"/a//b":         "empty",
		"/x{id}":        "whole segment",
		"/{id}x":        "whole segment",
		"/{}":           "identifier",
		"/{1a}":         "identifier",
		"/{a...}/b":     "last",
		"/{a}/{a}":      "twice",
		"/{a}/b/{a...}": "twice",
	} {
		if _, err := parsePattern(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives the error %v, want one about %q", text, err, want)
		}
	}
}

// FuzzPattern: a pattern is found by the addresses made from it, and its values
// are what was put in.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{"/a", "/{a}", "/a/{b...}", "/a/{b}/c/{d}", "/{a", "/a}b", "/{a...}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePattern(text)
		if err != nil {
			return
		}
		var address string
		for i, s := range p.segments {
			switch {
			case s.rest:
				address += fmt.Sprintf("/r%d/r", i)
			case s.wild:
				address += fmt.Sprintf("/w%d", i)
			default:
				address += "/" + s.name
			}
		}
		if (&table{}).mustAdd(p).find(address) == nil {
			t.Fatalf("%q does not match %q", text, address)
		}
		for i, s := range p.segments {
			want := fmt.Sprintf("w%d", i)
			if s.rest {
				want = fmt.Sprintf("r%d/r", i)
			}
			if got := p.value(address, s.name); s.wild && got != want {
				t.Fatalf("%s of %q is %q", s.name, address, got)
			}
		}
	})
}
