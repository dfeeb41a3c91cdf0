// Says how hard a key was struck.
package main

import (
	"errors"
	"strconv"

	"github.com/plugbay/plugbay/sdk/go/action"
)

func init() {
	action.Handle(func(params *action.Params, context *action.Context) error {
		line, err := strike(params, context)
		if err == nil {
			action.Print(line)
		}
		return err
	})
}

// strike takes the parameters of one mapping, `params = { message = "..." }`, and returns what there is to say.
func strike(params *action.Params, context *action.Context) (string, error) {
	message, err := params.Text("message")
	if err != nil {
		return "", err
	}
	// A program change, for one, has no velocity.
	velocity := 0
	if context.Velocity != nil {
		velocity = int(*context.Velocity)
	}
	switch {
	case velocity > 127:
		return "", errors.New("velocity " + strconv.Itoa(velocity) + " is above 127")
	case velocity <= 40:
		return message + " gently", nil
	case velocity <= 80:
		return message + " firmly", nil
	}
	return message + " with force", nil
}

// main is never called: the module is a library.
func main() {}
