package hooks

import "github.com/plugbay/plugbay/sdk/go/json"

// Context is what the hooks of one request hand on to each other.
type Context struct {
	fields *json.Value
	set    *json.Value
}

// RequestID tells requests apart.
func (c *Context) RequestID() string {
	id, _ := c.fields.Get("request_id").AsText()
	return id
}

// Get is a field as it is now; nil where there is none.
func (c *Context) Get(name string) *json.Value {
	// What was set to null is null now, whatever it was.
	if value, there := c.set.Lookup(name); there {
		return value
	}
	return c.fields.Get(name)
}

// Set sets a field.
func (c *Context) Set(name string, value *json.Value) { c.set.Set(name, value) }

// Finish is for the packages of the hooks.
func (c *Context) Finish(output *json.Value) {
	if c.set.Len() > 0 {
		output.Set("context", c.set)
	}
}
