package binarybodies_test

import (
	"errors"
	"io"
	"testing"

	"github.com/plugbay/plugbay/sdk/go/hooks"
	_ "github.com/plugbay/plugbay/sdk/go/hooks/binarybodies"
	"github.com/plugbay/plugbay/sdk/go/hooks/chunkhook"
	"github.com/plugbay/plugbay/sdk/go/hooks/httpposthook"
	"github.com/plugbay/plugbay/sdk/go/hooks/httpprehook"
	"github.com/plugbay/plugbay/sdk/go/json"
)

func answers(t *testing.T, hook, document, want string) {
	t.Helper()
	if got := string(hooks.Call(hook, document)); got != want {
		t.Errorf("%s %s: %s, wanted %s", hook, document, got, want)
	}
}

// hi is base64 of "hi", and ho of "ho".
const asked = `{"request":{"path":"/","body":"aGk="}}`

func TestWhatIsWrittenGoesOn(t *testing.T) {
	for want, handle := range map[string]func(*testing.T, *httpprehook.Call) error{
		``: func(t *testing.T, call *httpprehook.Call) error {
			body, err := call.Request.Body()
			if string(body) != "hi" || call.Request.BodyLen() != 2 || call.Request.Fields.Get("body") != nil {
				t.Errorf("%q, %d bytes", body, call.Request.BodyLen())
			}
			return err
		},
		`{"request":{"path":"/","body":"aG8="}}`: func(_ *testing.T, call *httpprehook.Call) error {
			return call.Request.WriteBodyAt([]byte("o"), 1)
		},
		`{"request":{"path":"/","body":"aA=="}}`: func(_ *testing.T, call *httpprehook.Call) error {
			return call.Request.TruncateBody(1)
		},
		`{"request":{"path":"/","body":""}}`: func(_ *testing.T, call *httpprehook.Call) error {
			call.Request.SetBody(nil)
			return nil
		},
		`{"request":{"path":"/x","body":"aGk="}}`: func(_ *testing.T, call *httpprehook.Call) error {
			call.Request.SetPath("/x")
			return nil
		},
		`{"request":{"path":"/","body":"aGkA/w=="}}`: func(_ *testing.T, call *httpprehook.Call) error {
			return call.Request.WriteBodyAt([]byte{0, 255}, 2)
		},
		// An answer has its own, and the request's counts no more.
		`{"has_response":true,"response":{"status_code":418,"headers":{},"body":"aG8="}}`: func(_ *testing.T, call *httpprehook.Call) error {
			call.Request.SetBody([]byte("else"))
			body := []byte("ho")
			call.Response = hooks.NewResponse(418).SetBody(body)
			body[0] = '?'
			return nil
		},
		`{"has_response":true,"response":{"status_code":204,"headers":{},"body":""}}`: func(_ *testing.T, call *httpprehook.Call) error {
			call.Response = hooks.NewResponse(204)
			return nil
		},
		// What was written is forgotten where the hook fails.
		`{"error":"no"}`: func(_ *testing.T, call *httpprehook.Call) error {
			call.Request.SetBody([]byte("else"))
			return errors.New("no")
		},
	} {
		httpprehook.Handle(func(call *httpprehook.Call) error { return handle(t, call) })
		answers(t, "http_pre_hook", asked, want)
	}
}

func TestPartsAreReadAndNoMore(t *testing.T) {
	httpprehook.Handle(func(call *httpprehook.Call) error {
		buffer := make([]byte, 2)
		for _, row := range []struct {
			offset int64
			count  int
			err    error
		}{{0, 2, nil}, {1, 1, io.EOF}, {2, 0, io.EOF}, {1 << 62, 0, io.EOF}} {
			count, err := call.Request.ReadBodyAt(buffer, row.offset)
			if count != row.count || err != row.err {
				t.Error(row, count, err)
			}
		}
		if _, err := call.Request.ReadBodyAt(buffer, -1); err == nil || err == io.EOF {
			t.Error(err)
		}
		for _, offset := range []int64{-1, 3, 1 << 62} {
			if err := call.Request.WriteBodyAt([]byte("x"), offset); !errors.Is(err, hooks.ErrNotWritten) {
				t.Error(offset, err)
			}
		}
		for _, length := range []int64{-1, 3} {
			if err := call.Request.TruncateBody(length); !errors.Is(err, hooks.ErrNotWritten) {
				t.Error(length, err)
			}
		}
		return nil
	})
	answers(t, "http_pre_hook", asked, "")
}

func TestOnlyTheResponseIsWrittenAtTheEnd(t *testing.T) {
	const answered = `{"request":{"path":"/","body":"aGk="},"response":{"status_code":200,"body":"aG8="}}`
	httpposthook.Handle(func(call *httpposthook.Call) error {
		request, _ := call.Request.Body()
		response, _ := call.Response.Body()
		call.Response.SetBody(append(request, response...))
		return call.Request.WriteBodyAt([]byte("x"), 0)
	})
	answers(t, "http_post_hook", answered, `{"error":"this body cannot be written to here"}`)
	httpposthook.Handle(func(call *httpposthook.Call) error {
		call.Request.SetBody(nil)
		return nil
	})
	answers(t, "http_post_hook", answered, `{"error":"this body cannot be written to here"}`)
	httpposthook.Handle(func(call *httpposthook.Call) error {
		request, err := call.Request.Body()
		call.Response.SetBody(append(request, "!"...))
		return err
	})
	answers(t, "http_post_hook", answered, `{"response":{"status_code":200,"body":"aGkh"}}`)
	// One that was made takes the place of the other, its body with it.
	httpposthook.Handle(func(call *httpposthook.Call) error {
		call.Response = *hooks.NewJSONResponse(500, json.NewObject())
		return nil
	})
	answers(t, "http_post_hook", answered,
		`{"response":{"status_code":500,"headers":{"content-type":"application/json"},"body":"e30="}}`)
	httpposthook.Handle(func(call *httpposthook.Call) error {
		call.Response = *hooks.NewResponse(204)
		return nil
	})
	answers(t, "http_post_hook", answered, `{"response":{"status_code":204,"headers":{},"body":""}}`)
}

func TestChunksSeeTheRequest(t *testing.T) {
	chunkhook.Handle(func(call *chunkhook.Call) error {
		body, err := call.Request.Body()
		call.Context.Set("body", json.Text(string(body)))
		return err
	})
	answers(t, "http_stream_chunk_hook", `{"request":{"body":"aGk="},"chunk":{}}`, `{"context":{"body":"hi"}}`)
	chunkhook.Handle(func(call *chunkhook.Call) error {
		call.Request.SetBody(nil)
		return nil
	})
	answers(t, "http_stream_chunk_hook", `{"request":{"body":"aGk="},"chunk":{}}`, `{"error":"this body cannot be written to here"}`)
}

func TestWhatIsNoDocumentStaysOne(t *testing.T) {
	httpprehook.Handle(func(call *httpprehook.Call) error { return nil })
	answers(t, "http_pre_hook", ``, `{"error":"failed to parse input JSON: expected a value at byte 0"}`)
	answers(t, "http_pre_hook", `[]`, `{"error":"failed to parse input JSON: document: expected an object, found a list"}`)
	answers(t, "http_pre_hook", `{"request":null}`, ``)
}
