package main

import (
	"encoding/json"
	"fmt"
	"testing"
)

// tool is the outcome of a tool, as "result error". Natively there is no host, so that all that can be
// seen of a call is that it was made.
func tool(t *testing.T, tool string) string {
	output := preHook([]byte(`{"context":{},"request":{"model":"m","params":{"tool":` + tool + `}}}`))
	if output == nil {
		return "no output"
	}
	var parsed struct {
		Context struct{ Tool outcome }
	}
	if err := json.Unmarshal(output, &parsed); err != nil {
		t.Fatal(err)
	}
	told, result, failure := parsed.Context.Tool, "null", "null"
	if told.Result != nil {
		result = fmt.Sprint(*told.Result)
	}
	if told.Error != nil {
		failure = *told.Error
	}
	return result + " " + failure
}

func TestEveryCallIsKnown(t *testing.T) {
	for _, call := range []string{
		`{"call":"log","level":3,"text":"x"}`,
		`{"call":"random","len":3}`,
		`{"call":"metric","kind":0,"name":"a","value":1e999}`,
		`{"call":"http_request","url":"u","headers":[["a","b"]],"timeout_ms":1}`,
		`{"call":"http_request","document":"{"}`,
		`{"call":"ws_open","url":"u","protocols":["p"]}`,
		`{"call":"ws_send","socket":0,"kind":1,"data":"x"}`,
		`{"call":"ws_recv","socket":0,"wait_ms":0}`,
		`{"call":"ws_close","socket":0}`,
		`{"call":"midi_send","output":"o","data":[1]}`,
		`{"call":"audio_play","sound":"bell","volume":1}`,
		`{"call":"kv_get","key":"a"}`,
		`{"call":"kv_set","key":"a","value":"b"}`,
		`{"call":"kv_delete","key":"a"}`,
		`{"call":"kv_swap","key":"a"}`,
		`{"call":"run","program":"p","args":["a"]}`,
		`{"call":"system","operation":"o","argument":"a"}`,
	} {
		if got := tool(t, call); got != "-6 unavailable" {
			t.Errorf("%s: %s", call, got)
		}
	}
}

func TestWhatIsNoCallCallsNothing(t *testing.T) {
	for call, want := range map[string]string{
		`{"call":"versions"}`:                                 "null unknown_call",
		`{"Call":"version"}`:                                  "null unknown_call",
		`"version"`:                                           "null unknown_call",
		`{"call":"random","len":1048577}`:                     "null bad_argument",
		`{"call":"kv_set","key":"a","value":1}`:               "null bad_argument",
		`{"call":"kv_set","key":"a","value":[null]}`:          "null bad_argument",
		`{"call":"run","program":"p","args":[null]}`:          "null bad_argument",
		`{"call":"http_request","url":"u","headers":[["a"]]}`: "null bad_argument",
		`{"call":"http_request","url":"u","timeout_ms":-1}`:   "null bad_argument",
		`null`: "no output",
	} {
		if got := tool(t, call); got != want {
			t.Errorf("%s: %s, wanted %s", call, got, want)
		}
	}
	if got := string(preHook([]byte("{"))); len(got) < 10 || got[:10] != `{"error":"` {
		t.Error(got)
	}
}
