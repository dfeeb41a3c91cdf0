package hooks

import (
	"strings"

	"github.com/plugbay/plugbay/sdk/go/json"
)

// Message is an HTTP request or response. Fields has all of it; what is not touched there goes back as it came.
type Message struct {
	Fields  *json.Value
	changed bool
	body    body
}

// NewMessage is for the packages of the hooks: a message of the host's, whose body is beside its document where the
// plugin wants it so.
func NewMessage(fields *json.Value, which Which, canWrite bool) Message {
	return Message{Fields: fields, body: body{place: int32(which) + 1, readOnly: !canWrite}}
}

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

// Path is a request's, without the query.
func (m *Message) Path() string { return m.text("path") }

// SetPath sets a request's.
func (m *Message) SetPath(path string) *Message {
	m.Fields.Set("path", json.Text(path))
	m.changed = true
	return m
}

// Query is a request's parameter, decoded.
func (m *Message) Query(name string) (value string, there bool) {
	return m.Fields.Get("query", name).AsText()
}

// SetQuery sets a request's parameter.
func (m *Message) SetQuery(name, value string) *Message {
	m.object("query").Set(name, json.Text(value))
	m.changed = true
	return m
}

// object is a field that is an object; it is put there where it is not.
func (m *Message) object(name string) *json.Value {
	object := m.Fields.Get(name)
	if object == nil {
		object = json.NewObject()
		m.Fields.Set(name, object)
	}
	return object
}

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

// NewJSONResponse is an answer with a body of JSON.
func NewJSONResponse(status uint16, body *json.Value) *Message {
	return NewResponse(status).SetHeader("content-type", "application/json").SetBody(body.Write())
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

// Headers goes through all headers, in order.
func (m *Message) Headers(each func(name, value string)) {
	m.Fields.Get("headers").Each(func(name string, value *json.Value) {
		if text, is := value.AsText(); is {
			each(name, text)
		}
	})
}

// SetHeader sets a header. Names of headers are in lower case.
func (m *Message) SetHeader(name, value string) *Message {
	m.object("headers").Set(strings.ToLower(name), json.Text(value))
	m.changed = true
	return m
}

// RemoveHeader takes a header out.
func (m *Message) RemoveHeader(name string) {
	if m.Fields.Get("headers").Remove(func(other string) bool { return strings.EqualFold(other, name) }) {
		m.changed = true
	}
}
