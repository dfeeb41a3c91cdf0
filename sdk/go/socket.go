package plugbay

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
	URL     string   `json:"url"`
	Headers []Header `json:"headers,omitempty"`
	// Protocols are those that the plugin speaks.
	Protocols []string `json:"protocols,omitempty"`
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
	socket, err := RawOpen(document(o))
	if err != nil {
		return socket, "", err
	}
	var opened struct {
		Protocol string `json:"protocol"`
	}
	err = read(&opened)
	return socket, opened.Protocol, err
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
		var closed struct {
			Code   uint16 `json:"code"`
			Reason string `json:"reason"`
		}
		if err := read(&closed); err != nil {
			return message, err
		}
		message.Code, message.Reason = closed.Code, closed.Reason
	}
	return message, nil
}

// Close closes it.
func (s Socket) Close() error {
	return checked(hostWSClose(int32(s)))
}
