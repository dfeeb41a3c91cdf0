package plugbay

import "github.com/plugbay/plugbay/sdk/go/json"

// Socket is the number of an open WebSocket. It is the plugin's, not the instance's: it is good in any
// later call, until either side closes it. It takes Network.
type Socket int32

// MessageKind is the kind of a message.
type MessageKind int32

// What Receive may return; Text and Binary are what can be sent.
const (
	Nothing MessageKind = 0
	Text    MessageKind = 1
	Binary  MessageKind = 2
	Closed  MessageKind = 3
)

// Opening is a socket that is about to be opened.
type Opening struct {
	URL     string
	Headers []Header
	// Protocols are those that the plugin speaks.
	Protocols []string
}

// Message is what came.
type Message struct {
	Kind MessageKind
	// Data is what Text and Binary carry.
	Data []byte
	// Code and Reason are why it was Closed: 1000 is as it should be. The socket's number is gone then.
	Code   uint16
	Reason string
}

// Open opens a socket; with it comes the protocol that the other side chose, or nothing.
func (o *Opening) Open() (Socket, string, error) {
	socket, err := RawOpen(o.document())
	if err != nil {
		return socket, "", err
	}
	answer, err := read()
	protocol, _ := answer.Get("protocol").AsText()
	return socket, protocol, err
}

// Send sends a message.
func (s Socket) Send(kind MessageKind, data []byte) error {
	start, length := at(data)
	return checked(hostWSSend(int32(s), int32(kind), start, length))
}

// Receive waits for a message up to waitMs; 0 only looks.
func (s Socket) Receive(waitMs int32) (Message, error) {
	result := hostWSRecv(int32(s), waitMs)
	if err := checked(result); err != nil {
		return Message{}, err
	}
	message := Message{Kind: MessageKind(result)}
	switch message.Kind {
	case Text, Binary:
		message.Data = Answer(1)
	case Closed:
		closed, err := read()
		if err != nil {
			return message, err
		}
		code, _ := closed.Get("code").AsUint()
		message.Code = uint16(code)
		message.Reason, _ = closed.Get("reason").AsText()
	}
	return message, nil
}

// Close closes it.
func (s Socket) Close() error {
	return checked(hostWSClose(int32(s)))
}

func (o *Opening) document() []byte {
	document := json.NewObject().Set("url", json.Text(o.URL))
	setHeaders(document, o.Headers)
	if len(o.Protocols) > 0 {
		document.Set("protocols", json.Texts(o.Protocols...))
	}
	return document.Write()
}
