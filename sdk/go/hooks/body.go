package hooks

import (
	"encoding/base64"
	"errors"
	"io"

	"github.com/plugbay/plugbay/sdk/go/json"
)

// ErrNotWritten is the error of a body that cannot be written to here: a request's that has been sent, or any beyond
// its end.
var ErrNotWritten = errors.New("this body cannot be written to here")

// Which body of a call it is.
type Which int32

// As the host numbers them.
const (
	RequestBody  Which = 0
	ResponseBody Which = 1
)

// Bodies are the host's functions for bodies beside the documents. They are for the package binarybodies.
type Bodies interface {
	Len(which int32) int64
	Read(which int32, offset int64, buffer []byte) int32
	Write(which int32, offset int64, bytes []byte) int32
	Truncate(which int32, length int64) int32
}

// bodies is nil where bodies are in the documents.
var bodies Bodies

// UseBodies is for the package binarybodies.
func UseBodies(beside Bodies) { bodies = beside }

// body is a message's, where it is not in its document.
type body struct {
	// place is one more than the host's number of it, and 0 of a message that a plugin has made.
	place    int32
	readOnly bool
	// made are the bytes of a message that a plugin has made, until the host gets them.
	made []byte
	// err is what went wrong with a body that was set.
	err error
}

// isBeside is whether the host has the body.
func (b *body) isBeside() bool { return bodies != nil && b.place > 0 }

// BodyLen is the body's length. Of a binary body nothing is read.
func (m *Message) BodyLen() int64 {
	if m.body.isBeside() {
		return max(bodies.Len(m.body.place-1), 0)
	}
	here, _ := m.bodyHere()
	return int64(len(here))
}

// Body is the body.
func (m *Message) Body() ([]byte, error) {
	if !m.body.isBeside() {
		here, err := m.bodyHere()
		return here, err
	}
	all := make([]byte, m.BodyLen())
	count := bodies.Read(m.body.place-1, 0, all)
	return all[:max(count, 0)], nil
}

// ReadBodyAt reads a part of the body, as [io.ReaderAt] does. Of a binary body nothing else is read.
func (m *Message) ReadBodyAt(buffer []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, errors.New("a body begins at 0")
	}
	count := 0
	if m.body.isBeside() {
		count = int(max(bodies.Read(m.body.place-1, offset, buffer), 0))
	} else {
		here, err := m.bodyHere()
		if err != nil {
			return 0, err
		}
		if offset < int64(len(here)) {
			count = copy(buffer, here[offset:])
		}
	}
	if count < len(buffer) {
		return count, io.EOF
	}
	return count, nil
}

// WriteBodyAt writes over a part of the body, or past its end.
func (m *Message) WriteBodyAt(bytes []byte, offset int64) error {
	if m.body.isBeside() {
		if offset < 0 || int(bodies.Write(m.body.place-1, offset, bytes)) != len(bytes) {
			return ErrNotWritten
		}
		return nil
	}
	here, err := m.bodyHere()
	if err != nil {
		return err
	}
	if offset < 0 || offset > int64(len(here)) {
		return ErrNotWritten
	}
	written := make([]byte, max(len(here), int(offset)+len(bytes)))
	copy(written, here)
	copy(written[offset:], bytes)
	return m.setBodyHere(written)
}

// TruncateBody makes the body shorter.
func (m *Message) TruncateBody(length int64) error {
	if m.body.isBeside() {
		if bodies.Truncate(m.body.place-1, length) != 0 {
			return ErrNotWritten
		}
		return nil
	}
	here, err := m.bodyHere()
	if err != nil {
		return err
	}
	if length < 0 || length > int64(len(here)) {
		return ErrNotWritten
	}
	return m.setBodyHere(here[:length])
}

// SetBody puts another body in the place of this one. Where that cannot be, the hook fails with [ErrNotWritten].
func (m *Message) SetBody(bytes []byte) *Message {
	var err error
	if m.body.isBeside() {
		err = replace(m.body.place-1, bytes)
	} else {
		err = m.setBodyHere(bytes)
	}
	if m.body.err == nil {
		m.body.err = err
	}
	return m
}

// Err is for the packages of the hooks: what went wrong with a body that was set.
func (m *Message) Err() error { return m.body.err }

// Settle is for the packages of the hooks: it puts the body of a message that a plugin has made where the host looks
// for it.
func (m *Message) Settle(which Which) error {
	if m.body.err != nil || bodies == nil || m.body.place == int32(which)+1 {
		return m.body.err
	}
	bytes, err := m.Body()
	if err != nil {
		return err
	}
	m.Fields.Remove(func(name string) bool { return name == "body" })
	return replace(int32(which), bytes)
}

// replace has the host put other bytes in the place of a body.
func replace(which int32, bytes []byte) error {
	if int(bodies.Write(which, 0, bytes)) != len(bytes) || bodies.Truncate(which, int64(len(bytes))) != 0 {
		return ErrNotWritten
	}
	return nil
}

// bodyHere is a body that the host does not have.
func (m *Message) bodyHere() ([]byte, error) {
	if m.body.made != nil {
		return m.body.made, nil
	}
	text, _ := m.Fields.Get("body").AsText()
	return base64.StdEncoding.DecodeString(text)
}

func (m *Message) setBodyHere(bytes []byte) error {
	if m.body.readOnly {
		return ErrNotWritten
	}
	if bodies != nil {
		m.body.made = append([]byte{}, bytes...)
	} else {
		m.Fields.Set("body", json.Text(base64.StdEncoding.EncodeToString(bytes)))
	}
	m.changed = true
	return nil
}
