package main

import (
	"strings"
	"testing"
)

// TestShort runs every row once with few mails: the figures mean nothing.
func TestShort(t *testing.T) {
	text, err := run(1, 20, "")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(text, "\n| "); lines != 2+len(rows()) {
		t.Errorf("the table has %d lines, want one for each of %d rows and its head:\n%s", lines, len(rows()), text)
	}
}
