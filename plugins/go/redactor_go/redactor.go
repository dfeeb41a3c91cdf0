// A hook plugin that removes e-mail addresses from prompts, answers and streamed chunks.
package main

import (
	"math"

	"github.com/plugbay/plugbay/sdk/go/hooks"
	"github.com/plugbay/plugbay/sdk/go/hooks/chunkhook"
	"github.com/plugbay/plugbay/sdk/go/hooks/cleanup"
	"github.com/plugbay/plugbay/sdk/go/hooks/config"
	"github.com/plugbay/plugbay/sdk/go/hooks/httpposthook"
	"github.com/plugbay/plugbay/sdk/go/hooks/httpprehook"
	"github.com/plugbay/plugbay/sdk/go/hooks/posthook"
	"github.com/plugbay/plugbay/sdk/go/hooks/prehook"
	"github.com/plugbay/plugbay/sdk/go/json"
)

// replacement stands in an address's place.
var replacement = "[redacted]"

func init() {
	hooks.Name("redactor_go")
	// Fields that it does not know are left alone.
	config.Handle(func(fields *config.Fields) error {
		replacement = fields.OptionalText("replacement", "[redacted]")
		return nil
	})
	// Prompts are looked at in pre_hook, once they are parsed, and answers in post_hook, before they are encoded.
	httpprehook.Handle(func(*httpprehook.Call) error { return nil })
	httpposthook.Handle(func(*httpposthook.Call) error { return nil })
	// There is nothing to tidy up; it is here so that the sample has all that the contract names.
	cleanup.Handle(func() error { return nil })
	prehook.Handle(func(call *prehook.Call) error {
		counting(&call.Context, call.Request.ReplaceTexts)
		return nil
	})
	posthook.Handle(func(call *posthook.Call) error {
		if !call.HasError {
			counting(&call.Context, call.Response.ReplaceTexts)
		}
		return nil
	})
	chunkhook.Handle(func(call *chunkhook.Call) error {
		add(&call.Context, redactStream(call))
		return nil
	})
}

// counting redacts texts, and adds to what was found.
func counting(context *hooks.Context, replaceTexts func(func(string) (string, bool)) int) {
	count := 0
	replaceTexts(func(text string) (string, bool) {
		redacted, found := redact(text)
		count += found
		return redacted, found > 0
	})
	add(context, count)
}

// add adds to what was found in this request so far.
func add(context *hooks.Context, count int) {
	if count == 0 {
		return
	}
	before, _ := context.Get("redacted").AsUint()
	sum := before + uint64(count)
	if sum < before {
		sum = math.MaxUint64
	}
	context.Set("redacted", json.Uint(sum))
}

// main is never called: the module is a library.
func main() {}
