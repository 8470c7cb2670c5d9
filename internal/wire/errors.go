package wire

import (
	"errors"
	"fmt"
	"reflect"
)

// An Error is an error that came from another process: its text, and what was
// registered of the errors in its chain.
type Error struct {
	text  string
	known []error
}

// Error returns the text that the error had where it came from.
func (e *Error) Error() string { return e.text }

// Unwrap returns the registered errors that the error was, or wrapped.
func (e *Error) Unwrap() []error { return e.known }

// An error begins with one byte: it is a sentinel itself, or has one of these and
// then parts until the last.
const (
	errorSentinel byte = iota
	errorText
	partSentinel
	partValue
	partEnd
)

// maxParts is how many registered errors of one chain travel.
const maxParts = 64

// encodeError encodes an error whose type is not registered.
func encodeError(e *Encoder, err error) error {
	var is []string
	table := knownErrors()
	for _, name := range table.names {
		known := table.byName[name]
		if reflect.TypeOf(err) == reflect.TypeOf(known) && err == known { //nolint:errorlint // the very same
			e.Bytes = append(e.Bytes, errorSentinel)
			e.Text(name)
			return nil
		}
		if errors.Is(err, known) {
			is = append(is, name)
		}
	}
	e.Bytes = append(e.Bytes, errorText)
	e.Text(textOf(err))
	for _, name := range is[:min(len(is), maxParts)] {
		e.Bytes = append(e.Bytes, partSentinel)
		e.Text(name)
	}
	left := maxParts
	encodeValues(e, err, &left)
	e.Bytes = append(e.Bytes, partEnd)
	return nil
}

// encodeValues encodes the errors in the chain of err whose types are registered.
// One that cannot be encoded is left out: its text is there.
func encodeValues(e *Encoder, err error, left *int) {
	if v := reflect.ValueOf(err); *left > 0 {
		if r, ok := typeKnown(v.Type()); ok {
			start, files, depth := len(e.Bytes), len(e.Files), e.depth
			e.Bytes = append(e.Bytes, partValue)
			if encodeKnown(e, r, v) != nil {
				e.Bytes, e.Files, e.depth, e.seen = e.Bytes[:start], e.Files[:files], depth, nil
			}
			*left--
		}
	}
	switch u := err.(type) { //nolint:errorlint // step by step
	case interface{ Unwrap() error }:
		if next := u.Unwrap(); next != nil {
			encodeValues(e, next, left)
		}
	case interface{ Unwrap() []error }:
		for _, next := range u.Unwrap() {
			if next != nil {
				encodeValues(e, next, left)
			}
		}
	}
}

// textOf returns err's text, or says why it has none.
func textOf(err error) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprintf("%T, whose Error method panicked: %v", err, r)
		}
	}()
	return err.Error()
}

// decodeError decodes what encodeError encoded; bad is why that failed.
func decodeError(d *Decoder) (err, bad error) {
	if len(d.Bytes) == 0 || d.Bytes[0] > errorText {
		return nil, ErrMalformed
	}
	exact := d.Bytes[0] == errorSentinel
	d.Bytes = d.Bytes[1:]
	text, bad := d.Text()
	if bad != nil {
		return nil, bad
	}
	if exact {
		return sentinel(text), nil
	}
	result := &Error{text: text}
	for range 2*maxParts + 1 {
		if len(d.Bytes) == 0 {
			break
		}
		part := d.Bytes[0]
		d.Bytes = d.Bytes[1:]
		switch part {
		case partEnd:
			return result, nil
		case partSentinel:
			name, bad := d.Text()
			if bad != nil {
				return nil, bad
			}
			result.known = append(result.known, sentinel(name))
		case partValue:
			v, bad := decodeDynamic(d)
			if bad != nil {
				return nil, bad
			}
			if known, ok := asError(v); ok {
				result.known = append(result.known, known)
			}
		default:
			return nil, ErrMalformed
		}
	}
	return nil, ErrMalformed
}

func asError(v reflect.Value) (error, bool) {
	if !v.IsValid() {
		return nil, false
	}
	err, ok := v.Interface().(error)
	return err, ok
}

// sentinel returns the registered error of a name, or one that has it as its text.
func sentinel(name string) error {
	if err, ok := knownErrors().byName[name]; ok {
		return err
	}
	return &Error{text: name}
}
