// An action plugin that answers to how hard a key was struck.
package main

import (
	"errors"
	"strconv"

	"github.com/plugbay/plugbay/sdk/go/action"
)

func init() {
	action.Describe(action.Metadata{
		Name: "midi_velocity_go", Version: "0.1.0", Description: "Answers to how hard a key was struck",
		License: "MIT OR Apache-2.0",
	})
	action.OnInit(func() error {
		action.Print("midi_velocity is ready")
		return nil
	})
	action.OnShutdown(func() { action.Print("midi_velocity is going away") })
	action.Handle(func(params *action.Params, context *action.Context) error {
		line, err := respond(params, context)
		if err == nil {
			action.Print(line)
		}
		return err
	})
}

// respond is what there is to print.
func respond(params *action.Params, context *action.Context) (string, error) {
	name, err := params.Text("action")
	if err != nil {
		return "", err
	}
	// A program change, for one, has no velocity.
	velocity := 0
	if context.Velocity != nil {
		velocity = int(*context.Velocity)
	}
	touch := "with force"
	switch {
	case velocity <= 40:
		touch = "gently"
	case velocity <= 80:
		touch = "firmly"
	case velocity > 127:
		return "", errors.New("velocity " + strconv.Itoa(velocity) + " is above 127")
	}
	line := "midi_velocity: " + name + " " + touch + " (velocity " + strconv.Itoa(velocity) + ")"
	if context.Mode != nil {
		line += " in mode " + strconv.Itoa(int(*context.Mode))
	}
	return line, nil
}

// main is never called: the module is a library.
func main() {}
