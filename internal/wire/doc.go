// Package wire turns Go values into bytes and open files, and carries them
// between OS processes that run the same program.
//
// Three words:
//
//   - A codec ([Codec], got with [For]) knows how to encode and decode one Go
//     type. It is compiled once, when it is first asked for; whatever cannot
//     travel (a chan, a func, a mutex) is found then, and the error names the
//     field. Encoding itself uses no reflection for ordinary fields.
//   - An [Encoder] is where a value goes: bytes, and the descriptors of open
//     files that go along. A [Decoder] is where it comes from.
//   - A [Link] carries frames over a unix stream socket: a kind, a body, and the
//     descriptors with it. What many goroutines send at the same time leaves in
//     one system call.
//
// # What travels
//
// Everything that is data: all fields of a struct, exported or not, but those
// tagged `wire:"-"` and those called _. A nil slice arrives as a nil slice, an
// empty one as an empty one. What a pointer points to is copied, so two pointers
// to one thing arrive as pointers to two. A value that contains itself is an
// error, and so is one that is nested more than [MaxDepth] deep.
//
// A type may say for itself how it travels, in this order of preference: as a
// [Portable]; through encoding.BinaryAppender or BinaryMarshaler with
// BinaryUnmarshaler; through encoding.TextAppender or TextMarshaler with
// TextUnmarshaler. Methods that a struct only has from an embedded field do not
// count, for they would lose its other fields. An *os.File travels as its
// descriptor.
//
// Inside an interface the basic types and a few common ones can travel, and what
// was registered with [Register]. An error that was not registered arrives as an
// [*Error], with its text, and with the identity of everything in its chain that
// is registered: errors.Is and errors.As find it.
//
// # Trust
//
// Plain fields travel as they lie in memory, in the machine's byte order. That is
// for two processes of one program; [Build] tells whether it is one, and links
// compare it when they meet. Bytes that were not made by the codec for the same
// type, or were damaged, end in an error: decoding never reads outside of them,
// never panics, and never allocates more than a small multiple of their number
// (at most what an element takes in memory for each byte that an encoded one
// takes at least).
//
// # Globals
//
// The package keeps three registries: the compiled codecs by type, the types by
// the names given to Register, the errors by the names given to [RegisterError].
package wire
