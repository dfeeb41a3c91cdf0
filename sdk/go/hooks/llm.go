package hooks

import (
	"github.com/plugbay/plugbay/sdk/go/internal/texts"
	"github.com/plugbay/plugbay/sdk/go/json"
)

// LLMRequest is a request to a model. Fields has all of it; what is not touched there goes back as it came.
type LLMRequest struct {
	Fields  *json.Value
	changed bool
}

// LLMResponse is what a model answers, or what a plugin does in its place.
type LLMResponse struct {
	Fields  *json.Value
	changed bool
}

// LLMError is what a client gets instead: a provider's error, or one that a plugin makes.
type LLMError struct {
	Fields  *json.Value
	changed bool
}

// Changed says that Fields were changed by hand.
func (r *LLMRequest) Changed() { r.changed = true }

// IsChanged is whether it goes back.
func (r *LLMRequest) IsChanged() bool { return r.changed }

// Provider is the name of the provider that is asked.
func (r *LLMRequest) Provider() string {
	provider, _ := r.Fields.Get("provider").AsText()
	return provider
}

// Model is the model's name.
func (r *LLMRequest) Model() string {
	model, _ := r.Fields.Get("model").AsText()
	return model
}

// SetModel asks another model.
func (r *LLMRequest) SetModel(model string) {
	r.Fields.Set("model", json.Text(model))
	r.changed = true
}

// Texts are the texts of all messages.
func (r *LLMRequest) Texts() []string { return texts.List(texts.Messages(r.Fields.Get("input"))) }

// ReplaceTexts shows each text of the messages to a function, and puts what that returns in the text's place if it
// says so. It returns how many were replaced; where none was, the request stays as it came.
func (r *LLMRequest) ReplaceTexts(replace func(text string) (string, bool)) int {
	count := texts.Replace(texts.Messages(r.Fields.Get("input")), replace)
	r.changed = r.changed || count > 0
	return count
}

// PushMessage puts a message behind those that are there.
func (r *LLMRequest) PushMessage(role, content string) {
	input := r.Fields.Get("input")
	if input == nil {
		input = json.List()
		r.Fields.Set("input", input)
	}
	input.Append(json.NewObject().Set("role", json.Text(role)).Set("content", json.Text(content)))
	r.changed = true
}

// NewChat is the answer of a chat with one choice.
func NewChat(text string) *LLMResponse {
	message := json.NewObject().Set("role", json.Text("assistant")).Set("content", json.Text(text))
	choice := json.NewObject().Set("index", json.Int(0)).Set("message", message).Set("finish_reason", json.Text("stop"))
	chat := json.NewObject().Set("choices", json.List(choice))
	return &LLMResponse{json.NewObject().Set("chat_response", chat), true}
}

// Changed says that Fields were changed by hand.
func (r *LLMResponse) Changed() { r.changed = true }

// IsChanged is whether it goes back.
func (r *LLMResponse) IsChanged() bool { return r.changed }

// Texts are the texts of all choices.
func (r *LLMResponse) Texts() []string { return texts.List(r.texts()) }

// ReplaceTexts shows each text of the choices to a function, and puts what that returns in the text's place if it
// says so. It returns how many were replaced; where none was, the response stays as it came.
func (r *LLMResponse) ReplaceTexts(replace func(text string) (string, bool)) int {
	count := texts.Replace(r.texts(), replace)
	r.changed = r.changed || count > 0
	return count
}

func (r *LLMResponse) texts() []*json.Value {
	return texts.Choices(r.Fields.Get("chat_response", "choices"), "message")
}

// NewError is an error with this status and message.
func NewError(status uint16, message string) *LLMError {
	inner := json.NewObject().Set("message", json.Text(message))
	return &LLMError{json.NewObject().Set("error", inner).Set("status_code", json.Uint(uint64(status))), true}
}

// WithType gives it a type, such as rate_limit_error.
func (e *LLMError) WithType(kind string) *LLMError { return e.with("type", kind) }

// WithCode gives it a code, such as rate_limit_exceeded.
func (e *LLMError) WithCode(code string) *LLMError { return e.with("code", code) }

// WithParam names the parameter that is wrong.
func (e *LLMError) WithParam(param string) *LLMError { return e.with("param", param) }

// WithoutFallbacks has no other provider asked after it.
func (e *LLMError) WithoutFallbacks() *LLMError {
	e.Fields.Set("allow_fallbacks", json.Boolean(false))
	e.changed = true
	return e
}

func (e *LLMError) with(name, value string) *LLMError {
	if inner := e.Fields.Get("error"); inner.Kind() == json.Object {
		inner.Set(name, json.Text(value))
		e.changed = true
	}
	return e
}

// Changed says that Fields were changed by hand.
func (e *LLMError) Changed() { e.changed = true }

// IsChanged is whether it goes back.
func (e *LLMError) IsChanged() bool { return e.changed }

// Message is what it says.
func (e *LLMError) Message() string {
	message, _ := e.Fields.Get("error", "message").AsText()
	return message
}

// Type is its type.
func (e *LLMError) Type() string {
	kind, _ := e.Fields.Get("error", "type").AsText()
	return kind
}

// Code is its code; a number's digits where it is one.
func (e *LLMError) Code() string {
	code := e.Fields.Get("error", "code")
	if code.Kind() == json.Number {
		return string(code.Write())
	}
	text, _ := code.AsText()
	return text
}

// Status is the status that goes with it; 0 where there is none.
func (e *LLMError) Status() uint16 {
	status, _ := e.Fields.Get("status_code").AsUint()
	return uint16(status)
}
