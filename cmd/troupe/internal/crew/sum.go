package crew

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"errors"
	"fmt"

	"github.com/troupe-go/troupe/cmd/troupe/internal/wordindex"
)

// A sum is what the collector adds up.
type sum struct {
	total   wordindex.Table
	records []wordindex.Record
	files   int   // how many have a record
	before  int   // those of them that an earlier program has counted
	bytes   int64 // read by this program
	laid    bool  // all files have been put as mail
}

func (s *sum) has(file int) bool { return s.records[file].Kind != wordindex.Unseen }

func (s *sum) add(r result) {
	s.records[r.file] = r.rec
	s.total.Merge(r.words)
	s.files++
	s.bytes += r.rec.Size
}

// saved is a sum as it is kept.
type saved struct {
	Root    string
	Names   [sha256.Size]byte // of all files
	Laid    bool
	Records []savedRecord
	Words   []byte
}

type savedRecord struct {
	wordindex.Record
	Problem string // instead of Err
}

func (s *sum) save(tree *wordindex.Tree) ([]byte, error) {
	k := saved{Root: tree.Root, Names: names(tree), Laid: s.laid, Words: s.total.Append(nil)}
	for _, r := range s.records {
		sr := savedRecord{Record: r}
		if r.Err != nil {
			sr.Problem, sr.Err = r.Err.Error(), nil
		}
		k.Records = append(k.Records, sr)
	}
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(k)
	return b.Bytes(), err
}

// restore makes s what was kept. The error is ErrOtherTree if that was counted in
// another tree, or in the same tree when it had other files.
func (s *sum) restore(kept []byte, tree *wordindex.Tree) error {
	var k saved
	if err := gob.NewDecoder(bytes.NewReader(kept)).Decode(&k); err != nil {
		return fmt.Errorf("the count that is kept cannot be read: %w", err)
	}
	switch {
	case k.Root != tree.Root:
		return fmt.Errorf("%w: those in %s", ErrOtherTree, k.Root)
	case k.Names != names(tree) || len(k.Records) != len(s.records):
		return fmt.Errorf("%w: some came to %s since, or went", ErrOtherTree, k.Root)
	}
	words, err := wordindex.ParseTally(k.Words)
	if err != nil {
		return err
	}
	*s = sum{records: s.records, laid: k.Laid}
	s.total.Merge(words)
	for i, r := range k.Records {
		if r.Problem != "" {
			r.Err = errors.New(r.Problem)
		}
		s.records[i] = r.Record
		if s.has(i) {
			s.files++
		}
	}
	s.before = s.files
	return nil
}

// names tells lists of files apart.
func names(tree *wordindex.Tree) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, f := range tree.Files {
		fmt.Fprintf(h, "%q\n", f)
	}
	return [sha256.Size]byte(h.Sum(nil))
}
