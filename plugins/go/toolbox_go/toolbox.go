package main

import (
	"encoding/json"
	"errors"
	"unicode/utf8"

	plugbay "github.com/plugbay/plugbay/sdk/go"
)

// mostRandom: more random bytes are not even asked for, for the memory has to hold them.
const mostRandom = 1 << 20

var errUnknownCall = errors.New("unknown_call")

// outcome is what is told of a call.
type outcome struct {
	Result *int64          `json:"result"`
	Answer json.RawMessage `json:"answer"`
	Text   any             `json:"text"`
	More   any             `json:"more"`
	Error  *string         `json:"error"`
}

// preHook calls what the request's tool names; nil without one.
func preHook(input []byte) []byte {
	tool, err := toolOf(input)
	if err != nil {
		return encode(map[string]string{"error": "failed to parse input JSON: " + err.Error()})
	}
	if tool == nil || string(tool) == "null" {
		return nil
	}
	return encode(map[string]any{"context": map[string]any{"tool": run(tool)}})
}

// toolOf follows the path in maps rather than structs, whose fields match names in any case.
func toolOf(document json.RawMessage) (json.RawMessage, error) {
	for _, name := range []string{"request", "params", "tool"} {
		if document == nil {
			return nil, nil
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(document, &fields); err != nil {
			return nil, err
		}
		document = fields[name]
	}
	return document, nil
}

// run calls, and looks at what the call left.
func run(tool json.RawMessage) outcome {
	var fields arguments
	// What is no object has no call.
	_ = json.Unmarshal(tool, &fields)
	result, own, err := call(fields)
	if own != nil {
		return outcome{Result: &result, Answer: own}
	}
	// An answer stays for a whole call of the plugin, and there was no other function in this one.
	told := outcome{Answer: plugbay.Answer(0), Text: part(1), More: part(2)}
	var class plugbay.Class
	switch {
	case err == nil:
		told.Result = &result
	case errors.As(err, &class):
		code, name := int64(class), class.Error()
		told.Result, told.Error = &code, &name
	default:
		name := err.Error()
		told.Error = &name
	}
	return told
}

// part is text where it is UTF-8, and otherwise a list of bytes.
func part(number int32) any {
	bytes := plugbay.Answer(number)
	if bytes == nil {
		return nil
	}
	if utf8.Valid(bytes) {
		return string(bytes)
	}
	list := make([]int, len(bytes))
	for i, byte := range bytes {
		list[i] = int(byte)
	}
	return list
}

// call returns what the function returned, and for some an answer of the toolbox's own.
func call(a arguments) (int64, json.RawMessage, error) {
	name, _ := a.text("call")
	if name == "random" {
		return random(a)
	}
	function := functions[name]
	if function == nil {
		return 0, nil, errUnknownCall
	}
	result, err := function(a)
	return result, nil, err
}

var functions = map[string]func(arguments) (int64, error){
	"version":      func(arguments) (int64, error) { return int64(plugbay.Version()), nil },
	"now":          func(arguments) (int64, error) { return plugbay.Now().UnixNano(), nil },
	"log":          log,
	"metric":       metric,
	"http_request": httpRequest,
	"ws_open":      wsOpen,
	"ws_send":      wsSend,
	"ws_recv":      wsRecv,
	"ws_close":     wsClose,
	"midi_send":    midiSend,
	"audio_play":   audioPlay,
	"kv_get":       kvGet,
	"kv_set":       kvSet,
	"kv_delete":    kvDelete,
	"kv_swap":      kvSwap,
	"run":          runProgram,
	"system":       system,
}

func random(a arguments) (int64, json.RawMessage, error) {
	length, err := a.integer("len")
	if err != nil || length < 0 || length > mostRandom {
		return 0, nil, errBadArgument
	}
	buffer := make([]byte, length)
	if err := plugbay.Random(buffer); err != nil {
		return 0, nil, err
	}
	nonZero := 0
	for _, byte := range buffer {
		if byte != 0 {
			nonZero++
		}
	}
	return 0, encode(map[string]int{"len": len(buffer), "non_zero": nonZero}), nil
}

func log(a arguments) (int64, error) {
	level, err := a.integer("level")
	text, err2 := a.text("text")
	if err := errors.Join(err, err2); err != nil {
		return 0, errBadArgument
	}
	return 0, plugbay.Log(plugbay.Level(level), text)
}

func metric(a arguments) (int64, error) {
	kind, err := a.integer("kind")
	name, err2 := a.text("name")
	value, err3 := a.number("value")
	if err := errors.Join(err, err2, err3); err != nil {
		return 0, errBadArgument
	}
	return 0, plugbay.Metric(plugbay.MetricKind(kind), name, value)
}

func httpRequest(a arguments) (int64, error) {
	body, err := a.optionalBytes("body")
	if err != nil {
		return 0, err
	}
	if document := a.document(); document != nil {
		status, err := plugbay.RawHTTPRequest(document, body)
		return int64(status), err
	}
	var request plugbay.Request
	request.URL, err = a.text("url")
	method, err2 := a.optionalText("method")
	headers, err3 := headersOf(a)
	timeoutMs, err4 := a.timeoutMs()
	if err := errors.Join(err, err2, err3, err4); err != nil {
		return 0, errBadArgument
	}
	request.Method, request.Headers, request.TimeoutMs = method, headers, timeoutMs
	response, err := request.Send(body)
	if err != nil {
		return 0, err
	}
	return int64(response.Status), nil
}

func headersOf(a arguments) ([]plugbay.Header, error) {
	if !a.has("headers") {
		return nil, nil
	}
	var list []json.RawMessage
	if json.Unmarshal(a["headers"], &list) != nil {
		return nil, errBadArgument
	}
	headers := make([]plugbay.Header, len(list))
	for i, item := range list {
		pair, err := asTexts(item)
		if err != nil || len(pair) != 2 {
			return nil, errBadArgument
		}
		headers[i] = plugbay.Header(pair)
	}
	return headers, nil
}

func wsOpen(a arguments) (int64, error) {
	if document := a.document(); document != nil {
		socket, err := plugbay.RawOpen(document)
		return int64(socket), err
	}
	url, err := a.text("url")
	headers, err2 := headersOf(a)
	protocols, err3 := a.texts("protocols")
	if err := errors.Join(err, err2, err3); err != nil {
		return 0, errBadArgument
	}
	opening := plugbay.Opening{URL: url, Headers: headers, Protocols: protocols}
	socket, _, err := opening.Open()
	return int64(socket), err
}

func wsSend(a arguments) (int64, error) {
	socket, err := a.integer("socket")
	kind, err2 := a.integer("kind")
	data, err3 := a.bytes("data")
	if err := errors.Join(err, err2, err3); err != nil {
		return 0, errBadArgument
	}
	return 0, plugbay.Socket(socket).Send(plugbay.MessageKind(kind), data)
}

func wsRecv(a arguments) (int64, error) {
	socket, err := a.integer("socket")
	waitMs, err2 := a.integer("wait_ms")
	if err := errors.Join(err, err2); err != nil {
		return 0, errBadArgument
	}
	message, err := plugbay.Socket(socket).Receive(waitMs)
	return int64(message.Kind), err
}

func wsClose(a arguments) (int64, error) {
	socket, err := a.integer("socket")
	if err != nil {
		return 0, err
	}
	return 0, plugbay.Socket(socket).Close()
}

func midiSend(a arguments) (int64, error) {
	output, err := a.text("output")
	data, err2 := a.bytes("data")
	if err := errors.Join(err, err2); err != nil {
		return 0, errBadArgument
	}
	return 0, plugbay.SendMIDI(output, data)
}

func audioPlay(a arguments) (int64, error) {
	if document := a.document(); document != nil {
		return 0, plugbay.RawPlay(document)
	}
	name, err := a.text("sound")
	if err != nil {
		return 0, err
	}
	sound := plugbay.Sound{Name: name}
	if a.has("volume") {
		volume, err := a.number("volume")
		if err != nil {
			return 0, err
		}
		sound.Volume = &volume
	}
	return 0, sound.Play()
}

func kvGet(a arguments) (int64, error) {
	key, err := a.bytes("key")
	if err != nil {
		return 0, err
	}
	value, err := plugbay.KVGet(key)
	return bit(value != nil), err
}

func kvSet(a arguments) (int64, error) {
	key, err := a.bytes("key")
	value, err2 := a.bytes("value")
	if err := errors.Join(err, err2); err != nil {
		return 0, errBadArgument
	}
	return 0, plugbay.KVSet(key, value)
}

func kvDelete(a arguments) (int64, error) {
	key, err := a.bytes("key")
	if err != nil {
		return 0, err
	}
	was, err := plugbay.KVDelete(key)
	return bit(was), err
}

func kvSwap(a arguments) (int64, error) {
	key, err := a.bytes("key")
	old, err2 := a.optionalBytes("old")
	value, err3 := a.optionalBytes("value")
	if err := errors.Join(err, err2, err3); err != nil {
		return 0, errBadArgument
	}
	done, _, err := plugbay.KVSwap(key, old, value)
	return bit(done), err
}

func runProgram(a arguments) (int64, error) {
	input, err := a.optionalBytes("input")
	if err != nil {
		return 0, err
	}
	if document := a.document(); document != nil {
		status, err := plugbay.RawRun(document, input)
		return int64(status), err
	}
	path, err := a.text("program")
	args, err2 := a.texts("args")
	timeoutMs, err3 := a.timeoutMs()
	if err := errors.Join(err, err2, err3); err != nil {
		return 0, errBadArgument
	}
	program := plugbay.Program{Path: path, Args: args, TimeoutMs: timeoutMs}
	output, err := program.Run(input)
	if err != nil {
		return 0, err
	}
	return int64(output.Status), nil
}

func system(a arguments) (int64, error) {
	if document := a.document(); document != nil {
		return 0, plugbay.RawSystem(document)
	}
	operation, err := a.text("operation")
	argument, err2 := a.text("argument")
	if err := errors.Join(err, err2); err != nil {
		return 0, errBadArgument
	}
	return 0, plugbay.System(operation, argument)
}

func bit(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// encode is JSON of our own types, all of which have some.
func encode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		// The host's own document was none.
		return []byte(`{"error":"the answer is no JSON"}`)
	}
	return text
}
