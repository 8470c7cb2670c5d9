package wire

// Hold keeps owner from being collected while its descriptors, which are in Files, are
// borrowed. A [Portable] calls it when its descriptors are closed by the garbage collector.
func (e *Encoder) Hold(owner any) { e.keep = append(e.keep, owner) }

// Quick reports that encoding and decoding a T runs no code but the codec's, no method of a
// type of others, so that it may be done while a lock is held.
func (c *Codec[T]) Quick() bool { return !c.plan.foreign }
