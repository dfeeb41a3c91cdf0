package plugbay

import (
	"math"
	"unsafe"
)

// What takes a document is here once more with the document as it is, for what the types do not know.

// Answer is a part of what the last function left; nil if it left no such part.
func Answer(part int32) []byte {
	length := hostAnswerLen(part)
	if length < 0 {
		return nil
	}
	bytes := make([]byte, length)
	start, room := at(bytes)
	count := hostAnswerRead(part, 0, start, room)
	return bytes[:max(count, 0)]
}

// RawHTTPRequest makes a request and returns the status.
func RawHTTPRequest(document, body []byte) (int32, error) {
	start, length := at(document)
	bodyStart, bodyLength := at(body)
	result := hostHTTPRequest(start, length, bodyStart, bodyLength)
	return result, checked(result)
}

// RawOpen opens a WebSocket.
func RawOpen(document []byte) (Socket, error) {
	result := hostWSOpen(at(document))
	return Socket(result), checked(result)
}

// RawPlay plays a sound: a document, or a name alone.
func RawPlay(document []byte) error {
	return checked(hostAudioPlay(at(document)))
}

// RawRun runs a program and returns its status.
func RawRun(document, input []byte) (int32, error) {
	start, length := at(document)
	inputStart, inputLength := at(input)
	result := hostRun(start, length, inputStart, inputLength)
	return result, checked(result)
}

// RawSystem does something to the system.
func RawSystem(document []byte) error {
	return checked(hostSystem(at(document)))
}

// at is where bytes are, as the host wants it.
func at(bytes []byte) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.SliceData(bytes)), uint32(len(bytes))
}

func atText(text string) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.StringData(text)), uint32(len(text))
}

// atOptional has -1 for a length where there is nothing.
func atOptional(bytes []byte) (unsafe.Pointer, int32) {
	if bytes == nil {
		return nil, -1
	}
	// More does not fit beside the program.
	return unsafe.Pointer(unsafe.SliceData(bytes)), int32(min(len(bytes), math.MaxInt32))
}
