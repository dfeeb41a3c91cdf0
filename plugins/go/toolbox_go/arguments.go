package main

import (
	"encoding/json"
	"errors"
	"strconv"
)

// errBadArgument: a field is missing, or is something else than it should be.
var errBadArgument = errors.New("bad_argument")

// arguments are a tool's fields, each as it is written. Each is read when it is asked for, as what it is to
// be; null is as good as none.
type arguments map[string]json.RawMessage

func (a arguments) has(name string) bool {
	field := a[name]
	return field != nil && string(field) != "null"
}

func (a arguments) text(name string) (string, error) {
	if !a.has(name) {
		return "", errBadArgument
	}
	return asText(a[name])
}

func (a arguments) optionalText(name string) (string, error) {
	if !a.has(name) {
		return "", nil
	}
	return asText(a[name])
}

func (a arguments) integer(name string) (int32, error) {
	// Not by way of encoding/json, which takes null for 0.
	number, err := strconv.ParseInt(string(a[name]), 10, 32)
	if err != nil {
		return 0, errBadArgument
	}
	return int32(number), nil
}

// number is of whatever size: beyond all bounds it is infinite.
func (a arguments) number(name string) (float64, error) {
	number, err := strconv.ParseFloat(string(a[name]), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errBadArgument
	}
	return number, nil
}

// timeoutMs is 0 where there is none.
func (a arguments) timeoutMs() (uint32, error) {
	if !a.has("timeout_ms") {
		return 0, nil
	}
	ms, err := a.integer("timeout_ms")
	if err != nil || ms < 0 {
		return 0, errBadArgument
	}
	return uint32(ms), nil
}

func (a arguments) bytes(name string) ([]byte, error) {
	if !a.has(name) {
		return nil, errBadArgument
	}
	return a.optionalBytes(name)
}

// optionalBytes are text or a list of bytes, and nil where there are none.
func (a arguments) optionalBytes(name string) ([]byte, error) {
	if !a.has(name) {
		return nil, nil
	}
	if text, err := asText(a[name]); err == nil {
		return []byte(text), nil
	}
	var list []*uint8
	if json.Unmarshal(a[name], &list) != nil {
		return nil, errBadArgument
	}
	bytes := make([]byte, len(list))
	for i, byte := range list {
		if byte == nil {
			return nil, errBadArgument
		}
		bytes[i] = *byte
	}
	return bytes, nil
}

// texts is a list of texts, which need not be there.
func (a arguments) texts(name string) ([]string, error) {
	if !a.has(name) {
		return nil, nil
	}
	return asTexts(a[name])
}

// document is to be handed over as it is written, or as its text if it is a string.
func (a arguments) document() []byte {
	if !a.has("document") {
		return nil
	}
	if text, err := asText(a["document"]); err == nil {
		return []byte(text)
	}
	return a["document"]
}

func asText(field json.RawMessage) (string, error) {
	var text *string
	if json.Unmarshal(field, &text) != nil || text == nil {
		return "", errBadArgument
	}
	return *text, nil
}

func asTexts(field json.RawMessage) ([]string, error) {
	var list []json.RawMessage
	if json.Unmarshal(field, &list) != nil || list == nil {
		return nil, errBadArgument
	}
	texts := make([]string, len(list))
	for i, item := range list {
		text, err := asText(item)
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	return texts, nil
}
