package plugbay

import "github.com/plugbay/plugbay/sdk/go/json"

// Error is a function of the host that failed. errors.Is tells its class: errors.Is(err, plugbay.Denied).
type Error struct {
	Class Class
	// Message has the host's words.
	Message string
	// Document is the host's whole document: some functions have more to say, such as "kind" or "signal".
	// It is nil after functions that leave none.
	Document []byte
}

// Class is what sort of failure it is: the negative result of a function.
type Class int32

// The classes of this version.
const (
	Denied      Class = -1 // the grant does not allow it
	Invalid     Class = -2 // the arguments are none
	TooLarge    Class = -3 // a cap or a quota
	Timeout     Class = -4 // it took longer than it may
	Failed      Class = -5 // it was tried, and it failed
	Unavailable Class = -6 // this host has no such thing
)

// Error is the name that documents have.
func (c Class) Error() string {
	switch c {
	case Denied:
		return "denied"
	case Invalid:
		return "invalid"
	case TooLarge:
		return "too_large"
	case Timeout:
		return "timeout"
	case Failed:
		return "failed"
	case Unavailable:
		return "unavailable"
	}
	return "other"
}

func (e *Error) Error() string {
	return e.Class.Error() + ": " + e.Message
}

// Unwrap is the class.
func (e *Error) Unwrap() error {
	return e.Class
}

// bare is the error of a function that leaves no answer: the answer that is there is another's.
func bare(result int32) error {
	if result >= 0 {
		return nil
	}
	class := Class(result)
	return &Error{Class: class, Message: class.Error()}
}

// checked is the error of a function that has left its document.
func checked(result int32) error {
	if result >= 0 {
		return nil
	}
	return readError(Class(result), Answer(0))
}

func readError(class Class, document []byte) error {
	failure := &Error{Class: class, Message: class.Error()}
	said, err := json.Parse(string(document))
	if err != nil {
		return failure
	}
	failure.Document = document
	if message, is := said.Get("message").AsText(); is {
		failure.Message = message
	}
	return failure
}

// read is the document of a function that succeeded.
func read() (*json.Value, error) {
	value, err := json.Parse(string(Answer(0)))
	if err != nil {
		return nil, &Error{Class: Failed, Message: "the host's answer is not as expected: " + err.Error()}
	}
	return value, nil
}

// document is what a host leaves of it.
func (e *Error) document() []byte {
	if e.Document != nil {
		return e.Document
	}
	return json.NewObject().Set("class", json.Text(e.Class.Error())).Set("message", json.Text(e.Message)).Write()
}
