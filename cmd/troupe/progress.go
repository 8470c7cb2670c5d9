package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A meter shows how far some work is, if anybody is looking. The zero meter
// shows nothing.
type meter struct {
	bar *progressbar.ProgressBar
}

// newMeter returns a meter for total files that draws on w, if w is a terminal.
func newMeter(w io.Writer, total int, what string) meter {
	if f, ok := w.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return meter{}
	}
	return meter{bar: progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("files"),
		progressbar.OptionThrottle(50*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

// show moves the meter to done files, and says what is going on.
func (m meter) show(done int, what string) {
	if m.bar == nil {
		return
	}
	m.bar.Describe(what)
	_ = m.bar.Set(done) // a bar that cannot be drawn is no reason to stop
}

// close takes the meter from the screen.
func (m meter) close() {
	if m.bar != nil {
		_ = m.bar.Finish()
	}
}
