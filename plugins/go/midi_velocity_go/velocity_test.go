package main

import (
	"testing"

	"github.com/plugbay/plugbay/sdk/go/action"
)

func TestTouchesAndWrongInput(t *testing.T) {
	var line string
	action.Handle(func(params *action.Params, context *action.Context) (err error) {
		line, err = respond(params, context)
		return err
	})
	const lights, unread = `{"action": "lights"}`, "failed to parse input JSON: "
	for _, row := range [][3]string{
		{lights, `{"velocity": 40}`, "midi_velocity: lights gently (velocity 40)"},
		{lights, `{"velocity": 41}`, "midi_velocity: lights firmly (velocity 41)"},
		{lights, `{"velocity": 80}`, "midi_velocity: lights firmly (velocity 80)"},
		{lights, `{"velocity": 81}`, "midi_velocity: lights with force (velocity 81)"},
		{lights, `{"velocity": null, "mode": 2}`, "midi_velocity: lights gently (velocity 0) in mode 2"},
		{lights, ``, "midi_velocity: lights gently (velocity 0)"},
		{lights, `{"velocity": 128}`, "velocity 128 is above 127"},
		{lights, `{"velocity": -1}`, unread + "context.velocity: expected u8, found another number"},
		{lights, `[1]`, unread + "context: expected an object, found a list"},
		{`{}`, `{}`, unread + "params: missing field `action`"},
		{`{"action": 1}`, `{}`, unread + "params.action: expected a string, found a number"},
	} {
		line = ""
		got := action.Run(row[0], row[1])
		if got != nil {
			line = got.Error()
		}
		if line != row[2] {
			t.Errorf("%s %s: %s, wanted %s", row[0], row[1], line, row[2])
		}
	}
}
