//go:build !wasip1

package hooks

import (
	"encoding/base64"

	"github.com/plugbay/plugbay/sdk/go/json"
)

// Call calls a hook with a document, as the host does. Nothing is "no output". Documents have bodies in them here, in
// base64, also those of plugins that have them beside: what such a plugin has written is in what it returns.
func Call(hook, document string) []byte {
	input, err := json.Parse(document)
	if bodies == nil || err != nil || input.Kind() != json.Object {
		return call(hook, document)
	}
	here := &standIn{}
	messages := here.take(hook, input)
	before := bodies
	bodies = here
	defer func() { bodies = before }()
	output := call(hook, string(input.Write()))
	return here.put(hook, messages, output)
}

// standIn has the bodies of one call in the host's place.
type standIn [2]struct {
	there, canWrite, written bool
	bytes                    []byte
}

// take takes the bodies out of a document. It returns the request and the response that there are.
func (s *standIn) take(hook string, document *json.Value) [2]*json.Value {
	messages := [2]*json.Value{document.Get("request"), document.Get("response")}
	switch hook {
	case "http_pre_hook":
		s[0].there, s[0].canWrite = true, true
		// That of the plugin's own answer.
		s[1].there, s[1].canWrite = true, true
		messages[1] = nil
	case "http_stream_chunk_hook":
		s[0].there = true
		messages[1] = nil
	case "http_post_hook":
		s[0].there = true
		s[1].there, s[1].canWrite = true, true
	default:
		return [2]*json.Value{}
	}
	for which, message := range messages {
		if message.Kind() == json.Object {
			text, _ := message.Get("body").AsText()
			s[which].bytes, _ = base64.StdEncoding.DecodeString(text)
			message.Remove(func(name string) bool { return name == "body" })
			message.Set("body_bytes", json.Int(int64(len(s[which].bytes))))
		}
	}
	return messages
}

// put puts the bodies into an output, as ABI 1 has them.
func (s *standIn) put(hook string, messages [2]*json.Value, text []byte) []byte {
	output := json.NewObject()
	if text != nil {
		output, _ = json.Parse(string(text))
	}
	if !output.Get("error").IsNull() || messages == [2]*json.Value{} {
		return text
	}
	answered, _ := output.Get("has_response").AsBool()
	for which, name := range []string{"request", "response"} {
		// An answer has a body of its own, and the request's counts no more.
		if hook == "http_pre_hook" && answered != (which == 1) {
			continue
		}
		message := output.Get(name)
		if message == nil && s[which].written {
			message = messages[which].Clone()
			output.Set(name, message)
		}
		if message.Kind() == json.Object {
			message.Remove(func(name string) bool { return name == "body_bytes" })
			message.Set("body", json.Text(base64.StdEncoding.EncodeToString(s[which].bytes)))
		}
	}
	if output.Len() == 0 {
		return nil
	}
	return output.Write()
}

func (s *standIn) Len(which int32) int64 {
	if !s[which].there {
		return -1
	}
	return int64(len(s[which].bytes))
}

func (s *standIn) Read(which int32, offset int64, buffer []byte) int32 {
	if !s[which].there || offset < 0 {
		return -1
	}
	bytes := s[which].bytes
	return int32(copy(buffer, bytes[min(offset, int64(len(bytes))):]))
}

func (s *standIn) Write(which int32, offset int64, bytes []byte) int32 {
	body := &s[which]
	if !body.canWrite || offset < 0 || offset > int64(len(body.bytes)) {
		return -1
	}
	end := min(int(offset)+len(bytes), len(body.bytes))
	rest := append([]byte{}, body.bytes[end:]...)
	body.bytes = append(append(body.bytes[:offset:offset], bytes...), rest...)
	body.written = true
	return int32(len(bytes))
}

func (s *standIn) Truncate(which int32, length int64) int32 {
	body := &s[which]
	if !body.canWrite || length < 0 || length > int64(len(body.bytes)) {
		return -1
	}
	body.bytes = body.bytes[:length]
	body.written = true
	return 0
}
