// Package json has values of JSON for plugins: a number keeps its digits, an object the order of its fields, and what
// nobody looks at stays a text.
//
// It is here because encoding/json more than doubles a module: see the README.
package json

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is what a value is.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// String is how errors name it.
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "an object"}[k]
}

// Value is a value. A nil *Value is null.
type Value struct {
	kind Kind
	// text is a string's, a number's digits, true or false, or a list or an object that nobody has looked into.
	text string
	// inside is what is in a list or an object.
	inside *inside
}

// inside is apart, so that a value that is none of the two is small.
type inside struct {
	items  []*Value
	fields []field
}

type field struct {
	name  string
	value *Value
}

// Text makes a string.
func Text(text string) *Value { return &Value{kind: String, text: text} }

// Int makes a number.
func Int(number int64) *Value { return &Value{kind: Number, text: strconv.FormatInt(number, 10)} }

// Uint makes a number.
func Uint(number uint64) *Value { return &Value{kind: Number, text: strconv.FormatUint(number, 10)} }

// Float makes a number; what is not finite is null.
func Float(number float64) *Value {
	if math.IsInf(number, 0) || math.IsNaN(number) {
		return nil
	}
	return &Value{kind: Number, text: strconv.FormatFloat(number, 'g', -1, 64)}
}

// Texts makes a list of strings.
func Texts(texts ...string) *Value {
	list := List()
	for _, text := range texts {
		list.Append(Text(text))
	}
	return list
}

// Boolean makes true or false.
func Boolean(value bool) *Value { return &Value{kind: Bool, text: strconv.FormatBool(value)} }

// List makes a list.
func List(items ...*Value) *Value { return &Value{kind: Array, inside: &inside{items: items}} }

// NewObject makes an object without fields.
func NewObject() *Value { return &Value{kind: Object, inside: &inside{}} }

// Kind is what it is.
func (v *Value) Kind() Kind {
	if v == nil {
		return Null
	}
	return v.kind
}

// IsNull is also true of a value that is not there.
func (v *Value) IsNull() bool { return v.Kind() == Null }

// AsText is a string's text.
func (v *Value) AsText() (string, bool) {
	if v.Kind() != String {
		return "", false
	}
	return v.text, true
}

// AsUint is a whole number that is not negative.
func (v *Value) AsUint() (uint64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	number, err := strconv.ParseUint(v.text, 10, 64)
	return number, err == nil
}

// AsInt is a whole number.
func (v *Value) AsInt() (int64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	number, err := strconv.ParseInt(v.text, 10, 64)
	return number, err == nil
}

// AsBool is true or false.
func (v *Value) AsBool() (value, is bool) {
	return v.Kind() == Bool && v.text == "true", v.Kind() == Bool
}

// SetText makes a string of it.
func (v *Value) SetText(text string) { *v = Value{kind: String, text: text} }

// Append puts items behind those of a list, and makes a list of what is none. It returns the list.
func (v *Value) Append(items ...*Value) *Value {
	if v.kind != Array {
		*v = Value{kind: Array, inside: &inside{}}
	}
	inside := v.open()
	inside.items = append(inside.items, items...)
	return v
}

// Clone is a copy that has nothing in common with it.
func (v *Value) Clone() *Value {
	if v == nil {
		return nil
	}
	copied := *v
	if v.inside == nil {
		return &copied
	}
	copied.inside = &inside{items: slices.Clone(v.inside.items), fields: slices.Clone(v.inside.fields)}
	for i, item := range copied.inside.items {
		copied.inside.items[i] = item.Clone()
	}
	for i, field := range copied.inside.fields {
		copied.inside.fields[i].value = field.value.Clone()
	}
	return &copied
}

// AsFloat is a number.
func (v *Value) AsFloat() (float64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	number, err := strconv.ParseFloat(v.text, 64)
	return number, err == nil
}

// look is what is in it: nothing, where it is no list and no object.
func (v *Value) look() inside {
	if v == nil || v.open() == nil {
		return inside{}
	}
	return *v.inside
}

// Items are a list's.
func (v *Value) Items() []*Value { return v.look().items }

// Each goes through an object's fields, in order.
func (v *Value) Each(each func(name string, value *Value)) {
	for _, field := range v.look().fields {
		each(field.name, field.value)
	}
}

// Len is how many items or fields there are.
func (v *Value) Len() int {
	inside := v.look()
	return len(inside.items) + len(inside.fields)
}

// Get follows names from object to object; nil where there is none. Of two fields of one name the last counts.
func (v *Value) Get(names ...string) *Value {
	for _, name := range names {
		if v == nil {
			return nil
		}
		v, _ = v.Lookup(name)
	}
	return v
}

// Lookup is an object's field, and whether it is there: null is there, too.
func (v *Value) Lookup(name string) (value *Value, there bool) {
	fields := v.look().fields
	for i := len(fields) - 1; i >= 0; i-- {
		if fields[i].name == name {
			return fields[i].value, true
		}
	}
	return nil, false
}

// Set sets an object's field, and makes an object of what is none. It returns the object.
func (v *Value) Set(name string, value *Value) *Value {
	if v.kind != Object {
		*v = Value{kind: Object, inside: &inside{}}
	}
	inside := v.open()
	for i := len(inside.fields) - 1; i >= 0; i-- {
		if inside.fields[i].name == name {
			inside.fields[i].value = value
			return v
		}
	}
	inside.fields = append(inside.fields, field{name, value})
	return v
}

// Remove takes fields out, and says whether there was one.
func (v *Value) Remove(named func(name string) bool) bool {
	before := v.Len()
	if v.Kind() == Object {
		v.inside.fields = slices.DeleteFunc(v.inside.fields, func(field field) bool { return named(field.name) })
	}
	return v.Len() < before
}

// Write is a value's text.
func (v *Value) Write() []byte { return v.write(nil) }

func (v *Value) write(to []byte) []byte {
	switch v.Kind() {
	case Null:
		return append(to, "null"...)
	case String:
		return quote(to, v.text)
	case Array, Object:
		// Nobody has looked at it.
		if v.inside == nil {
			return appendCompact(to, v.text)
		}
	default:
		return append(to, v.text...)
	}
	if v.kind == Array {
		to = append(to, '[')
		for i, item := range v.inside.items {
			if i > 0 {
				to = append(to, ',')
			}
			to = item.write(to)
		}
		return append(to, ']')
	}
	to = append(to, '{')
	for i, field := range v.inside.fields {
		if i > 0 {
			to = append(to, ',')
		}
		to = append(quote(to, field.name), ':')
		to = field.value.write(to)
	}
	return append(to, '}')
}

func quote(to []byte, text string) []byte {
	const digits = "0123456789abcdef"
	// Only a plugin's own texts may be something else.
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	to = append(to, '"')
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			to = append(to, '\\', c)
		case c == '\n':
			to = append(to, '\\', 'n')
		case c < ' ':
			to = append(to, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			to = append(to, c)
		}
	}
	return append(to, '"')
}

// Wrong is the error of a value that is something else than it should be.
func (v *Value) Wrong(path, wanted string) error {
	return errors.New(path + ": expected " + wanted + ", found " + v.Kind().String())
}

// WrongNumber is the same where another number would have done.
func (v *Value) WrongNumber(path, wanted string) error {
	if v.Kind() != Number {
		return v.Wrong(path, wanted)
	}
	found := "another number"
	// A number may have a million digits.
	if _, whole := v.AsInt(); !whole && len(v.text) <= 32 {
		found = v.text
	}
	return errors.New(path + ": expected " + wanted + ", found " + found)
}
