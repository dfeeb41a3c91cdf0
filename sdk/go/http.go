package plugbay

import (
	"strings"

	"github.com/plugbay/plugbay/sdk/go/json"
)

// Header is a name with a value.
type Header [2]string

// Request is an HTTP request. It takes Network.
type Request struct {
	// Method is GET without one.
	Method  string
	URL     string
	Headers []Header
	// TimeoutMs is no longer than the grant's; 0 is the grant's.
	TimeoutMs uint32
}

// Response is what came back, whatever its status.
type Response struct {
	Status int32
	// URL is where it came from in the end.
	URL     string
	Headers []Header
	Body    []byte
}

// Send sends the request with a body, which may be empty, and waits for the answer. It fails when no answer
// can be had; "kind" in the error's document says more.
func (r *Request) Send(body []byte) (*Response, error) {
	if _, err := RawHTTPRequest(r.document(), body); err != nil {
		return nil, err
	}
	answer, err := read()
	if err != nil {
		return nil, err
	}
	response := Response{Body: Answer(1)}
	status, _ := answer.Get("status").AsInt()
	response.Status = int32(status)
	response.URL, _ = answer.Get("url").AsText()
	for _, pair := range answer.Get("headers").Items() {
		var header Header
		for i, text := range pair.Items()[:min(pair.Len(), len(header))] {
			header[i], _ = text.AsText()
		}
		response.Headers = append(response.Headers, header)
	}
	return &response, nil
}

func setHeaders(document *json.Value, headers []Header) {
	if len(headers) == 0 {
		return
	}
	list := json.List()
	for _, header := range headers {
		list.Append(json.Texts(header[:]...))
	}
	document.Set("headers", list)
}

func setTimeout(document *json.Value, timeoutMs uint32) {
	if timeoutMs > 0 {
		document.Set("timeout_ms", json.Uint(uint64(timeoutMs)))
	}
}

// Header is a header's first value, by its name in any case.
func (r *Response) Header(name string) string {
	for _, header := range r.Headers {
		if strings.EqualFold(header[0], name) {
			return header[1]
		}
	}
	return ""
}

func (r *Request) document() []byte {
	document := json.NewObject().Set("url", json.Text(r.URL))
	if r.Method != "" {
		document.Set("method", json.Text(r.Method))
	}
	setHeaders(document, r.Headers)
	setTimeout(document, r.TimeoutMs)
	return document.Write()
}
