// Turns long questions away, and tells the model how to answer the others.
package main

import (
	"errors"
	"strings"

	"github.com/plugbay/plugbay/sdk/go/hooks"
	"github.com/plugbay/plugbay/sdk/go/hooks/config"
	"github.com/plugbay/plugbay/sdk/go/hooks/prehook"
	"github.com/plugbay/plugbay/sdk/go/json"
)

var (
	instruction string
	mostWords   uint64
)

// The hooks that there are: those whose packages are imported.
func init() {
	hooks.Name("{{name}}")
	config.Handle(configure)
	prehook.Handle(ask)
}

// configure takes {"instruction": "Answer in one sentence.", "most_words": 100}.
func configure(fields *config.Fields) error {
	instruction = fields.Text("instruction", "Answer in one sentence.")
	mostWords = fields.Uint("most_words", 100)
	fields.NoOthers()
	if mostWords == 0 {
		return errors.New("config.most_words: nobody could ask anything")
	}
	return nil
}

// ask is called before the model is asked.
func ask(call *prehook.Call) error {
	words := 0
	for _, text := range call.Request.Texts() {
		words += len(strings.Fields(text))
	}
	call.Context.Set("words", json.Int(int64(words)))
	if uint64(words) > mostWords {
		call.Reject(hooks.NewError(400, "that is a long story").WithType("invalid_request_error"))
		return nil
	}
	call.Request.PushMessage("system", instruction)
	return nil
}

// main is never called: the module is a library.
func main() {}
