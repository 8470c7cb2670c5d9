package ipc

import (
	"context"
	"fmt"

	"github.com/troupe-go/troupe/internal/wire"
)

// Memory is a piece of memory that OS processes share, byte for byte. Make one with
// [NewMemory]; the zero Memory is not usable. It is Python's
// multiprocessing.shared_memory.SharedMemory, except that nothing is left behind: the memory is
// gone when the last process that holds it has detached it or died.
//
// Who may write where is for the program to arrange, with a [Lock] for example. Memory is for
// Linux; elsewhere making it returns [ErrUnsupported].
type Memory struct{ b memoryBackend }

// NewMemory makes size bytes of memory, all zero. Pages that nobody touches take no space. It
// fails if size is less than one, or if the system has no more descriptors or memory to give.
func NewMemory(size int) (*Memory, error) {
	if size < 1 {
		return nil, fmt.Errorf("ipc: NewMemory(%d): want at least one byte", size)
	}
	b, err := makeMemory(size)
	if err != nil {
		return nil, err
	}
	return &Memory{b}, nil
}

// Bytes returns the memory. It must not be used after [Memory.Detach]; it returns nil then.
func (m *Memory) Bytes() []byte { return m.b.bytes() }

// Publish lets other processes of the same user on this machine find the memory by a name, with
// [OpenMemory]. The name is not a file: it is free again when this process detaches this handle
// or ends, in whatever way. Those who have opened the memory keep it. Publish fails if the name is taken, is
// empty, or has more than 64 bytes.
func (m *Memory) Publish(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	return m.b.publish(name)
}

// OpenMemory returns a handle of the memory that some process of the same user has published
// under a name. It fails if there is none, and with the context's cause if ctx ends first.
func OpenMemory(ctx context.Context, name string) (*Memory, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	b, err := findMemory(ctx, name)
	if err != nil {
		return nil, err
	}
	return &Memory{b}, nil
}

func checkName(name string) error {
	if name == "" || len(name) > 64 {
		return fmt.Errorf("ipc: the name %q of shared memory: want between 1 and 64 bytes", name)
	}
	return nil
}

// Detach gives the memory back, as far as this process is concerned. Unlike other handles, a
// Memory is not detached by the garbage collector, which does not see the uses of its bytes.
// Further calls do nothing.
func (m *Memory) Detach() error { return m.b.detach() }

// EncodeWire gives another process a handle; it is for the codecs of this module.
func (m *Memory) EncodeWire(e *wire.Encoder) error {
	if m.b == nil {
		return errUnmade("Memory")
	}
	return m.b.encode(e)
}

// DecodeWire makes m a handle of what [Memory.EncodeWire] encoded.
func (m *Memory) DecodeWire(d *wire.Decoder) (err error) {
	m.b, err = decodeBackend(d, openMemory, func(*wire.Decoder) (memoryBackend, error) { return nil, wire.ErrMalformed })
	return err
}
