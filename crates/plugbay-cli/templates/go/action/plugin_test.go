package main

import (
	"testing"

	"github.com/plugbay/plugbay/sdk/go/action"
)

func TestEveryVelocityHasItsTouch(t *testing.T) {
	var said string
	action.Handle(func(params *action.Params, context *action.Context) (err error) {
		said, err = strike(params, context)
		return err
	})
	for _, row := range [][3]string{
		{`{"message": "lights"}`, `{"velocity": 40}`, "lights gently"},
		{`{"message": "lights"}`, `{"velocity": 41}`, "lights firmly"},
		{`{"message": "lights"}`, `{"velocity": 127}`, "lights with force"},
		{`{"message": "lights"}`, `{"velocity": 128}`, "velocity 128 is above 127"},
		{`{}`, `{}`, "failed to parse input JSON: params: missing field `message`"},
	} {
		if err := action.Run(row[0], row[1]); err != nil {
			said = err.Error()
		}
		if said != row[2] {
			t.Errorf("%s %s: %s, wanted %s", row[0], row[1], said, row[2])
		}
	}
}
