// Package hooks is what hook plugins have in common. Each hook is a package below it, and a module exports the
// hooks whose packages it imports:
//
//	func init() {
//		hooks.Name("hello")
//		prehook.Handle(func(call *prehook.Call) error {
//			call.Context.Set("model", json.Text(call.Request.Model()))
//			return nil
//		})
//	}
//
//	func main() {}
//
// [Call] calls them where there is no host, in the tests of a plugin.
package hooks

import (
	"unsafe"

	"github.com/plugbay/plugbay/sdk/go/internal/abi"
	"github.com/plugbay/plugbay/sdk/go/json"
)

// name is never freed.
var name = []byte("plugin")

// handlers are the hooks that there are, by name.
var handlers = map[string]handler{}

type handler struct {
	call  func(document *json.Value, output *json.Value) error
	field string
}

// Name says what the plugin is called.
func Name(plugin string) { name = []byte(plugin) }

// Register is for the packages of the hooks: what call does to the output is the answer, and an error goes into
// the field.
func Register(hook, field string, call func(document, output *json.Value) error) {
	handlers[hook] = handler{call, field}
}

// call calls a hook with a document, as the host does. Nothing is "no output".
func call(hook, document string) []byte {
	handler, there := handlers[hook]
	if !there {
		return nil
	}
	output := json.NewObject()
	input, err := Parse(document)
	if err == nil {
		err = handler.call(input, output)
	}
	if err != nil {
		output = json.NewObject().Set(handler.field, json.Text(err.Error()))
	}
	if output.Len() == 0 {
		return nil
	}
	return output.Write()
}

// Parse reads a document of the host's, which is an object.
func Parse(document string) (*json.Value, error) {
	value, err := json.Parse(document)
	if err == nil && value.Kind() != json.Object {
		err = value.Wrong("document", "an object")
	}
	if err != nil {
		return nil, unread{err}
	}
	return value, nil
}

// Open is for the packages of the hooks: the context, and the fields that are objects. One that is null or not
// there has no fields.
func Open(document *json.Value, names ...string) (Context, []*json.Value, error) {
	objects := make([]*json.Value, len(names))
	for i, name := range append([]string{"context"}, names...) {
		object := document.Get(name)
		if object == nil {
			object = json.NewObject()
		}
		if object.Kind() != json.Object {
			return Context{}, nil, unread{object.Wrong(name, "an object")}
		}
		if i > 0 {
			objects[i-1] = object
		}
	}
	return Context{document.Get("context"), json.NewObject()}, objects, nil
}

// Unread is for the packages of the hooks: the error of a document that is not as it should be.
func Unread(err error) error { return unread{err} }

// Export is for the packages of the hooks: a call as it comes from the host.
func Export(hook string, start unsafe.Pointer, length uint32) uint64 {
	defer abi.Abort()
	return abi.Give(call(hook, abi.Take(start, length)))
}

type unread struct{ error }

func (u unread) Error() string { return "failed to parse input JSON: " + u.error.Error() }

//go:wasmexport malloc
func malloc(size uint32) unsafe.Pointer { return abi.Malloc(size) }

//go:wasmexport free
func free(start unsafe.Pointer) { abi.Free(start) }

//go:wasmexport get_name
func getName() uint64 { return abi.Pack(unsafe.Pointer(unsafe.SliceData(name)), len(name)) }
