package hooks

import (
	"encoding/base64"
	"strings"

	"github.com/plugbay/plugbay/sdk/go/json"
)

// Message is an HTTP request or response. Fields has all of it; what is not touched there goes back as it came.
type Message struct {
	Fields  *json.Value
	changed bool
}

// NewMessage is for the packages of the hooks.
func NewMessage(fields *json.Value) Message { return Message{Fields: fields} }

// Status is a response's.
func (m *Message) Status() uint16 {
	status, _ := m.Fields.Get("status_code").AsUint()
	return uint16(status)
}

// SetStatus sets a response's.
func (m *Message) SetStatus(status uint16) *Message {
	m.Fields.Set("status_code", json.Uint(uint64(status)))
	m.changed = true
	return m
}

// Method is a request's.
func (m *Message) Method() string { return m.text("method") }

// Path is a request's.
func (m *Message) Path() string { return m.text("path") }

func (m *Message) text(name string) string {
	text, _ := m.Fields.Get(name).AsText()
	return text
}

// NewResponse is an answer without a body.
func NewResponse(status uint16) *Message {
	fields := json.NewObject()
	fields.Set("status_code", json.Uint(uint64(status))).Set("headers", json.NewObject()).Set("body", json.Text(""))
	return &Message{Fields: fields, changed: true}
}

// Changed says that Fields were changed by hand.
func (m *Message) Changed() { m.changed = true }

// IsChanged is whether it goes back.
func (m *Message) IsChanged() bool { return m.changed }

// Header is a header's value, by its name in any case.
func (m *Message) Header(name string) (value string, there bool) {
	m.Fields.Get("headers").Each(func(other string, found *json.Value) {
		if text, is := found.AsText(); is && !there && strings.EqualFold(other, name) {
			value, there = text, true
		}
	})
	return value, there
}

// SetHeader sets a header. Names of headers are in lower case.
func (m *Message) SetHeader(name, value string) *Message {
	headers := m.Fields.Get("headers")
	if headers == nil {
		headers = json.NewObject()
		m.Fields.Set("headers", headers)
	}
	headers.Set(strings.ToLower(name), json.Text(value))
	m.changed = true
	return m
}

// RemoveHeader takes a header out.
func (m *Message) RemoveHeader(name string) {
	if m.Fields.Get("headers").Remove(func(other string) bool { return strings.EqualFold(other, name) }) {
		m.changed = true
	}
}

// SetBody sets the body.
func (m *Message) SetBody(body []byte) *Message {
	m.Fields.Set("body", json.Text(base64.StdEncoding.EncodeToString(body)))
	m.changed = true
	return m
}

// Body is the body.
func (m *Message) Body() ([]byte, error) {
	text, _ := m.Fields.Get("body").AsText()
	return base64.StdEncoding.DecodeString(text)
}
