package config

import (
	"strings"
	"testing"
)

func TestFieldsAreWhatTheyHaveToBe(t *testing.T) {
	var got *Fields
	Handle(func(fields *Fields) error {
		got = fields
		fields.Text("text", "")
		fields.Uint("uint", 0)
		fields.Int("int", 0)
		fields.Float("float", 0)
		fields.Bool("bool", false)
		fields.Texts("texts")
		fields.NoOthers()
		return nil
	})
	for text, want := range map[string]string{
		``: "", `{}`: "", `null`: "",
		`{"text":"a","uint":1,"int":-1,"float":1.5,"bool":true,"texts":["a"]}`: "",
		`{"int":1.5}`:           "config.int: expected i64, found 1.5",
		`{"int":null}`:          "config.int: expected i64, found null",
		`{"float":"1"}`:         "config.float: expected f64, found a string",
		`{"float":1e999}`:       "config.float: expected f64, found 1e999",
		`{"bool":0}`:            "config.bool: expected a boolean, found a number",
		`{"texts":"a"}`:         "config.texts: expected a list, found a string",
		`{"texts":["a",{}]}`:    "config.texts.1: expected a string, found an object",
		`{"uint":-1,"int":"a"}`: "config.uint: expected u64, found another number",
		`{"uint":` + long + `}`: "config.uint: expected u64, found another number",
		`{"txet":"a"}`:          "config: unknown field `txet`, expected one of `text`, `uint`, `int`, `float`, `bool`, `texts`",
		`[]`:                    "config: expected an object, found a list",
		`{`:                     "failed to parse input JSON: expected a field's name at byte 1",
	} {
		if err := Init(text); want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%.50s: %v, wanted %s", text, err, want)
		}
	}
	if err := Init(`{"texts":["a","b"],"bool":true,"int":-5,"float":2}`); err != nil || strings.Join(got.Texts("texts"), "") != "ab" ||
		!got.Bool("bool", false) || got.Int("int", 0) != -5 || got.Float("float", 0) != 2 {
		t.Error(err)
	}
}

var long = strings.Repeat("9", 100_000)
