package wordindex

// A Kind says what became of a file.
type Kind uint8

// What can become of a file. The zero Kind is that of a file nobody has looked
// at yet.
const (
	Unseen     Kind = iota
	Counted         // its words were counted
	Binary          // it is no text: it has a zero byte near its start
	Unreadable      // it could not be opened, or not be read to its end
	GivenUp         // it killed too many workers
)

// A Record is what a count remembers of one file. It says which content was
// read, and what was added to the index for it.
type Record struct {
	Kind  Kind
	Size  int64  // the bytes read
	CRC   uint32 // of the bytes read
	Words uint64 // the words added to the index
	Sum   uint64 // the sum of the hashes of these words
	Err   error  // why it is Unreadable or GivenUp
}

// sameContent reports whether both records are of the same content, so that
// they must agree in their words.
func (r *Record) sameContent(o *Record) bool {
	switch {
	case r.Kind != o.Kind:
		return false
	case r.Kind == Counted:
		return r.Size == o.Size && r.CRC == o.CRC
	default:
		return r.Words == 0 && o.Words == 0
	}
}
