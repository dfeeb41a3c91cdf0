// Package prehook is the hook that sees a request to a model before the provider. A module that imports it
// exports pre_hook.
package prehook

import (
	"unsafe"

	"github.com/plugbay/plugbay/sdk/go/hooks"
	"github.com/plugbay/plugbay/sdk/go/json"
)

// Request is a request to a model. Fields has all of it.
type Request struct {
	Fields  *json.Value
	changed bool
}

// Call is one request.
type Call struct {
	Context hooks.Context
	Request Request
	// ShortCircuit answers in the provider's place: an object with response, error or stream.
	ShortCircuit *json.Value
}

// Model is the model's name.
func (r *Request) Model() string {
	model, _ := r.Fields.Get("model").AsText()
	return model
}

// Changed says that Fields were changed, so that they go back.
func (r *Request) Changed() { r.changed = true }

// Handle says what is called.
func Handle(handle func(*Call) error) {
	hooks.Register("pre_hook", "error", func(document, output *json.Value) error {
		request := document.Get("request")
		call := Call{Context: hooks.ContextOf(document), Request: Request{Fields: request}}
		if err := handle(&call); err != nil {
			return err
		}
		call.Context.Finish(output)
		if call.ShortCircuit != nil {
			output.Set("has_short_circuit", json.Boolean(true)).Set("short_circuit", call.ShortCircuit)
		} else if call.Request.changed {
			output.Set("request", request)
		}
		return nil
	})
}

//go:wasmexport pre_hook
func export(start unsafe.Pointer, length uint32) uint64 {
	return hooks.Export("pre_hook", start, length)
}
