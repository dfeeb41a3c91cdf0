// Package chunkhook is the hook that sees each chunk of a stream. A module that imports it exports
// http_stream_chunk_hook.
package chunkhook

import (
	"unsafe"

	"github.com/plugbay/plugbay/sdk/go/hooks"
	"github.com/plugbay/plugbay/sdk/go/json"
)

// Call is one chunk. Unless a method says otherwise, all that is held leaves, and then the chunk, with what was
// changed in it.
type Call struct {
	Context hooks.Context
	// Chunk has no Value when the stream has ended.
	Chunk *hooks.Chunk
	// Held are the chunks that this plugin holds back, in order.
	Held []*hooks.Chunk
	// Flush is whether the stream has ended: there is no chunk, and what is held has to leave.
	Flush bool
	// Request is what is answered; it is only to look at.
	Request hooks.Message

	action     action
	send, keep []*hooks.Chunk
}

type action uint8

const (
	pass action = iota
	skip
	hold
	split
)

// Skip lets all that is held leave, and not the chunk.
func (c *Call) Skip() { c.action = skip }

// Hold holds the chunk back, behind those that are.
func (c *Call) Hold() { c.action = hold }

// Send lets these leave, in the place of all that is held and of the chunk.
func (c *Call) Send(chunks ...*hooks.Chunk) { c.Split(chunks, nil) }

// Split lets some leave and holds others from now on, in the place of all that is held and of the chunk.
func (c *Call) Split(send, keep []*hooks.Chunk) { c.action, c.send, c.keep = split, send, keep }

// Handle says what is called.
func Handle(handle func(*Call) error) {
	hooks.Register("http_stream_chunk_hook", "error", func(document, output *json.Value) error {
		context, objects, err := hooks.Open(document, "request")
		if err != nil {
			return err
		}
		held := document.Get("held")
		if held.Kind() != json.Array && !held.IsNull() {
			return hooks.Unread(held.Wrong("held", "a list"))
		}
		call := Call{
			Context: context, Request: hooks.NewMessage(objects[0], hooks.RequestBody, false),
			Chunk: &hooks.Chunk{Value: document.Get("chunk")},
		}
		call.Flush, _ = document.Get("flush").AsBool()
		for _, value := range held.Items() {
			call.Held = append(call.Held, &hooks.Chunk{Value: value})
		}
		if err := handle(&call); err != nil {
			return err
		}
		if err := call.Request.Err(); err != nil {
			return err
		}
		call.Context.Finish(output)
		call.finish(output)
		return nil
	})
}

func (c *Call) finish(output *json.Value) {
	yes := json.Boolean(true)
	switch c.action {
	case skip:
		output.Set("skip", yes)
		return
	case split:
		output.Set("chunks", hooks.Chunks(c.send))
		if len(c.keep) > 0 {
			output.Set("hold", yes).Set("keep", hooks.Chunks(c.keep))
		}
		return
	case hold:
		output.Set("hold", yes)
	}
	// At the end of a stream there is no chunk to change.
	if !c.Flush && c.Chunk.IsChanged() {
		output.Set("has_chunk", yes).Set("chunk", c.Chunk.Value)
	}
}

//go:wasmexport http_stream_chunk_hook
func export(start unsafe.Pointer, length uint32) uint64 {
	return hooks.Export("http_stream_chunk_hook", start, length)
}
