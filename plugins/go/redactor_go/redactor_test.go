package main

import (
	"strings"
	"testing"

	"github.com/plugbay/plugbay/sdk/go/hooks"
	"github.com/plugbay/plugbay/sdk/go/hooks/config"
	"github.com/plugbay/plugbay/sdk/go/json"
)

func TestAddressesAreFoundWherePeoplePutThem(t *testing.T) {
	for text, want := range map[string]string{
		"Write to ada.l+tag@mail.example.org.":             "Write to [redacted].",
		"<ada@example.org>, bob_9@example.co.uk; done":     "<[redacted]>, [redacted]; done",
		"'ada@example.org' mailto:o'neil@x-y.example?a":    "'[redacted]' mailto:[redacted]?a",
		"Grüße an ada@example.org@bob@example.net – danke": "Grüße an [redacted]@[redacted] – danke",
		"ada@example.org.5 ada@example.org...":             "[redacted].5 [redacted]...",
		"@ @@ a@ @b.cc a@b.c a@.cc a@b..cc 1@2.34 ä@ö.ü":   "@ @@ a@ @b.cc a@b.c a@.cc a@b..cc 1@2.34 ä@ö.ü",
	} {
		if got, _ := redact(text); got != want {
			t.Errorf("%s: %s, wanted %s", text, got, want)
		}
	}
}

// What is before | is decided, and # stands for each address in it.
func TestATextThatGoesOnWaitsWhereItHasTo(t *testing.T) {
	local := strings.Repeat("l", 65)
	for _, want := range []string{
		"|", "one two |", "one |two", "|end.", "'|quoted", "...|", "x @|", "x @|ada", "to |ada@exa", "to ada@exa |mple",
		"to |ada@example.org", "l|" + local[1:], "|" + local + "@",
	} {
		text := strings.Replace(want, "|", "", 1)
		if addresses, waits := look(text, false); len(addresses) > 0 || waits != strings.Index(want, "|") {
			t.Errorf("%s: %v %d", want, addresses, waits)
		}
	}
	if addresses, waits := look("to ada@example.org, bob", false); len(addresses) != 1 || waits != 20 {
		t.Error(addresses, waits)
	}
}

func TestDocuments(t *testing.T) {
	if err := config.Init(`{"replacement": null, "other": 1}`); err != nil {
		t.Fatal(err)
	}
	for _, row := range [][3]string{
		{
			"pre_hook", `{"context":{"redacted":3},"request":{"input":[{"content":"a\u0040b.cc"},{"content":[{"text":"or b@c.dd"}]}],"n":1.50}}`,
			`{"context":{"redacted":5},"request":{"input":[{"content":"[redacted]"},{"content":[{"text":"or [redacted]"}]}],"n":1.50}}`,
		},
		{"pre_hook", `{"request":{"input":"a @ b"}}`, ``},
		{"pre_hook", `{"request":1}`, `{"error":"failed to parse input JSON: request: expected an object, found a number"}`},
		{
			"post_hook", `{"response":{"chat_response":{"choices":[{"message":{"content":"a@b.cc"}}]}},"error":{}}`,
			`{"context":{"redacted":1},"response":{"chat_response":{"choices":[{"message":{"content":"[redacted]"}}]}}}`,
		},
		{"post_hook", `{"response":null,"error":{"error":{"message":"no a@b.cc"}},"has_error":true}`, ``},
		{"post_hook", `[]`, `{"hook_error":"failed to parse input JSON: document: expected an object, found a list"}`},
		{"http_stream_chunk_hook", `{"held":1}`, `{"error":"failed to parse input JSON: held: expected a list, found a number"}`},
		{"http_stream_chunk_hook", `{"chunk":{"choices":[1,{"delta":"a@b.cc"},{"delta":{"content":[1,{"text":2}]}}]}}`, ``},
		{"http_pre_hook", `{"request":{"body":"YUBiLmNj"}}`, ``},
		{"http_post_hook", `{"response":{"body":"YUBiLmNj"}}`, ``},
	} {
		if got := string(hooks.Call(row[0], row[1])); got != row[2] {
			t.Errorf("%s %s: %s, wanted %s", row[0], row[1], got, row[2])
		}
	}
}

// streamed is what leaves of a stream, by a host as far as the contract of chunks goes.
func streamed(t *testing.T, pieces []string) string {
	held, text := json.List(), ""
	for i := 0; i <= len(pieces); i++ {
		document := json.NewObject().Set("held", held)
		all := json.List(held.Items()...)
		if i < len(pieces) {
			chunk := hooks.NewDelta(pieces[i]).Value
			document.Set("chunk", chunk)
			all.Append(chunk)
		} else {
			document.Set("flush", json.Boolean(true))
		}
		output, _ := json.Parse(string(hooks.Call("http_stream_chunk_hook", string(document.Write()))) + "")
		leaves := all
		switch {
		case output.Get("chunks") != nil:
			leaves = output.Get("chunks")
		case output.Get("chunk") != nil:
			leaves = json.List(output.Get("chunk"))
		case output.Get("hold") != nil:
			leaves = nil
		}
		held = json.List(output.Get("keep").Items()...)
		if output.Get("hold") != nil && output.Get("keep") == nil {
			held = all
		}
		for _, chunk := range leaves.Items() {
			text += (&hooks.Chunk{Value: chunk}).Texts()[0]
		}
	}
	if held.Len() > 0 {
		t.Error("held at the end:", string(held.Write()))
	}
	return text
}

func TestAnAddressMayBeSplitAnywhere(t *testing.T) {
	const whole, want = "Hi ada@example.org, or bob@b.cc. Bye", "Hi [redacted], or [redacted]. Bye"
	for at := range whole {
		if got := streamed(t, []string{whole[:at], whole[at:]}); got != want {
			t.Errorf("at %d: %s", at, got)
		}
	}
	if got := streamed(t, strings.Split(whole, "")); got != want {
		t.Error(got)
	}
}
