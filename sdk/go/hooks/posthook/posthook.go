// Package posthook is the hook that sees a model's response, or the error in its place. A module that imports it
// exports post_hook.
package posthook

import (
	"unsafe"

	"github.com/plugbay/plugbay/sdk/go/hooks"
	"github.com/plugbay/plugbay/sdk/go/json"
)

// Call is one response, or the error in its place.
type Call struct {
	Context  hooks.Context
	Response hooks.LLMResponse
	Error    hooks.LLMError
	// HasError is whether the request has failed: then Error is what there is.
	HasError bool
	turned   bool
}

// SetResponse puts a response in the place of what is there.
func (c *Call) SetResponse(response *hooks.LLMResponse) {
	c.Response, c.HasError, c.turned = *response, false, true
}

// SetError puts an error in the place of what is there.
func (c *Call) SetError(err *hooks.LLMError) { c.Error, c.HasError, c.turned = *err, true, true }

// Handle says what is called.
func Handle(handle func(*Call) error) {
	hooks.Register("post_hook", "hook_error", func(document, output *json.Value) error {
		context, objects, err := hooks.Open(document, "response", "error")
		if err != nil {
			return err
		}
		call := Call{
			Context: context, Response: hooks.LLMResponse{Fields: objects[0]}, Error: hooks.LLMError{Fields: objects[1]},
		}
		call.HasError, _ = document.Get("has_error").AsBool()
		if err := handle(&call); err != nil {
			return err
		}
		call.Context.Finish(output)
		switch {
		// A document without the flag would say that there is no error any more.
		case call.HasError && (call.turned || call.Error.IsChanged() || output.Len() > 0):
			output.Set("error", call.Error.Fields).Set("has_error", json.Boolean(true))
		case !call.HasError && (call.turned || call.Response.IsChanged()):
			output.Set("response", call.Response.Fields)
		}
		return nil
	})
}

//go:wasmexport post_hook
func export(start unsafe.Pointer, length uint32) uint64 {
	return hooks.Export("post_hook", start, length)
}
