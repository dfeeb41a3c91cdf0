package plugbay

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/plugbay/plugbay/sdk/go/json"
)

func use(t *testing.T, host *Mock) *Mock {
	UseMock(host)
	t.Cleanup(func() { UseMock(nil) })
	return host
}

// fails holds an error against "class: message", or "" for none.
func fails(t *testing.T, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("%q, wanted %q", got, want)
	}
}

func TestRequestsAreAnsweredAndNoted(t *testing.T) {
	host := use(t, &Mock{Replies: []Reply{
		{URL: "https://a.example/", Status: 404, Body: []byte("nothing")},
		{URL: "https://a.example/ü", Status: 200, Headers: []Header{{"X-A", "1"}}, Body: []byte{0, 255}},
		{URL: "https://slow.example/", Err: &Error{Class: Timeout, Message: "no answer in time"}},
	}})
	request := Request{Method: "PUT", URL: "https://a.example/ü", Headers: []Header{{"b", "c"}}, TimeoutMs: 5}
	response, err := request.Send([]byte{1, 0})
	if err != nil || response.Status != 200 || response.Header("x-a") != "1" || !bytes.Equal(response.Body, []byte{0, 255}) {
		t.Error(response, err)
	}
	if want := []Requested{{request, []byte{1, 0}}}; !reflect.DeepEqual(host.Requests, want) {
		t.Error(host.Requests)
	}
	plain := Request{URL: "https://a.example/"}
	if response, err := plain.Send(nil); err != nil || response.Status != 404 || string(response.Body) != "nothing" {
		t.Error(response, err)
	}
	for url, want := range map[string]string{
		"https://slow.example/":  "timeout: no answer in time",
		"https://other.example/": "failed: the test has no reply to https://other.example/",
	} {
		_, err := (&Request{URL: url}).Send(nil)
		fails(t, err, want)
	}
	_, err = RawHTTPRequest([]byte(`{"url":"u","timeout":1}`), nil)
	fails(t, err, "invalid: unknown field `timeout`")
	_, err = RawHTTPRequest([]byte(`[]`), nil)
	fails(t, err, "invalid: document: expected an object, found a list")
	_, err = RawHTTPRequest([]byte("{\"url\":\"\xff\"}"), nil)
	fails(t, err, "invalid: it is not UTF-8")
}

func TestSocketsTakeAndSend(t *testing.T) {
	host := use(t, &Mock{Peers: []Peer{
		{URL: "wss://a.example/", Protocol: "chat", Messages: []Message{
			{Kind: Text, Data: []byte("hi")}, {Kind: Binary, Data: []byte{0}}, {Kind: Closed, Code: 1001, Reason: "bye"},
		}},
		{URL: "wss://no.example/", Err: &Error{Class: Denied, Message: "not there"}},
	}})
	opening := Opening{URL: "wss://a.example/x", Headers: []Header{{"a", "b"}}, Protocols: []string{"chat"}}
	socket, protocol, err := opening.Open()
	if err != nil || protocol != "chat" || !reflect.DeepEqual(host.Opened, []Opening{opening}) {
		t.Error(protocol, err, host.Opened)
	}
	fails(t, socket.Send(Text, []byte("hello")), "")
	fails(t, socket.Send(Text, []byte{255}), "invalid: wanted 1, text in UTF-8, or 2, binary")
	fails(t, socket.Send(Closed, nil), "invalid: wanted 1, text in UTF-8, or 2, binary")
	if len(host.Sent) != 1 || string(host.Sent[0].Data) != "hello" {
		t.Error(host.Sent)
	}
	for _, want := range host.Peers[0].Messages {
		if got, err := socket.Receive(0); err != nil || !reflect.DeepEqual(got, want) {
			t.Error(got, err)
		}
	}
	_, err = socket.Receive(0)
	fails(t, err, "invalid: the socket is not open")
	// A second one has the same messages, and its own number.
	again, _, _ := opening.Open()
	if got, _ := again.Receive(0); again == socket || got.Kind != Text {
		t.Error(again, got)
	}
	fails(t, again.Close(), "")
	fails(t, again.Close(), "invalid: the socket is not open")
	fails(t, Socket(-1).Close(), "invalid: the socket is not open")
	_, _, err = (&Opening{URL: "wss://no.example/"}).Open()
	fails(t, err, "denied: not there")
	quiet := use(t, &Mock{Peers: []Peer{{URL: "ws"}}})
	socket, protocol, _ = (&Opening{URL: "ws://b.example/"}).Open()
	if got, err := socket.Receive(10); err != nil || got.Kind != Nothing || protocol != "" || len(quiet.Opened) != 1 {
		t.Error(got, err, protocol)
	}
}

func TestTheMachineIsNoted(t *testing.T) {
	loud := 0.5
	host := use(t, &Mock{Programs: map[string]Output{
		"count": {Status: 3, Stdout: []byte("out"), Stderr: []byte("err"), StderrTruncated: true},
	}})
	fails(t, SendMIDI("synth", []byte{0x90, 60, 1}), "")
	fails(t, SendMIDI("synth", nil), "invalid: wanted 1 to 65536 bytes, and an output's name in UTF-8")
	fails(t, (&Sound{Name: "bell", Volume: &loud}).Play(), "")
	fails(t, RawPlay([]byte("gong")), "")
	tooLoud := 1.5
	fails(t, (&Sound{Name: "bell", Volume: &tooLoud}).Play(), "invalid: volume: wanted 0.0 to 1.0")
	fails(t, System("volume", "+5"), "")
	program := Program{Path: "count", Args: []string{"a", "ü"}, TimeoutMs: 9}
	output, err := program.Run([]byte("in"))
	if err != nil || !reflect.DeepEqual(*output, host.Programs["count"]) {
		t.Error(output, err)
	}
	_, err = (&Program{Path: "other"}).Run(nil)
	fails(t, err, "failed: the test has no program other")
	if !reflect.DeepEqual(host.MIDI, []Played{{"synth", []byte{0x90, 60, 1}}}) ||
		!reflect.DeepEqual(host.Sounds, []Sound{{"bell", &loud}, {Name: "gong"}}) ||
		!reflect.DeepEqual(host.Operations, []Operation{{"volume", "+5"}}) ||
		!reflect.DeepEqual(host.Runs[0], Ran{program, []byte("in")}) {
		t.Error(host)
	}
}

func TestTheClockStandsAndChanceIsTheSame(t *testing.T) {
	host := use(t, &Mock{Time: time.Unix(7, 5)})
	var one, other, third [8]byte
	fails(t, Random(one[:]), "")
	fails(t, Random(other[:]), "")
	use(t, &Mock{Seed: 1})
	fails(t, Random(third[:]), "")
	if one == other || one == third || one == [8]byte{} || Now() != time.Unix(0, 0) {
		t.Error(one, other, third, Now())
	}
	use(t, &Mock{})
	fails(t, Random(other[:]), "")
	UseMock(host)
	if one != other || Now() != time.Unix(7, 5) || Version() != 1 {
		t.Error(one, other, Now())
	}
	fails(t, Random(make([]byte, 64<<10+1)), "too_large: too_large")
	fails(t, Log(LevelWarning, "odd"), "")
	fails(t, Log(9, "odd"), "invalid: invalid")
	fails(t, Log(LevelInfo, "a\xff"), "invalid: invalid")
	if !reflect.DeepEqual(host.Lines, []string{"odd"}) || host.Levels[0] != LevelWarning {
		t.Error(host.Lines, host.Levels)
	}
	fails(t, Metric(Gauge, "a_1", -2), "")
	for _, row := range []Measured{
		{Counter, "n", -1}, {Sample, "n", math.NaN()}, {Sample, "n", math.Inf(1)}, {7, "n", 1}, {Counter, "a_1", 1},
		{Gauge, "", 1}, {Gauge, "A", 1}, {Gauge, "1a", 1}, {Gauge, strings.Repeat("a", 65), 1}, {Gauge, "ü", 1},
	} {
		fails(t, Metric(row.Kind, row.Name, row.Value), "invalid: invalid")
	}
	if !reflect.DeepEqual(host.Metrics, []Measured{{Gauge, "a_1", -2}}) {
		t.Error(host.Metrics)
	}
}

func TestKeysAreSwappedInOneStep(t *testing.T) {
	host := use(t, &Mock{})
	if done, other, err := KVSwap([]byte("n"), nil, []byte("1")); !done || other != nil || err != nil {
		t.Error(done, other, err)
	}
	if done, other, _ := KVSwap([]byte("n"), []byte{}, []byte("2")); done || string(other) != "1" {
		t.Error(done, other)
	}
	// What the mock has is not what the plugin has.
	value, _ := KVGet([]byte("n"))
	value[0] = '?'
	if string(host.KV["n"]) != "1" {
		t.Error(host.KV)
	}
	if done, _, _ := KVSwap([]byte("n"), []byte("1"), nil); !done || len(host.KV) != 0 {
		t.Error(done, host.KV)
	}
	fails(t, KVSet(nil, nil), "invalid: a key has 1 to 1024 bytes")
	fails(t, KVSet([]byte("a"), make([]byte, 1<<20+1)), "too_large: a value has at most 1048576 bytes")
	fails(t, KVSet([]byte{0, 255}, nil), "")
	if value, err := KVGet([]byte{0, 255}); value == nil || len(value) != 0 || err != nil {
		t.Error(value, err)
	}
}

// everything calls each function that can fail, by its name.
var everything = map[string]func() error{
	"log":          func() error { return Log(LevelInfo, "a") },
	"random":       func() error { return Random(make([]byte, 1)) },
	"metric":       func() error { return Metric(Gauge, "a", 1) },
	"http_request": func() error { _, err := (&Request{URL: "a"}).Send(nil); return err },
	"ws_open":      func() error { _, _, err := (&Opening{URL: "a"}).Open(); return err },
	"ws_send":      func() error { return Socket(0).Send(Text, nil) },
	"ws_recv":      func() error { _, err := Socket(0).Receive(0); return err },
	"ws_close":     func() error { return Socket(0).Close() },
	"midi_send":    func() error { return SendMIDI("a", []byte{0xf8}) },
	"audio_play":   func() error { return (&Sound{Name: "a"}).Play() },
	"kv_get":       func() error { _, err := KVGet([]byte("a")); return err },
	"kv_set":       func() error { return KVSet([]byte("a"), nil) },
	"kv_delete":    func() error { _, err := KVDelete([]byte("a")); return err },
	"kv_swap":      func() error { _, _, err := KVSwap([]byte("a"), nil, nil); return err },
	"run":          func() error { _, err := (&Program{Path: "a"}).Run(nil); return err },
	"system":       func() error { return System("launch", "a") },
}

func TestEveryFunctionCanBeRefused(t *testing.T) {
	for name, call := range everything {
		UseMock(nil)
		if err := call(); !errors.Is(err, Unavailable) {
			t.Errorf("%s without a host: %v", name, err)
		}
		use(t, &Mock{Denied: map[string]bool{name: true}})
		if err := call(); !errors.Is(err, Denied) {
			t.Errorf("%s: %v", name, err)
		}
		failure := &Error{Class: Failed, Message: "no route", Document: []byte(`{"message":"no route","kind":"x"}`)}
		use(t, &Mock{Failures: map[string]*Error{name: failure}})
		err := call()
		if !errors.Is(err, Failed) {
			t.Errorf("%s: %v", name, err)
		}
		var told *Error
		bare := name == "log" || name == "random" || name == "metric"
		if !errors.As(err, &told) || !bare && (told.Message != "no route" || !bytes.Equal(told.Document, failure.Document)) {
			t.Errorf("%s: %v", name, told)
		}
	}
}

// What the host answers is not what a plugin need trust.
func TestAnswersThatAreNone(t *testing.T) {
	host := use(t, &Mock{})
	host.answers[0] = []byte(`{"status":1e400,"headers":[1,["a"],["b","c","d"],{}],"url":7}`)
	if value, err := read(); err != nil || value.Get("status").Kind() != json.Number {
		t.Error(value, err)
	}
	for _, text := range []string{"", "{", strings.Repeat("[", 1_000_000), "\xff", `{"message":7}`} {
		failure := readError(Failed, []byte(text))
		if failure.Error() != "failed: failed" {
			t.Error(failure)
		}
	}
}
