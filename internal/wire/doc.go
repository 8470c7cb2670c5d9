// Package wire turns Go values into bytes and open files, and carries them
// between OS processes.
package wire
