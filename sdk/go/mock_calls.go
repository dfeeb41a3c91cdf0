//go:build !wasip1

package plugbay

import (
	"errors"
	"math"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/plugbay/plugbay/sdk/go/json"
)

// The functions as the mock host has them.

func bytesAt(start unsafe.Pointer, length uint32) []byte {
	return append([]byte{}, unsafe.Slice((*byte)(start), length)...)
}

// textAt is a text, which is UTF-8.
func textAt(start unsafe.Pointer, length uint32) (string, bool) {
	text := string(bytesAt(start, length))
	return text, utf8.ValidString(text)
}

func hostVersion() int32 { return simple("version", func() int32 { return 1 }) }

func hostAnswerLen(part int32) int64 {
	if mock == nil || part < 0 || part > 2 || mock.answers[part] == nil {
		return -1
	}
	return int64(len(mock.answers[part]))
}

func hostAnswerRead(part int32, offset int64, start unsafe.Pointer, length uint32) int32 {
	if offset < 0 || hostAnswerLen(part) < offset {
		return 0
	}
	return int32(copy(unsafe.Slice((*byte)(start), length), mock.answers[part][offset:]))
}

func hostLog(level int32, start unsafe.Pointer, length uint32) int32 {
	return simple("log", func() int32 {
		line, valid := textAt(start, length)
		if !valid || level < int32(LevelError) || level > int32(LevelTrace) {
			return int32(Invalid)
		}
		mock.Lines = append(mock.Lines, line)
		mock.Levels = append(mock.Levels, Level(level))
		return 0
	})
}

func hostNow() int64 {
	if mock == nil || mock.Time.IsZero() {
		return 0
	}
	return mock.Time.UnixNano()
}

func hostRandom(start unsafe.Pointer, length uint32) int32 {
	return simple("random", func() int32 {
		if length > 64<<10 {
			return int32(TooLarge)
		}
		for i := range unsafe.Slice((*byte)(start), length) {
			// SplitMix64: the same bytes in each test.
			mock.random += 0x9e37_79b9_7f4a_7c15
			mixed := mock.random + mock.Seed
			mixed = (mixed ^ mixed>>30) * 0xbf58_476d_1ce4_e5b9
			unsafe.Slice((*byte)(start), length)[i] = byte(mixed >> 56)
		}
		return 0
	})
}

func hostMetric(kind int32, start unsafe.Pointer, length uint32, value float64) int32 {
	return simple("metric", func() int32 {
		name, _ := textAt(start, length)
		isFinite := !math.IsNaN(value) && !math.IsInf(value, 0)
		isKnown := kind >= int32(Counter) && kind <= int32(Sample) && (kind != int32(Counter) || value >= 0)
		for _, other := range mock.Metrics {
			isKnown = isKnown && (other.Name != name || other.Kind == MetricKind(kind))
		}
		if !isFinite || !isKnown || !isMetricName(name) {
			return int32(Invalid)
		}
		mock.Metrics = append(mock.Metrics, Measured{MetricKind(kind), name, value})
		return 0
	})
}

func isMetricName(name string) bool {
	for i, c := range name {
		if !(c >= 'a' && c <= 'z' || i > 0 && (c >= '0' && c <= '9' || c == '_')) {
			return false
		}
	}
	return len(name) >= 1 && len(name) <= 64
}

func hostHTTPRequest(start unsafe.Pointer, length uint32, body unsafe.Pointer, bodyLength uint32) int32 {
	return begun("http_request", func() int32 {
		document, err := documentAt(start, length, "method", "url", "headers", "timeout_ms")
		if err != nil {
			return mock.invalid(err)
		}
		asked := Requested{Request{Method: "GET"}, bytesAt(body, bodyLength)}
		if method, is := document.Get("method").AsText(); is {
			asked.Method = method
		}
		asked.URL, _ = document.Get("url").AsText()
		asked.Headers = headersOf(document)
		asked.TimeoutMs = timeoutOf(document)
		mock.Requests = append(mock.Requests, asked)
		for i := len(mock.Replies) - 1; i >= 0; i-- {
			reply := mock.Replies[i]
			if !strings.HasPrefix(asked.URL, reply.URL) {
				continue
			}
			if reply.Err != nil {
				return mock.failed(reply.Err)
			}
			headers := json.List()
			for _, header := range reply.Headers {
				headers.Append(json.Texts(header[:]...))
			}
			head := json.NewObject().Set("status", json.Uint(uint64(reply.Status)))
			head.Set("url", json.Text(asked.URL)).Set("headers", headers)
			mock.answers = [3][]byte{head.Write(), append([]byte{}, reply.Body...)}
			return int32(reply.Status)
		}
		return mock.fail(Failed, "the test has no reply to "+asked.URL)
	})
}

func hostMIDISend(output unsafe.Pointer, outputLength uint32, start unsafe.Pointer, length uint32) int32 {
	return begun("midi_send", func() int32 {
		name, valid := textAt(output, outputLength)
		if !valid || length == 0 || length > 65_536 {
			return mock.fail(Invalid, "wanted 1 to 65536 bytes, and an output's name in UTF-8")
		}
		mock.MIDI = append(mock.MIDI, Played{name, bytesAt(start, length)})
		return 0
	})
}

func hostAudioPlay(start unsafe.Pointer, length uint32) int32 {
	return begun("audio_play", func() int32 {
		name, valid := textAt(start, length)
		if !valid {
			return mock.fail(Invalid, "it is not UTF-8")
		}
		sound := Sound{Name: name}
		if strings.HasPrefix(name, "{") {
			document, err := documentAt(start, length, "sound", "volume")
			if err != nil {
				return mock.invalid(err)
			}
			sound.Name, _ = document.Get("sound").AsText()
			if volume, is := document.Get("volume").AsFloat(); is {
				sound.Volume = &volume
			}
		}
		if sound.Volume != nil && (*sound.Volume < 0 || *sound.Volume > 1) {
			return mock.fail(Invalid, "volume: wanted 0.0 to 1.0")
		}
		mock.Sounds = append(mock.Sounds, sound)
		return 0
	})
}

func hostRun(start unsafe.Pointer, length uint32, input unsafe.Pointer, inputLength uint32) int32 {
	return begun("run", func() int32 {
		document, err := documentAt(start, length, "program", "args", "timeout_ms")
		if err != nil {
			return mock.invalid(err)
		}
		ran := Ran{Program{TimeoutMs: timeoutOf(document)}, bytesAt(input, inputLength)}
		ran.Path, _ = document.Get("program").AsText()
		for _, arg := range document.Get("args").Items() {
			text, _ := arg.AsText()
			ran.Args = append(ran.Args, text)
		}
		mock.Runs = append(mock.Runs, ran)
		output, there := mock.Programs[ran.Path]
		if !there {
			return mock.fail(Failed, "the test has no program "+ran.Path)
		}
		ended := json.NewObject().Set("status", json.Int(int64(output.Status))).Set("signal", nil)
		ended.Set("stdout_truncated", json.Boolean(output.StdoutTruncated))
		ended.Set("stderr_truncated", json.Boolean(output.StderrTruncated))
		mock.answers = [3][]byte{ended.Write(), append([]byte{}, output.Stdout...), append([]byte{}, output.Stderr...)}
		return output.Status
	})
}

func hostSystem(start unsafe.Pointer, length uint32) int32 {
	return begun("system", func() int32 {
		document, err := documentAt(start, length, "operation", "argument")
		if err != nil {
			return mock.invalid(err)
		}
		var done Operation
		done.Operation, _ = document.Get("operation").AsText()
		done.Argument, _ = document.Get("argument").AsText()
		mock.Operations = append(mock.Operations, done)
		return 0
	})
}

// documentAt is a document with these fields and no others.
func documentAt(start unsafe.Pointer, length uint32, names ...string) (*json.Value, error) {
	document, err := json.Parse(string(bytesAt(start, length)))
	if err == nil && document.Kind() != json.Object {
		err = document.Wrong("document", "an object")
	}
	document.Each(func(name string, value *json.Value) {
		known := false
		for _, one := range names {
			known = known || one == name
		}
		if !known && err == nil {
			err = errors.New("unknown field `" + name + "`")
		}
	})
	return document, err
}

func headersOf(document *json.Value) []Header {
	var headers []Header
	given := document.Get("headers")
	for _, pair := range given.Items() {
		var header Header
		for i, text := range pair.Items()[:min(pair.Len(), len(header))] {
			header[i], _ = text.AsText()
		}
		headers = append(headers, header)
	}
	given.Each(func(name string, value *json.Value) {
		text, _ := value.AsText()
		headers = append(headers, Header{name, text})
	})
	return headers
}

func timeoutOf(document *json.Value) uint32 {
	milliseconds, _ := document.Get("timeout_ms").AsUint()
	return uint32(min(milliseconds, math.MaxUint32))
}
