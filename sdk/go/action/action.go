// Package action is for action plugins: a module that imports it exports all that conductor calls.
package action

import (
	"errors"
	"unsafe"

	"github.com/plugbay/plugbay/sdk/go/internal/abi"
	"github.com/plugbay/plugbay/sdk/go/json"
)

var (
	handle   func(*Params, *Context) error
	ready    func() error
	shutdown func()
)

// Handle says what is called when a trigger fires.
func Handle(action func(*Params, *Context) error) { handle = action }

// OnInit is called once, when the plugin is loaded. An error keeps it from being so.
func OnInit(call func() error) { ready = call }

// OnShutdown is called once, before it is unloaded.
func OnShutdown(call func()) { shutdown = call }

// Print prints a line, which the host shows with the plugin's name. It goes to stderr, without package os.
func Print(line string) { println(line) }

// Context is what is known of the event; nil is what does not apply. Fields has all of it.
type Context struct {
	Fields                                             *json.Value
	Velocity, Mode, Note, Channel, CC, Value, Pressure *uint8
	Pitch                                              *int16
	Timestamp                                          uint64
	ModeName, Trigger                                  string
}

// Metadata is more to say of the event, by name; empty where there is nothing.
func (c *Context) Metadata(name string) string {
	text, _ := c.Fields.Get("metadata", name).AsText()
	return text
}

// Run runs the action, as the host does: an empty text is as good as {}.
func Run(params, context string) error {
	fields, err := object(params, "params")
	if err != nil {
		return unread(err)
	}
	event, err := object(context, "context")
	if err != nil {
		return unread(err)
	}
	return run(fields, event)
}

// RunDocument runs the action of a plugin that has described itself: there is one document, which has its parameters,
// and what is known of the event.
func RunDocument(text string) error {
	document, err := object(text, "document")
	if err != nil {
		return unread(err)
	}
	parts := [2]*json.Value{}
	for i, name := range []string{"params", "context"} {
		parts[i] = document.Get(name)
		if parts[i] == nil {
			parts[i] = json.NewObject()
		}
		if parts[i].Kind() != json.Object {
			return unread(parts[i].Wrong(name, "an object"))
		}
	}
	return run(parts[0], parts[1])
}

func run(params, event *json.Value) error {
	context, err := contextOf(event)
	if err != nil {
		return unread(err)
	}
	if handle == nil {
		return errors.New("the plugin has no action")
	}
	return handle(&Params{params}, context)
}

func contextOf(fields *json.Value) (*Context, error) {
	context := &Context{Fields: fields}
	for name, into := range map[string]**uint8{
		"velocity": &context.Velocity, "mode": &context.Mode, "note": &context.Note, "channel": &context.Channel,
		"cc": &context.CC, "value": &context.Value, "pressure": &context.Pressure,
	} {
		if value := fields.Get(name); !value.IsNull() {
			number, is := value.AsUint()
			if !is || number > 255 {
				return nil, value.WrongNumber("context."+name, "u8")
			}
			small := uint8(number)
			*into = &small
		}
	}
	if value := fields.Get("pitch"); !value.IsNull() {
		number, is := value.AsInt()
		if !is || number != int64(int16(number)) {
			return nil, value.WrongNumber("context.pitch", "i16")
		}
		small := int16(number)
		context.Pitch = &small
	}
	context.Timestamp, _ = fields.Get("timestamp").AsUint()
	context.ModeName, _ = fields.Get("mode_name").AsText()
	context.Trigger, _ = fields.Get("trigger").AsText()
	return context, nil
}

func object(text, name string) (*json.Value, error) {
	if text == "" {
		return json.NewObject(), nil
	}
	value, err := json.Parse(text)
	if err == nil && value.Kind() != json.Object {
		err = value.Wrong(name, "an object")
	}
	return value, err
}

func unread(err error) error { return errors.New("failed to parse input JSON: " + err.Error()) }

// status tells an error where the host looks for it.
func status(err error) int32 {
	if err == nil {
		return 0
	}
	Print(err.Error())
	return 1
}

// start returns metadata, or nothing. There is no status to return then: what went wrong is the last line on stderr.
//
//go:wasmexport init
func start() uint64 {
	defer abi.Abort()
	if ready != nil {
		if err := ready(); err != nil {
			abi.Quit(err.Error())
		}
	}
	if described == nil {
		return 0
	}
	return abi.Give(described.document())
}

//go:wasmexport execute
func execute(params unsafe.Pointer, length uint32) int32 {
	defer abi.Abort()
	if described != nil {
		return status(RunDocument(abi.Take(params, length)))
	}
	return status(Run(abi.Take(params, length), ""))
}

//go:wasmexport execute_with_context
func executeWithContext(params unsafe.Pointer, length uint32, context unsafe.Pointer, contextLength uint32) int32 {
	defer abi.Abort()
	return status(Run(abi.Take(params, length), abi.Take(context, contextLength)))
}

//go:wasmexport shutdown
func stop() {
	defer abi.Abort()
	if shutdown != nil {
		shutdown()
	}
}

// The host would grow the memory for its input otherwise, and Go's runtime takes all growth for its own.
//
//go:wasmexport malloc
func malloc(size uint32) unsafe.Pointer { return abi.Malloc(size) }

//go:wasmexport free
func free(start unsafe.Pointer) { abi.Free(start) }
