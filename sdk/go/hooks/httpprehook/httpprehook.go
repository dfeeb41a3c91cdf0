// Package httpprehook is the hook that sees a request first, as it came. A module that imports it exports
// http_pre_hook.
package httpprehook

import (
	"unsafe"

	"github.com/plugbay/plugbay/sdk/go/hooks"
	"github.com/plugbay/plugbay/sdk/go/json"
)

// Call is one request.
type Call struct {
	Context hooks.Context
	Request hooks.Message
	// Response answers the request in place of everybody else.
	Response *hooks.Message
}

// Handle says what is called.
func Handle(handle func(*Call) error) {
	hooks.Register("http_pre_hook", "error", func(document, output *json.Value) error {
		context, objects, err := hooks.Open(document, "request")
		if err != nil {
			return err
		}
		call := Call{Context: context, Request: hooks.NewMessage(objects[0], hooks.RequestBody, true)}
		if err := handle(&call); err != nil {
			return err
		}
		if call.Response != nil {
			if err := call.Response.Settle(hooks.ResponseBody); err != nil {
				return err
			}
		} else if err := call.Request.Settle(hooks.RequestBody); err != nil {
			return err
		}
		call.Context.Finish(output)
		if call.Response != nil {
			output.Set("has_response", json.Boolean(true)).Set("response", call.Response.Fields)
		} else if call.Request.IsChanged() {
			output.Set("request", call.Request.Fields)
		}
		return nil
	})
}

//go:wasmexport http_pre_hook
func export(start unsafe.Pointer, length uint32) uint64 {
	return hooks.Export("http_pre_hook", start, length)
}
