// Package prehook is the hook that sees a request to a model before the provider. A module that imports it
// exports pre_hook.
package prehook

import (
	"unsafe"

	"github.com/plugbay/plugbay/sdk/go/hooks"
	"github.com/plugbay/plugbay/sdk/go/json"
)

// Call is one request.
type Call struct {
	Context hooks.Context
	Request hooks.LLMRequest
	// ShortCircuit answers in the provider's place: an object with response, error or stream.
	ShortCircuit *json.Value
}

// Respond answers in the provider's place.
func (c *Call) Respond(response *hooks.LLMResponse) { c.instead("response", response.Fields) }

// Reject answers with an error in the provider's place.
func (c *Call) Reject(err *hooks.LLMError) { c.instead("error", err.Fields) }

// Stream answers with a stream in the provider's place.
func (c *Call) Stream(chunks ...*hooks.Chunk) { c.instead("stream", hooks.Chunks(chunks)) }

func (c *Call) instead(name string, value *json.Value) {
	c.ShortCircuit = json.NewObject().Set(name, value)
}

// Handle says what is called.
func Handle(handle func(*Call) error) {
	hooks.Register("pre_hook", "error", func(document, output *json.Value) error {
		context, objects, err := hooks.Open(document, "request")
		if err != nil {
			return err
		}
		call := Call{Context: context, Request: hooks.LLMRequest{Fields: objects[0]}}
		if err := handle(&call); err != nil {
			return err
		}
		call.Context.Finish(output)
		if call.ShortCircuit != nil {
			output.Set("has_short_circuit", json.Boolean(true)).Set("short_circuit", call.ShortCircuit)
		} else if call.Request.IsChanged() {
			output.Set("request", call.Request.Fields)
		}
		return nil
	})
}

//go:wasmexport pre_hook
func export(start unsafe.Pointer, length uint32) uint64 {
	return hooks.Export("pre_hook", start, length)
}
