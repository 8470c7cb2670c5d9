package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

//go:embed peer.py
var peerScript []byte

// scriptFile is where the script lies: Python's spawn needs a file.
var scriptFile = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "bench-ipc")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "peer.py")
	return file, os.WriteFile(file, peerScript, 0o600)
})

// python measures with the function of a name in peer.py, which gets the arguments as ints and
// returns a figure.
func python(name string, args ...int) figure {
	return func(ctx context.Context) (float64, error) {
		interpreter, err := exec.LookPath("python3")
		if err != nil {
			return 0, fmt.Errorf("python3 is %w", errMissing)
		}
		file, err := scriptFile()
		if err != nil {
			return 0, err
		}
		ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
		defer cancel()
		words := []string{file, name}
		for _, a := range args {
			words = append(words, strconv.Itoa(a))
		}
		var stderr bytes.Buffer
		cmd := exec.CommandContext(ctx, interpreter, words...)
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return 0, fmt.Errorf("%w: %s", err, lastLine(stderr.Bytes()))
		}
		var v float64
		return v, json.Unmarshal(out, &v)
	}
}

func lastLine(b []byte) []byte {
	b = bytes.TrimSpace(b)
	return b[bytes.LastIndexByte(b, '\n')+1:]
}
