package wordindex

import (
	"cmp"
	"slices"
)

// A Verdict says whether two counts of the same files agree.
type Verdict struct {
	Compared int // files with the same content in both counts, and binary ones
	// Aside are the files that the two counts did not find with the same content,
	// for they changed in between, or that only one could read or finish.
	Aside []int
	// Files are those whose content was the same and whose words were not.
	Files []int
	// Words are those whose counts differ although no file is set aside.
	Words []Difference
	// Unexplained says that the counts differ by something else than what each
	// counted in the files set aside.
	Unexplained bool
}

// A Difference is a word with its two counts.
type Difference struct {
	Word        string
	Crew, Plain uint64
}

// Agree reports whether nothing was lost and nothing counted twice.
func (v *Verdict) Agree() bool {
	return len(v.Files) == 0 && len(v.Words) == 0 && !v.Unexplained
}

// Compare compares the count of a crew, with one record for each file, and a
// plain count of the same files.
//
// If both have read the same content, all words must have the same counts. What
// a file contributed that has changed in between cannot be taken out of an index
// word by word; but each record has the number of its words and the sum of their
// hashes, and the two indexes must differ by exactly those of the files set
// aside.
func Compare(crew *Tally, records []Record, plain *PlainIndex) Verdict {
	var v Verdict
	var aside struct{ crew, plain [2]uint64 }
	for i := range plain.Records {
		c, p := &records[i], &plain.Records[i]
		switch {
		case !c.sameContent(p):
			v.Aside = append(v.Aside, i)
			aside.crew[0] += c.Words
			aside.crew[1] += c.Sum
			aside.plain[0] += p.Words
			aside.plain[1] += p.Sum
		case c.Words != p.Words || c.Sum != p.Sum:
			v.Files = append(v.Files, i)
		default:
			v.Compared++
		}
	}
	if len(v.Aside) == 0 {
		v.Words = differences(crew, plain)
		return v
	}
	c, p := sumOfTally(crew), sumOfPlain(plain)
	for k := range 2 {
		if c[k]-aside.crew[k] != p[k]-aside.plain[k] {
			v.Unexplained = true
		}
	}
	return v
}

// differences returns the words that do not have the same counts, sorted.
func differences(crew *Tally, plain *PlainIndex) []Difference {
	var diff []Difference
	met := 0
	for word, n := range crew.All() {
		p := plain.Counts[string(word)]
		if p != nil {
			met++
		}
		if p == nil || *p != n {
			d := Difference{Word: string(word), Crew: n}
			if p != nil {
				d.Plain = *p
			}
			diff = append(diff, d)
		}
	}
	if met < len(plain.Counts) {
		diff = append(diff, missing(crew, plain)...)
	}
	slices.SortFunc(diff, func(a, b Difference) int { return cmp.Compare(a.Word, b.Word) })
	return diff
}

// missing returns the words that the crew does not have.
func missing(crew *Tally, plain *PlainIndex) []Difference {
	has := make(map[string]bool, crew.Len())
	for word := range crew.All() {
		has[string(word)] = true
	}
	var diff []Difference
	for word, n := range plain.Counts {
		if !has[word] {
			diff = append(diff, Difference{Word: word, Plain: *n})
		}
	}
	return diff
}

// sumOfTally returns the number of words and the sum of their hashes.
func sumOfTally(y *Tally) (sum [2]uint64) {
	for word, n := range y.All() {
		sum[0] += n
		sum[1] += n * Hash(word)
	}
	return sum
}

func sumOfPlain(x *PlainIndex) (sum [2]uint64) {
	for word, n := range x.Counts {
		sum[0] += *n
		sum[1] += *n * Hash([]byte(word))
	}
	return sum
}
