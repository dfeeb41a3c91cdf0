package main

import (
	"strings"
	"testing"
	"time"

	plugbay "github.com/plugbay/plugbay/sdk/go"
	"github.com/plugbay/plugbay/sdk/go/hooks"
	"github.com/plugbay/plugbay/sdk/go/hooks/config"
)

func ask(client string) string {
	request := `{"context":{},"request":{"headers":{"X-Client-ID":"` + client + `"}}}`
	return string(hooks.Call("http_pre_hook", request))
}

func TestEachClientHasItsOwnMinute(t *testing.T) {
	host := &plugbay.Mock{Time: time.Unix(59, 0)}
	plugbay.UseMock(host)
	defer plugbay.UseMock(nil)
	if err := config.Init(`{"per_minute": 2}`); err != nil {
		t.Fatal(err)
	}
	for _, number := range []string{"1", "2"} {
		if got := ask("ada"); got != `{"context":{"requests_this_minute":`+number+`}}` {
			t.Error(got)
		}
	}
	refused := ask("ada")
	if !strings.Contains(refused, `"status_code":429`) || !strings.Contains(refused, `"retry-after":"1"`) {
		t.Error(refused)
	}
	if got := ask("bob"); strings.Contains(got, "429") {
		t.Error(got)
	}
	host.Time = time.Unix(60, 0)
	if got := ask("ada"); got != `{"context":{"requests_this_minute":1}}` || string(host.KV["count/ada"]) != "1 1" {
		t.Error(got, host.KV)
	}
	host.Denied = map[string]bool{"kv_get": true}
	if got := ask("ada"); got != `{"error":"denied: kv_get is not granted"}` {
		t.Error(got)
	}
}

func TestAWrongConfigurationIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{"per_minute": 0}`:  "config.per_minute: nobody could ever ask",
		`{"per_minute": -1}`: "config.per_minute: expected u64, found another number",
		`{"per_minut": 1}`:   "config: unknown field `per_minut`, expected `per_minute` or `client_header`",
	} {
		if err := config.Init(text); err == nil || err.Error() != want {
			t.Errorf("%s: %v, wanted %s", text, err, want)
		}
	}
}
