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

// OnInit is called once, when the plugin is loaded.
func OnInit(call func() error) { ready = call }

// OnShutdown is called once, before it is unloaded.
func OnShutdown(call func()) { shutdown = call }

// Print prints a line, which the host shows with the plugin's name. It goes to stderr, without package os.
func Print(line string) { println(line) }

// Params are the parameters of one mapping, as the user wrote them.
type Params struct{ Fields *json.Value }

// Text is a text that has to be there.
func (p *Params) Text(name string) (string, error) {
	value := p.Fields.Get(name)
	if value == nil {
		there := false
		p.Fields.Each(func(other string, _ *json.Value) { there = there || other == name })
		if !there {
			return "", unread(errors.New("params: missing field `" + name + "`"))
		}
	}
	text, is := value.AsText()
	if !is {
		return "", unread(value.Wrong("params."+name, "a string"))
	}
	return text, nil
}

// Context is what is known of the event; nil is what does not apply. Fields has all of it.
type Context struct {
	Fields                                             *json.Value
	Velocity, Mode, Note, Channel, CC, Value, Pressure *uint8
	Pitch                                              *int16
	Timestamp                                          uint64
	ModeName, Trigger                                  string
}

// Run runs the action, as the host does: an empty text is as good as {}.
func Run(params, context string) error {
	fields, err := object(params, "params")
	if err != nil {
		return unread(err)
	}
	event, err := contextOf(context)
	if err != nil {
		return unread(err)
	}
	if handle == nil {
		return errors.New("the plugin has no action")
	}
	return handle(&Params{fields}, event)
}

func contextOf(text string) (*Context, error) {
	fields, err := object(text, "context")
	if err != nil {
		return nil, err
	}
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

//go:wasmexport init
func start() int32 {
	defer abi.Abort()
	if ready == nil {
		return 0
	}
	return status(ready())
}

//go:wasmexport execute
func execute(params unsafe.Pointer, length uint32) int32 {
	defer abi.Abort()
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
