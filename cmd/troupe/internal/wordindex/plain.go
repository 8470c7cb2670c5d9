package wordindex

import "context"

// A PlainIndex is the result of Plain.
type PlainIndex struct {
	Counts  map[string]*uint64
	Records []Record // one for each file of the tree
}

// Plain counts the words of all files of the tree, one file after the other,
// into one map. It calls done after each file. It ends early, with the cause,
// when ctx ends.
func Plain(ctx context.Context, t *Tree, done func(Record)) (*PlainIndex, error) {
	index := &PlainIndex{Counts: map[string]*uint64{}}
	var r Reader
	for i := range t.Files {
		rec, err := r.Read(ctx, t.Path(i), func(word []byte, _ uint64) { index.add(word) })
		if err != nil {
			return index, err
		}
		index.Records = append(index.Records, rec)
		done(rec)
	}
	return index, nil
}

func (x *PlainIndex) add(word []byte) {
	n := x.Counts[string(word)]
	if n == nil {
		n = new(uint64)
		x.Counts[string(word)] = n
	}
	*n++
}
