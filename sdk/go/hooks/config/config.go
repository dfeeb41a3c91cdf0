// Package config is a plugin's configuration. A module that imports it exports init.
package config

import (
	"errors"
	"strconv"
	"unsafe"

	"github.com/plugbay/plugbay/sdk/go/internal/abi"
	"github.com/plugbay/plugbay/sdk/go/json"
)

// Fields are what is configured. The first thing that is wrong with them is what Err tells.
type Fields struct {
	value *json.Value
	known []string
	err   error
}

var handle func(*Fields) error

// Handle says what takes the configuration; it is called once, before any hook.
func Handle(take func(*Fields) error) { handle = take }

// Init is what the host does: an empty text is as good as {}.
func Init(text string) error {
	if text == "" {
		text = "{}"
	}
	value, err := json.Parse(text)
	if err != nil {
		return errors.New("failed to parse input JSON: " + err.Error())
	}
	fields := &Fields{value: value}
	if !value.IsNull() && value.Kind() != json.Object {
		return value.Wrong("config", "an object")
	}
	if handle == nil {
		return nil
	}
	err = handle(fields)
	if fields.err != nil {
		return fields.err
	}
	return err
}

// Text is a text, or what is to be without one.
func (f *Fields) Text(name, without string) string {
	value := f.get(name)
	if value == nil {
		return without
	}
	text, is := value.value.AsText()
	if !is {
		f.fail(value.value.Wrong("config."+name, "a string"))
	}
	return text
}

// OptionalText is the same where null is as good as none.
func (f *Fields) OptionalText(name, without string) string {
	if f.value.Get(name).IsNull() {
		f.known = append(f.known, name)
		return without
	}
	return f.Text(name, without)
}

// Uint is a whole number that is not negative, or what is to be without one.
func (f *Fields) Uint(name string, without uint64) uint64 {
	value := f.get(name)
	if value == nil {
		return without
	}
	number, is := value.value.AsUint()
	if !is {
		f.fail(value.value.WrongNumber("config."+name, "u64"))
	}
	return number
}

// Int is a whole number, or what is to be without one.
func (f *Fields) Int(name string, without int64) int64 {
	value := f.get(name)
	if value == nil {
		return without
	}
	number, is := value.value.AsInt()
	if !is {
		f.fail(value.value.WrongNumber("config."+name, "i64"))
	}
	return number
}

// Float is a number, or what is to be without one.
func (f *Fields) Float(name string, without float64) float64 {
	value := f.get(name)
	if value == nil {
		return without
	}
	number, is := value.value.AsFloat()
	if !is {
		f.fail(value.value.WrongNumber("config."+name, "f64"))
	}
	return number
}

// Bool is true or false, or what is to be without either.
func (f *Fields) Bool(name string, without bool) bool {
	value := f.get(name)
	if value == nil {
		return without
	}
	is, known := value.value.AsBool()
	if !known {
		f.fail(value.value.Wrong("config."+name, "a boolean"))
	}
	return is
}

// Texts are a list of texts; without one there are none.
func (f *Fields) Texts(name string) []string {
	value := f.get(name)
	if value == nil {
		return nil
	}
	if value.value.Kind() != json.Array {
		f.fail(value.value.Wrong("config."+name, "a list"))
	}
	var texts []string
	for i, item := range value.value.Items() {
		text, is := item.AsText()
		if !is {
			f.fail(item.Wrong("config."+name+"."+strconv.Itoa(i), "a string"))
		}
		texts = append(texts, text)
	}
	return texts
}

// NoOthers: a field that nobody has asked for is a mistake.
func (f *Fields) NoOthers() {
	f.value.Each(func(name string, _ *json.Value) {
		for _, known := range f.known {
			if known == name {
				return
			}
		}
		f.fail(unknown(name, f.known))
	})
}

// Err is what was wrong so far.
func (f *Fields) Err() error { return f.err }

func (f *Fields) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

type present struct{ value *json.Value }

// get is nil where there is no such field; null is a value.
func (f *Fields) get(name string) *present {
	f.known = append(f.known, name)
	value, there := f.value.Lookup(name)
	if !there {
		return nil
	}
	return &present{value}
}

// unknown has serde's words, which users of the samples in Rust know.
func unknown(name string, known []string) error {
	names := ""
	for i, one := range known {
		switch {
		case i > 0 && len(known) == 2:
			names += " or "
		case i > 0:
			names += ", "
		}
		names += "`" + one + "`"
	}
	wanted := "expected " + names
	if len(known) > 2 {
		wanted = "expected one of " + names
	}
	return errors.New("config: unknown field `" + name + "`, " + wanted)
}

//go:wasmexport init
func start(at unsafe.Pointer, length uint32) int32 {
	defer abi.Abort()
	if err := Init(abi.Take(at, length)); err != nil {
		// The host tells what stands on stderr.
		println(err.Error())
		return 1
	}
	return 0
}
