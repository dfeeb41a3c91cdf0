//go:build !wasip1

package plugbay

import (
	"strings"
	"unsafe"

	"github.com/plugbay/plugbay/sdk/go/json"
)

// WebSockets, as the mock host has them: a socket's number is its place, and one that was closed is nil.

func hostWSOpen(start unsafe.Pointer, length uint32) int32 {
	return begun("ws_open", func() int32 {
		document, err := documentAt(start, length, "url", "headers", "protocols")
		if err != nil {
			return mock.invalid(err)
		}
		opening := Opening{Headers: headersOf(document)}
		opening.URL, _ = document.Get("url").AsText()
		for _, protocol := range document.Get("protocols").Items() {
			text, _ := protocol.AsText()
			opening.Protocols = append(opening.Protocols, text)
		}
		mock.Opened = append(mock.Opened, opening)
		for i := len(mock.Peers) - 1; i >= 0; i-- {
			peer := mock.Peers[i]
			if !strings.HasPrefix(opening.URL, peer.URL) {
				continue
			}
			if peer.Err != nil {
				return mock.failed(peer.Err)
			}
			var chosen *json.Value
			if peer.Protocol != "" {
				chosen = json.Text(peer.Protocol)
			}
			messages := append([]Message{}, peer.Messages...)
			mock.sockets = append(mock.sockets, &messages)
			mock.answers[0] = json.NewObject().Set("protocol", chosen).Write()
			return int32(len(mock.sockets) - 1)
		}
		return mock.fail(Failed, "the test has no peer at "+opening.URL)
	})
}

// open is what a socket has yet to receive; nil of one that is not open.
func (m *Mock) open(socket int32) *[]Message {
	if socket < 0 || int(socket) >= len(m.sockets) {
		return nil
	}
	return m.sockets[socket]
}

func hostWSSend(socket, kind int32, start unsafe.Pointer, length uint32) int32 {
	return begun("ws_send", func() int32 {
		_, valid := textAt(start, length)
		switch {
		case mock.open(socket) == nil:
			return mock.invalid(errNotOpen)
		case kind != int32(Text) && kind != int32(Binary) || kind == int32(Text) && !valid:
			return mock.fail(Invalid, "wanted 1, text in UTF-8, or 2, binary")
		}
		mock.Sent = append(mock.Sent, Message{Kind: MessageKind(kind), Data: bytesAt(start, length)})
		return 0
	})
}

func hostWSRecv(socket, _ int32) int32 {
	return begun("ws_recv", func() int32 {
		messages := mock.open(socket)
		if messages == nil {
			return mock.invalid(errNotOpen)
		}
		if len(*messages) == 0 {
			return int32(Nothing)
		}
		message := (*messages)[0]
		*messages = (*messages)[1:]
		switch message.Kind {
		case Text, Binary:
			mock.answers[1] = append([]byte{}, message.Data...)
		case Closed:
			mock.sockets[socket] = nil
			closed := json.NewObject().Set("code", json.Uint(uint64(message.Code)))
			mock.answers[0] = closed.Set("reason", json.Text(message.Reason)).Write()
		}
		return int32(message.Kind)
	})
}

func hostWSClose(socket int32) int32 {
	return begun("ws_close", func() int32 {
		if mock.open(socket) == nil {
			return mock.invalid(errNotOpen)
		}
		mock.sockets[socket] = nil
		return 0
	})
}
