package child

import "os"

// notified are the signals that end a worker's context.
var notified = []os.Signal{os.Interrupt}

func causeOf(os.Signal) error { return ErrInterrupted }
