package ipc

// Pipe makes two connected ends. Both send and receive. Give one to another process, as its
// argument or through a queue or connection, and close it here then. What is sent waits at
// the other end; on Linux that is some 200 KiB, or 280 small messages, before a send waits.
//
// It returns an error when the system has no descriptors left, and on systems that have no
// socket pairs.
func Pipe() (*Conn, *Conn, error) {
	return socketPair()
}

// PipeOneWay makes two connected ends of which one only receives and the other only sends. A
// send at the receiving end returns [ErrOneWay]; a receive at the sending end returns
// [io.EOF]. See [Pipe].
func PipeOneWay() (receiver, sender *Conn, err error) {
	receiver, sender, err = socketPair()
	if err != nil {
		return nil, nil, err
	}
	receiver.set(connOneWay)
	return receiver, sender, receiver.c.raw.closeWrite()
}
