package main

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/plugbay/plugbay/sdk/go/hooks"
)

func TestBodiesAreTurnedAround(t *testing.T) {
	for _, length := range []int{0, 1, 2, 3, 255, part, 2*part - 1, 2 * part, 2*part + 1, 5*part + 7} {
		body := make([]byte, length)
		for i := range body {
			body[i] = byte(i * 7 >> 3)
		}
		before := base64.StdEncoding.EncodeToString(body)
		slices.Reverse(body)
		after := base64.StdEncoding.EncodeToString(body)
		output := string(hooks.Call("http_pre_hook", `{"request":{"body":"`+before+`"}}`))
		if length > 1 && !strings.HasSuffix(output, `,"request":{"body":"`+after+`"}}`) {
			t.Errorf("%d: %.100s", length, output)
		}
		output = string(hooks.Call("http_pre_hook", `{"request":{"headers":{"x-mirror":"answer"},"body":"`+before+`"}}`))
		if !strings.Contains(output, `"body":"`+after+`"`) || !strings.Contains(output, `"has_response":true`) {
			t.Errorf("%d: %.100s", length, output)
		}
		output = string(hooks.Call("http_post_hook", `{"response":{"status_code":200,"body":"`+before+`"}}`))
		if output != `{"response":{"status_code":200,"body":"`+after+`"}}` {
			t.Errorf("%d: %.100s", length, output)
		}
	}
}
