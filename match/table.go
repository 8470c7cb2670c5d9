package match

// maxTried is how many clauses an UnhandledError names.
const maxTried = 8

// indexFrom is the number of clauses on messages from which an index pays.
const indexFrom = 6

// A table holds the clauses of a receiver in the order in which they are tried.
// It never changes: a receiver that gains or loses a clause gets a new one.
type table struct {
	all      []*Clause // every clause, as it was added
	messages []*Clause // those on messages, the catch-all left out

	// only has the first clause of each kind of which only one counts: the
	// catch-all, and those on events.
	only [kinds]*Clause

	// byKey has, for every string that a clause wants as its first part, the
	// clauses that may match such a message; others has those that may match
	// any other message. byKey is nil while there are few clauses.
	byKey  map[string][]*Clause
	others []*Clause
}

func newTable(all []*Clause) *table {
	t := &table{all: all}
	for _, c := range all {
		if c.kind == onParts || c.kind == onWhole {
			t.messages = append(t.messages, c)
		} else if t.only[c.kind] == nil {
			t.only[c.kind] = c
		}
	}
	if len(t.messages) >= indexFrom {
		t.index()
	}
	return t
}

func (t *table) index() {
	t.byKey = make(map[string][]*Clause)
	for _, c := range t.messages {
		if !c.keyed {
			t.others = append(t.others, c)
			for key := range t.byKey {
				t.byKey[key] = append(t.byKey[key], c)
			}
			continue
		}
		if _, known := t.byKey[c.key]; !known {
			t.byKey[c.key] = append([]*Clause(nil), t.others...)
		}
		t.byKey[c.key] = append(t.byKey[c.key], c)
	}
}

// match finds the first clause that matches the message and runs its handler.
func (t *table) match(message any) (handled bool, err error) {
	first, n := message, 1
	parts, isTuple := message.(Tuple)
	switch {
	case isTuple && len(parts) == 0:
		first, n, parts = nil, 0, Tuple{} // nil parts would say that it is no tuple
	case isTuple:
		first, n = parts[0], len(parts)
	}
	key, isString := first.(string)
	for _, c := range t.candidates(key, isString) {
		subject := first
		if c.kind == onWhole {
			subject = message
		} else if !c.fits(n) || (c.keyed && (!isString || c.key != key)) {
			continue
		}
		if fits, err := c.run(subject, parts); fits {
			return true, err
		}
	}
	if c := t.only[onRemainder]; c != nil {
		return c.run(message, nil)
	}
	return false, nil
}

// candidates returns the clauses that may match a message with this first part.
func (t *table) candidates(key string, isString bool) []*Clause {
	if t.byKey == nil {
		return t.messages
	}
	if isString {
		if clauses, known := t.byKey[key]; known {
			return clauses
		}
	}
	return t.others
}

// unhandled returns the error for a message that no clause matches.
func (t *table) unhandled(message any) *UnhandledError {
	e := &UnhandledError{Message: message}
	for i, c := range t.messages {
		if i == maxTried {
			e.clauses = append(e.clauses, "...")
			break
		}
		e.clauses = append(e.clauses, c.text)
	}
	return e
}
