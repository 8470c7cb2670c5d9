package wire

// Hold keeps owner from being collected while its descriptors, which are in Files, are
// borrowed. A [Portable] calls it when its descriptors are closed by the garbage collector.
func (e *Encoder) Hold(owner any) { e.keep = append(e.keep, owner) }
