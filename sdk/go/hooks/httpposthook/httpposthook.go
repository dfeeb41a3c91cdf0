// Package httpposthook is the hook that sees a response last, before it goes out. A module that imports it exports
// http_post_hook.
package httpposthook

import (
	"unsafe"

	"github.com/plugbay/plugbay/sdk/go/hooks"
	"github.com/plugbay/plugbay/sdk/go/json"
)

// Call is one response.
type Call struct {
	Context  hooks.Context
	Response hooks.Message
	// Request is what is answered; it is only to look at.
	Request hooks.Message
}

// Handle says what is called.
func Handle(handle func(*Call) error) {
	hooks.Register("http_post_hook", "error", func(document, output *json.Value) error {
		context, objects, err := hooks.Open(document, "response", "request")
		if err != nil {
			return err
		}
		call := Call{
			context, hooks.NewMessage(objects[0], hooks.ResponseBody, true),
			hooks.NewMessage(objects[1], hooks.RequestBody, false),
		}
		if err := handle(&call); err != nil {
			return err
		}
		if err := call.Request.Err(); err != nil {
			return err
		}
		if err := call.Response.Settle(hooks.ResponseBody); err != nil {
			return err
		}
		call.Context.Finish(output)
		if call.Response.IsChanged() {
			output.Set("response", call.Response.Fields)
		}
		return nil
	})
}

//go:wasmexport http_post_hook
func export(start unsafe.Pointer, length uint32) uint64 {
	return hooks.Export("http_post_hook", start, length)
}
