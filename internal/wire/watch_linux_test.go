package wire

import "testing"

// watched returns a channel that gets a value when the watch tells of something.
func watched(w *Watch) <-chan struct{} {
	c := make(chan struct{}, 1)
	go func() {
		w.Wait()
		c <- struct{}{}
	}()
	return c
}

func receive(t *testing.T, l *Link, want string) {
	t.Helper()
	_, body, err := l.Receive()
	if err != nil || string(body.Bytes) != want {
		t.Fatalf("got %v, %v, want %q", body, err, want)
	}
}

func sendText(t *testing.T, l *Link, s string) {
	t.Helper()
	if err := l.Send(1, text(s)); err != nil {
		t.Error(err)
	}
}

func TestAWatchTellsOfWhatComes(t *testing.T) {
	a, b := links(t)
	w, err := b.NewWatch()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for range 100 {
		// It comes while the watch is set, or before.
		w.Set()
		c := watched(w)
		sendText(t, a, "x")
		<-c
		receive(t, b, "x")
		sendText(t, a, "y")
		w.Set()
		<-watched(w)
		w.Unset()
		receive(t, b, "y")

		// It is not set: nothing is told, until it is.
		c = watched(w)
		sendText(t, a, "z")
		receive(t, b, "z")
		select {
		case <-c:
			t.Fatal("it was not set")
		default:
		}
		w.Wake()
		<-c
	}
	c := watched(w)
	w.Set()
	a.Close()
	<-c
	c = watched(w)
	b.Close()
	<-c
	w.Set()
	<-watched(w)
}

func TestInterrupted(t *testing.T) {
	a, b := links(t)
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				b.Interrupt()
			}
		}
	}()
	big := string(make([]byte, 3*readSize))
	go func() {
		for range 50 {
			sendText(t, a, "small")
			sendText(t, a, big)
		}
	}()
	for i := range 100 {
		want := "small"
		if i%2 == 1 {
			want = big
		}
		_, body, err := b.Receive()
		for err == ErrInterrupted {
			_, body, err = b.Receive()
		}
		if err != nil || string(body.Bytes) != want {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
	close(stop)
	<-stopped
	c := make(chan error)
	go func() {
		for {
			if _, _, err := b.Receive(); err != ErrInterrupted {
				c <- err
				return
			}
		}
	}()
	b.Interrupt()
	b.Close()
	if err := <-c; err != ErrClosed {
		t.Errorf("got %v", err)
	}
}
