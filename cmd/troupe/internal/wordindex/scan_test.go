package wordindex

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// naive says what the words of a text are, in the plainest way.
func naive(text []byte) []string {
	var words []string
	for _, f := range strings.FieldsFunc(string(text), func(r rune) bool { return !isWord(r) }) {
		w := strings.Map(unicode.ToLower, f)
		if utf8.RuneCountInString(w) >= 2 && len(w) <= MaxWord {
			words = append(words, w)
		}
	}
	return words
}

// scan cuts the text into pieces of n bytes and scans them.
func scan(text []byte, n int) []string {
	var s Scanner
	var words []string
	found := func(w []byte) { words = append(words, string(w)) }
	for piece := range slices.Chunk(text, n) {
		s.Scan(piece, found)
	}
	s.Close(found)
	return words
}

func TestScan(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"plain", "The quick brown fox", "the quick brown fox"},
		{"code", "func (s *Self[M]) Err_2() error { return nil }", "func self err_2 error return nil"},
		{"single letters", "a b é x1", "x1"},
		{"letters of the world", "Größe ÉTÉ здра́вствуй नमस्ते 日本", "größe été здра́вствуй नमस्ते 日本"},
		{"quotation marks", "“Hello”—world", "hello world"},
		{"bad bytes", "ab\xffcd\xe2\x82ef\xe2\x82", "ab cd ef"},
		{"replacement character", "ab\ufffdcd", "ab cd"},
		{"longest", strings.Repeat("x", MaxWord) + " yy", strings.Repeat("x", MaxWord) + " yy"},
		{"too long", strings.Repeat("x", MaxWord+1) + " yy", "yy"},
		{"too long by a rune", strings.Repeat("x", MaxWord-1) + "é yy", "yy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for n := 1; n <= len(c.text)+1; n++ {
				if got := strings.Join(scan([]byte(c.text), n), " "); got != c.want {
					t.Fatalf("in pieces of %d: %q, want %q", n, got, c.want)
				}
			}
		})
	}
}

func TestScannerIsReusable(t *testing.T) {
	var s Scanner
	var words []string
	found := func(w []byte) { words = append(words, string(w)) }
	s.Scan([]byte("one tw\xc3"), found)
	s.Close(found)
	s.Scan([]byte("\xa9o three"), found)
	s.Close(found)
	if want := []string{"one", "tw", "three"}; !slices.Equal(words, want) {
		t.Errorf("words %q, want %q", words, want)
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte("The quick brown fox"), 3)
	f.Add([]byte("ab\xe2\x82\xacdé\xff_x\xf0\x9f\x98\x80"), 1)
	f.Add([]byte("\xe2\x82\xe2\x82ab"), 2)
	f.Add(bytes.Repeat([]byte("İx"), 60), 7)
	f.Fuzz(func(t *testing.T, text []byte, n int) {
		want := naive(text)
		for _, n := range []int{len(text) + 1, max(n%16, 1)} {
			if got := scan(text, n); !slices.Equal(got, want) {
				t.Errorf("%q in pieces of %d: %q, want %q", text, n, got, want)
			}
		}
	})
}

// FuzzRead reads a text as files are read, and compares with the naive count.
func FuzzRead(f *testing.F) {
	f.Add([]byte("to be or not to be"))
	f.Add([]byte("zero\x00byte"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var table Table
		r := Reader{Open: opens(text, nil)}
		rec, err := r.Tally(t.Context(), "", &table)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(text[:min(len(text), sniff)], 0) >= 0 {
			if rec.Kind != Binary || table.Len() != 0 {
				t.Errorf("record %+v with %d words, want a binary", rec, table.Len())
			}
			return
		}
		want := map[string]uint64{}
		for _, w := range naive(text) {
			want[w]++
		}
		if got := asMap(&table.Tally); !equal(got, want) {
			t.Errorf("counted %v, want %v", got, want)
		}
	})
}
