// The smallest hook plugin: it leaves a greeting in the request's context and in a header.
package main

import (
	"github.com/plugbay/plugbay/sdk/go/hooks"
	"github.com/plugbay/plugbay/sdk/go/hooks/config"
	"github.com/plugbay/plugbay/sdk/go/hooks/httpprehook"
	"github.com/plugbay/plugbay/sdk/go/hooks/prehook"
	"github.com/plugbay/plugbay/sdk/go/json"
)

var greeting = "hello"

func init() {
	hooks.Name("hello_go")
	// The configuration: {"greeting": "good evening"}.
	config.Handle(func(fields *config.Fields) error {
		greeting = fields.Text("greeting", "hello")
		return nil
	})
	httpprehook.Handle(func(call *httpprehook.Call) error {
		call.Request.SetHeader("x-greeting", greeting)
		return nil
	})
	prehook.Handle(func(call *prehook.Call) error {
		call.Context.Set("greeting", json.Text(greeting+", "+call.Request.Model()))
		return nil
	})
}

// main is never called: the module is a library.
func main() {}
