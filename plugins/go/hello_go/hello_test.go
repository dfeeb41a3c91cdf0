package main

import (
	"testing"

	"github.com/plugbay/plugbay/sdk/go/hooks"
	"github.com/plugbay/plugbay/sdk/go/hooks/config"
)

func TestItGreets(t *testing.T) {
	if err := config.Init(`{"greeting": "good evening"}`); err != nil {
		t.Fatal(err)
	}
	for _, row := range [][3]string{
		{
			"http_pre_hook", `{"request": {"method": "GET", "headers": {"A": "b"}, "n": 1.50}}`,
			`{"request":{"method":"GET","headers":{"A":"b","x-greeting":"good evening"},"n":1.50}}`,
		},
		{"pre_hook", `{"request": {"model": "echo"}}`, `{"context":{"greeting":"good evening, echo"}}`},
		{"pre_hook", `{`, `{"error":"failed to parse input JSON: expected a field's name at byte 1"}`},
	} {
		if got := string(hooks.Call(row[0], row[1])); got != row[2] {
			t.Errorf("%s: %s, wanted %s", row[0], got, row[2])
		}
	}
}

func TestAWrongConfigurationIsNamed(t *testing.T) {
	err := config.Init(`{"greeting": 1}`)
	if err == nil || err.Error() != "config.greeting: expected a string, found a number" {
		t.Error(err)
	}
}
