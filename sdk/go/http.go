package plugbay

import "strings"

// Header is a name with a value.
type Header [2]string

// Request is an HTTP request. It takes Network.
type Request struct {
	// Method is GET without one.
	Method  string   `json:"method,omitempty"`
	URL     string   `json:"url"`
	Headers []Header `json:"headers,omitempty"`
	// TimeoutMs is no longer than the grant's; 0 is the grant's.
	TimeoutMs uint32 `json:"timeout_ms,omitempty"`
}

// Response is what came back, whatever its status.
type Response struct {
	Status int32 `json:"status"`
	// URL is where it came from in the end.
	URL     string   `json:"url"`
	Headers []Header `json:"headers"`
	Body    []byte   `json:"-"`
}

// Send sends the request with a body, which may be empty, and waits for the answer. It fails when no answer
// can be had; "kind" in the error's document says more.
func (r *Request) Send(body []byte) (*Response, error) {
	if _, err := RawHTTPRequest(document(r), body); err != nil {
		return nil, err
	}
	var response Response
	if err := read(&response); err != nil {
		return nil, err
	}
	response.Body = Answer(1)
	return &response, nil
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
