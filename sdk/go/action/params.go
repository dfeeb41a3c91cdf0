package action

import (
	"errors"
	"strconv"

	"github.com/plugbay/plugbay/sdk/go/json"
)

// Params are the parameters of one mapping, as the user wrote them. An error names the parameter and what was wanted.
type Params struct{ Fields *json.Value }

// Text is a text that has to be there.
func (p *Params) Text(name string) (string, error) {
	value, there := p.Fields.Lookup(name)
	if !there {
		return "", unread(errors.New("params: missing field `" + name + "`"))
	}
	text, is := value.AsText()
	if !is {
		return "", unread(value.Wrong("params."+name, "a string"))
	}
	return text, nil
}

// OptionalText is a text, or what is to be without one.
func (p *Params) OptionalText(name, without string) (string, error) {
	if p.Fields.Get(name).IsNull() {
		return without, nil
	}
	return p.Text(name)
}

// Int is a whole number between two others, or what is to be without one.
func (p *Params) Int(name string, without, least, most int64) (int64, error) {
	value := p.Fields.Get(name)
	if value.IsNull() {
		return without, nil
	}
	number, is := value.AsInt()
	if !is || number < least || number > most {
		wanted := "a whole number from " + strconv.FormatInt(least, 10) + " to " + strconv.FormatInt(most, 10)
		return without, unread(value.WrongNumber("params."+name, wanted))
	}
	return number, nil
}

// Float is a number, or what is to be without one.
func (p *Params) Float(name string, without float64) (float64, error) {
	value := p.Fields.Get(name)
	if value.IsNull() {
		return without, nil
	}
	number, is := value.AsFloat()
	if !is {
		return without, unread(value.WrongNumber("params."+name, "f64"))
	}
	return number, nil
}

// Bool is true or false, or what is to be without either.
func (p *Params) Bool(name string, without bool) (bool, error) {
	value := p.Fields.Get(name)
	if value.IsNull() {
		return without, nil
	}
	is, known := value.AsBool()
	if !known {
		return without, unread(value.Wrong("params."+name, "a boolean"))
	}
	return is, nil
}
