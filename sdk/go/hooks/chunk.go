package hooks

import (
	"github.com/plugbay/plugbay/sdk/go/internal/texts"
	"github.com/plugbay/plugbay/sdk/go/json"
)

// Chunk is one chunk of a stream: any JSON, without "data:" around it. Value is nil where there is none.
type Chunk struct {
	Value   *json.Value
	changed bool
}

// NewChunk is a chunk that a plugin makes.
func NewChunk(value *json.Value) *Chunk { return &Chunk{value, true} }

// NewDelta is a chunk of a chat: the next piece of its text.
func NewDelta(text string) *Chunk {
	delta := json.NewObject().Set("content", json.Text(text))
	choice := json.NewObject().Set("index", json.Int(0)).Set("delta", delta).Set("finish_reason", nil)
	return NewChunk(json.NewObject().
		Set("object", json.Text("chat.completion.chunk")).Set("choices", json.List(choice)))
}

// Clone is a copy that has nothing in common with it.
func (c *Chunk) Clone() *Chunk { return NewChunk(c.Value.Clone()) }

// Changed says that Value was changed by hand.
func (c *Chunk) Changed() { c.changed = true }

// IsChanged is whether it is another one than it came as.
func (c *Chunk) IsChanged() bool { return c.changed }

// Texts are the texts of all choices.
func (c *Chunk) Texts() []string { return texts.List(c.texts()) }

// ReplaceTexts shows each text of the choices to a function, and puts what that returns in the text's place if it
// says so. It returns how many were replaced; where none was, the chunk stays as it came.
func (c *Chunk) ReplaceTexts(replace func(text string) (string, bool)) int {
	count := texts.Replace(c.texts(), replace)
	c.changed = c.changed || count > 0
	return count
}

func (c *Chunk) texts() []*json.Value { return texts.Choices(c.Value.Get("choices"), "delta") }

// Chunks is a list of them.
func Chunks(chunks []*Chunk) *json.Value {
	list := json.List()
	for _, chunk := range chunks {
		list.Append(chunk.Value)
	}
	return list
}
