package hooks_test

import (
	"errors"
	"testing"

	"github.com/plugbay/plugbay/sdk/go/hooks"
	"github.com/plugbay/plugbay/sdk/go/hooks/chunkhook"
	"github.com/plugbay/plugbay/sdk/go/hooks/httpposthook"
	"github.com/plugbay/plugbay/sdk/go/hooks/httpprehook"
	"github.com/plugbay/plugbay/sdk/go/hooks/posthook"
	"github.com/plugbay/plugbay/sdk/go/hooks/prehook"
	"github.com/plugbay/plugbay/sdk/go/json"
)

// answers has a hook called with a document, and holds what it answers against what is wanted.
func answers(t *testing.T, hook, document, want string) {
	t.Helper()
	if got := string(hooks.Call(hook, document)); got != want {
		t.Errorf("%s %s: %s, wanted %s", hook, document, got, want)
	}
}

func TestWhatBecomesOfARequest(t *testing.T) {
	for want, handle := range map[string]func(*prehook.Call){
		``:                                   func(*prehook.Call) {},
		`{"request":{"model":"b","n":1.50}}`: func(call *prehook.Call) { call.Request.SetModel("b") },
		`{"request":{"model":"a","n":1.50,"input":[{"role":"user","content":"x"}]}}`: func(call *prehook.Call) {
			call.Request.PushMessage("user", "x")
		},
		`{"has_short_circuit":true,"short_circuit":{"error":{"error":{"message":"no","type":"t"},"status_code":403}}}`: func(call *prehook.Call) {
			call.Request.SetModel("b")
			call.Reject(hooks.NewError(403, "no").WithType("t"))
		},
		`{"has_short_circuit":true,"short_circuit":{"stream":[{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}]}}`: func(call *prehook.Call) {
			call.Stream(hooks.NewDelta("x"))
		},
		`{"has_short_circuit":true,"short_circuit":{"response":{"chat_response":{"choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}}}}`: func(call *prehook.Call) {
			call.Respond(hooks.NewChat("x"))
		},
	} {
		prehook.Handle(func(call *prehook.Call) error {
			handle(call)
			return nil
		})
		answers(t, "pre_hook", `{"request": {"model": "a", "n": 1.50}}`, want)
	}
	prehook.Handle(func(*prehook.Call) error { return errors.New("not today") })
	answers(t, "pre_hook", `{}`, `{"error":"not today"}`)
}

func TestErrorsAndResponsesTakeEachOthersPlace(t *testing.T) {
	const failed = `{"response": null, "error": {"status_code": 500}, "has_error": true}`
	posthook.Handle(func(call *posthook.Call) error {
		call.Context.Set("n", json.Int(1))
		return nil
	})
	// Without the flag it would be no error any more.
	answers(t, "post_hook", failed, `{"context":{"n":1},"error":{"status_code":500},"has_error":true}`)
	posthook.Handle(func(call *posthook.Call) error {
		if call.HasError {
			call.SetResponse(&hooks.LLMResponse{Fields: json.NewObject()})
		} else {
			call.SetError(hooks.NewError(418, "tea"))
		}
		return nil
	})
	answers(t, "post_hook", failed, `{"response":{}}`)
	answers(t, "post_hook", `{"response": {}}`, `{"error":{"error":{"message":"tea"},"status_code":418},"has_error":true}`)
}

func TestWhatBecomesOfAChunk(t *testing.T) {
	for want, handle := range map[string]func(*chunkhook.Call){
		``:              func(*chunkhook.Call) {},
		`{"skip":true}`: (*chunkhook.Call).Skip,
		`{"hold":true}`: (*chunkhook.Call).Hold,
		`{"chunks":[]}`: func(call *chunkhook.Call) { call.Send() },
		`{"chunks":[1],"hold":true,"keep":[2]}`: func(call *chunkhook.Call) {
			call.Split(call.Held, []*hooks.Chunk{call.Chunk})
		},
		`{"has_chunk":true,"chunk":3}`: func(call *chunkhook.Call) {
			call.Chunk.Value = json.Int(3)
			call.Chunk.Changed()
		},
	} {
		chunkhook.Handle(func(call *chunkhook.Call) error {
			handle(call)
			return nil
		})
		answers(t, "http_stream_chunk_hook", `{"held": [1], "chunk": 2}`, want)
	}
}

func TestMessages(t *testing.T) {
	httpposthook.Handle(func(call *httpposthook.Call) error {
		body, err := call.Response.Body()
		call.Response.RemoveHeader("x-a")
		call.Response.SetStatus(call.Response.Status() + 1).SetBody(append(body, call.Request.Path()...))
		return err
	})
	answers(t, "http_post_hook",
		`{"request": {"path": "/p"}, "response": {"status_code": 200, "headers": {"X-A": "1"}, "body": "aGk="}}`,
		`{"response":{"status_code":201,"headers":{},"body":"aGkvcA=="}}`)
	answers(t, "http_post_hook", `{"response": {"body": "?"}}`, `{"error":"illegal base64 data at input byte 0"}`)
	httpprehook.Handle(func(call *httpprehook.Call) error {
		call.Response = hooks.NewResponse(204).SetHeader("X-B", call.Request.Method())
		return nil
	})
	answers(t, "http_pre_hook", `{"request": {"method": "GET"}}`,
		`{"has_response":true,"response":{"status_code":204,"headers":{"x-b":"GET"},"body":""}}`)
}

func TestWhatIsSetToNullIsNull(t *testing.T) {
	prehook.Handle(func(call *prehook.Call) error {
		call.Context.Set("a", nil)
		if call.Context.Get("a") != nil {
			t.Error("it is null now")
		}
		return nil
	})
	answers(t, "pre_hook", `{"context": {"a": 1}}`, `{"context":{"a":null}}`)
}

func TestBodiesInDocumentsAreWrittenInParts(t *testing.T) {
	httpprehook.Handle(func(call *httpprehook.Call) error {
		buffer := make([]byte, 1)
		if count, err := call.Request.ReadBodyAt(buffer, 1); count != 1 || err != nil || buffer[0] != 'i' {
			t.Error(count, err, buffer)
		}
		if err := call.Request.WriteBodyAt(nil, 3); !errors.Is(err, hooks.ErrNotWritten) {
			t.Error(err)
		}
		call.Request.SetQuery("q", "1").SetPath("/p")
		if err := call.Request.WriteBodyAt([]byte("o!"), 1); err != nil || call.Request.BodyLen() != 3 {
			return err
		}
		return call.Request.TruncateBody(2)
	})
	answers(t, "http_pre_hook", `{"request": {"body": "aGk="}}`, `{"request":{"body":"aG8=","query":{"q":"1"},"path":"/p"}}`)
	httpposthook.Handle(func(call *httpposthook.Call) error {
		call.Request.SetBody(nil)
		return nil
	})
	answers(t, "http_post_hook", `{"request": {"body": "aGk="}}`, `{"error":"this body cannot be written to here"}`)
}

func TestHeadersHaveAnOrder(t *testing.T) {
	httpprehook.Handle(func(call *httpprehook.Call) error {
		all := ""
		call.Request.Headers(func(name, value string) { all += name + "=" + value + ";" })
		_, there := call.Request.Query("none")
		query, _ := call.Request.Query("q")
		call.Response = hooks.NewJSONResponse(200, json.Texts(all, query))
		if there {
			t.Error("there is no such parameter")
		}
		return nil
	})
	answers(t, "http_pre_hook", `{"request": {"headers": {"b": "1", "a": 2, "c": "3"}, "query": {"q": "x"}}}`,
		`{"has_response":true,"response":{"status_code":200,"headers":{"content-type":"application/json"},"body":"WyJiPTE7Yz0zOyIsIngiXQ=="}}`)
}
