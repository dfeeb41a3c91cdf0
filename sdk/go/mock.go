//go:build !wasip1

package plugbay

import (
	"errors"
	"time"
)

// Mock is a host for the tests of a plugin, on this machine. It grants everything that is not denied, refuses what the
// host itself would refuse, answers as it is told, and notes what it was asked for. Its clock stands, and its random
// bytes are the same each time. It is not there in a module, and it is one for all tests of a package that run at a time.
//
//	host := &plugbay.Mock{Replies: []plugbay.Reply{{URL: "https://door.example/", Status: 200}}}
//	plugbay.UseMock(host)
//	defer plugbay.UseMock(nil)
type Mock struct {
	// Time is what the clock shows.
	Time time.Time
	// Seed begins the random bytes elsewhere.
	Seed uint64
	// KV are the values by key.
	KV map[string][]byte
	// Replies answer requests to addresses that begin so. Of several that fit, the last one counts.
	Replies []Reply
	// Peers are who answers sockets to addresses that begin so. Of several that fit, the last one counts.
	Peers []Peer
	// Programs are those that there are, by their path.
	Programs map[string]Output
	// Denied are functions that are not granted, such as kv_get.
	Denied map[string]bool
	// Failures are functions that fail, such as midi_send.
	Failures map[string]*Error

	// What follows is what was asked for, in order.

	// Lines were logged.
	Lines []string
	// Levels are those of Lines.
	Levels     []Level
	Metrics    []Measured
	Requests   []Requested
	Opened     []Opening
	Sent       []Message
	MIDI       []Played
	Sounds     []Sound
	Runs       []Ran
	Operations []Operation

	answers [3][]byte
	random  uint64
	sockets []*[]Message
}

// Reply is what another server answers.
type Reply struct {
	// URL is how addresses begin that it is for.
	URL     string
	Status  uint16
	Headers []Header
	Body    []byte
	// Err is why there is no answer.
	Err *Error
}

// Peer is who answers a socket.
type Peer struct {
	// URL is how addresses begin that it is for.
	URL string
	// Protocol is the one that it chooses; there need not be one.
	Protocol string
	// Messages are what it sends, to each socket.
	Messages []Message
	// Err is why there is no socket.
	Err *Error
}

// Measured is one call of Metric.
type Measured struct {
	Kind  MetricKind
	Name  string
	Value float64
}

// Requested is a request with its body.
type Requested struct {
	Request
	Body []byte
}

// Played is what was sent to a MIDI output.
type Played struct {
	Output string
	Bytes  []byte
}

// Ran is a program that was run, with its input.
type Ran struct {
	Program
	Input []byte
}

// Operation is what was done to the system.
type Operation struct {
	Operation, Argument string
}

var mock *Mock

// UseMock has functions call this one from now on; nil is none, and then every function is unavailable.
func UseMock(host *Mock) { mock = host }

const unavailable = int32(Unavailable)

// begun begins a call that leaves an answer: what the last one left is gone. A function that is to fail does so here.
func begun(function string, call func() int32) int32 {
	if mock == nil {
		return unavailable
	}
	mock.answers = [3][]byte{}
	if mock.Denied[function] {
		return mock.fail(Denied, function+" is not granted")
	}
	if failure := mock.Failures[function]; failure != nil {
		return mock.failed(failure)
	}
	return call()
}

// simple is a call that leaves none.
func simple(function string, call func() int32) int32 {
	switch {
	case mock == nil:
		return unavailable
	case mock.Denied[function]:
		return int32(Denied)
	case mock.Failures[function] != nil:
		return int32(mock.Failures[function].Class)
	}
	return call()
}

func (m *Mock) fail(class Class, message string) int32 {
	return m.failed(&Error{Class: class, Message: message})
}

func (m *Mock) failed(failure *Error) int32 {
	m.answers = [3][]byte{failure.document()}
	return int32(failure.Class)
}

func (m *Mock) invalid(err error) int32 { return m.fail(Invalid, err.Error()) }

var errNotOpen = errors.New("the socket is not open")
