package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/schollz/progressbar/v3"
)

func TestMeterIsQuietWithoutATerminal(t *testing.T) {
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	defer w.Close()
	for _, m := range []meter{{}, newMeter(&bytes.Buffer{}, 3, "counting"), newMeter(w, 3, "counting")} {
		if m.bar != nil {
			t.Error("there is a bar")
		}
		m.show(1, "counting")
		m.close()
	}
}

// A crew that starts anew makes the meter go back.
func TestMeterShows(t *testing.T) {
	var screen bytes.Buffer
	m := meter{bar: progressbar.NewOptions(4, progressbar.OptionSetWriter(&screen))}
	m.show(3, "three")
	m.show(1, "one")
	m.close()
	m.close()
	wants(t, screen.String(), "three +75%", "one +25%")
}
