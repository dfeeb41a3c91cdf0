//go:build !wasip1

package plugbay

import (
	"time"
	"unsafe"
)

// Mock is a host for the tests of a plugin, on this machine: a clock that stands, a log, and values by key.
// There are no other functions. It is not there in a module.
type Mock struct {
	Time  time.Time
	Lines []string
	KV    map[string][]byte
	// Denied are functions that are not granted, such as kv_get.
	Denied  map[string]bool
	answers [3][]byte
}

var mock *Mock

// UseMock has functions call this one from now on; nil is none.
func UseMock(host *Mock) { mock = host }

// refuses begins a call that leaves an answer.
func refuses(function string) bool {
	if mock == nil {
		return true
	}
	mock.answers = [3][]byte{}
	if mock.Denied[function] {
		mock.answers[0] = []byte(`{"class":"denied","message":"` + function + ` is not granted"}`)
	}
	return mock.Denied[function]
}

func refusal() int32 {
	if mock == nil {
		return unavailable
	}
	return int32(Denied)
}

func bytesAt(start unsafe.Pointer, length uint32) []byte {
	return unsafe.Slice((*byte)(start), length)
}

func hostAnswerLen(part int32) int64 {
	if mock == nil || part < 0 || part > 2 || mock.answers[part] == nil {
		return -1
	}
	return int64(len(mock.answers[part]))
}

func hostAnswerRead(part int32, offset int64, start unsafe.Pointer, length uint32) int32 {
	if hostAnswerLen(part) < offset {
		return 0
	}
	return int32(copy(bytesAt(start, length), mock.answers[part][offset:]))
}

func hostLog(_ int32, start unsafe.Pointer, length uint32) int32 {
	if mock == nil {
		return unavailable
	}
	mock.Lines = append(mock.Lines, string(bytesAt(start, length)))
	return 0
}

func hostNow() int64 {
	if mock == nil {
		return 0
	}
	return mock.Time.UnixNano()
}

func hostKVGet(key unsafe.Pointer, keyLength uint32) int32 {
	if refuses("kv_get") {
		return refusal()
	}
	value, there := mock.KV[string(bytesAt(key, keyLength))]
	if !there {
		return 0
	}
	mock.answers[1] = value
	return 1
}

func hostKVSet(key unsafe.Pointer, keyLength uint32, start unsafe.Pointer, length uint32) int32 {
	if refuses("kv_set") {
		return refusal()
	}
	mock.set(bytesAt(key, keyLength), bytesAt(start, length))
	return 0
}

func hostKVDelete(key unsafe.Pointer, keyLength uint32) int32 {
	if refuses("kv_delete") {
		return refusal()
	}
	name := string(bytesAt(key, keyLength))
	_, there := mock.KV[name]
	delete(mock.KV, name)
	if there {
		return 1
	}
	return 0
}

func hostKVSwap(key unsafe.Pointer, keyLength uint32, old unsafe.Pointer, oldLength int32, start unsafe.Pointer, length int32) int32 {
	if refuses("kv_swap") {
		return refusal()
	}
	name := bytesAt(key, keyLength)
	present, there := mock.KV[string(name)]
	if there != (oldLength >= 0) || there && string(present) != string(bytesAt(old, uint32(oldLength))) {
		if there {
			mock.answers[1] = present
		}
		return 0
	}
	if length < 0 {
		delete(mock.KV, string(name))
	} else {
		mock.set(name, bytesAt(start, uint32(length)))
	}
	return 1
}

func (m *Mock) set(key, value []byte) {
	if m.KV == nil {
		m.KV = map[string][]byte{}
	}
	m.KV[string(key)] = append([]byte{}, value...)
}
