package wordindex

import (
	"unicode"
	"unicode/utf8"
)

// MaxWord is the length in bytes of the longest word that counts.
const MaxWord = 128

// A Scanner cuts text into words. The text may come in pieces of any size; a
// word or a character may be cut in two by the end of a piece. The zero Scanner
// is ready for use.
type Scanner struct {
	word  [MaxWord]byte // the word so far, in lower case
	size  int           // its length; what is beyond MaxWord was not kept
	extra int           // size less the number of characters
	cut   [utf8.UTFMax]byte
	held  int // how many bytes of cut are the start of a character
}

// lower maps the ASCII bytes of words to lower case, and all others to 0.
var lower = func() (t [256]byte) {
	for c := range utf8.RuneSelf {
		if isWord(rune(c)) {
			t[c] = byte(unicode.ToLower(rune(c)))
		}
	}
	return t
}()

func isWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// Scan calls found for each word that ends within text. The word is valid until
// found returns.
func (s *Scanner) Scan(text []byte, found func(word []byte)) {
	text = s.complete(text, found)
	for i := 0; i < len(text); {
		n := s.size
		for ; i < len(text); i++ {
			c := lower[text[i]]
			if c == 0 {
				break
			}
			if n < MaxWord {
				s.word[n] = c
			}
			n++
		}
		s.size = n
		switch {
		case i == len(text):
			return
		case text[i] < utf8.RuneSelf:
			s.end(found)
			i++
		case utf8.FullRune(text[i:]):
			r, n := utf8.DecodeRune(text[i:])
			s.add(r, found)
			i += n
		default:
			s.held = copy(s.cut[:], text[i:])
			return
		}
	}
}

// Close ends the text and makes the scanner ready for another.
func (s *Scanner) Close(found func(word []byte)) {
	s.end(found)
	s.held = 0
}

// complete takes from text what belongs to a character that was cut in two.
func (s *Scanner) complete(text []byte, found func(word []byte)) []byte {
	for s.held > 0 && len(text) > 0 {
		s.cut[s.held] = text[0]
		if !utf8.FullRune(s.cut[:s.held+1]) {
			s.held++
			text = text[1:]
			continue
		}
		r, n := utf8.DecodeRune(s.cut[:s.held+1])
		s.add(r, found)
		if n > s.held {
			text = text[1:]
			s.held = 0
		} else { // one bad byte, and what follows it stands for itself
			s.held = copy(s.cut[:], s.cut[n:s.held])
		}
	}
	return text
}

// add takes a character that is not ASCII into the word, or ends the word.
func (s *Scanner) add(r rune, found func(word []byte)) {
	if r == utf8.RuneError || !isWord(r) {
		s.end(found)
		return
	}
	var b [utf8.UTFMax]byte
	n := utf8.EncodeRune(b[:], unicode.ToLower(r))
	if s.size+n <= MaxWord {
		copy(s.word[s.size:], b[:n])
	}
	s.size += n
	s.extra += n - 1
}

// end reports the word, if there is one.
func (s *Scanner) end(found func(word []byte)) {
	if s.size <= MaxWord && s.size-s.extra >= 2 {
		found(s.word[:s.size])
	}
	s.size, s.extra = 0, 0
}
