// A hook plugin that turns bodies around: bytes of any kind, which are never base64 and need not fit into its memory.
package main

import (
	"slices"

	"github.com/plugbay/plugbay/sdk/go/hooks"
	_ "github.com/plugbay/plugbay/sdk/go/hooks/binarybodies"
	"github.com/plugbay/plugbay/sdk/go/hooks/httpposthook"
	"github.com/plugbay/plugbay/sdk/go/hooks/httpprehook"
	"github.com/plugbay/plugbay/sdk/go/json"
)

// part is how much of a body is in memory at a time, twice.
const part = 16 << 10

func init() {
	hooks.Name("mirror_go")
	httpprehook.Handle(request)
	httpposthook.Handle(response)
}

// request is turned around where it is, and answered so where it asks for that.
func request(call *httpprehook.Call) error {
	call.Context.Set("mirrored", json.Int(call.Request.BodyLen()))
	if wanted, _ := call.Request.Header("x-mirror"); wanted != "answer" {
		return turnAround(&call.Request)
	}
	body, err := call.Request.Body()
	slices.Reverse(body)
	call.Response = hooks.NewResponse(200).SetHeader("content-type", "application/octet-stream").SetBody(body)
	return err
}

// response is read and written as a whole.
func response(call *httpposthook.Call) error {
	body, err := call.Response.Body()
	slices.Reverse(body)
	call.Response.SetBody(body)
	return err
}

// turnAround swaps parts of both ends, until they meet.
func turnAround(request *hooks.Message) error {
	var first, last [part]byte
	length := request.BodyLen()
	for front := int64(0); front < length/2; front += part {
		size := min(part, length/2-front)
		back := length - front - size
		for at, buffer := range map[int64][]byte{front: first[:size], back: last[:size]} {
			if _, err := request.ReadBodyAt(buffer, at); err != nil {
				return err
			}
			slices.Reverse(buffer)
		}
		if err := request.WriteBodyAt(last[:size], front); err != nil {
			return err
		}
		if err := request.WriteBodyAt(first[:size], back); err != nil {
			return err
		}
	}
	return nil
}

// main is never called: the module is a library.
func main() {}
