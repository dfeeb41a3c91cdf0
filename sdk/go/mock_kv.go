//go:build !wasip1

package plugbay

import "unsafe"

// Values by key, as the mock host has them.

const longestKey, longestValue = 1024, 1 << 20

// keyed is a call with a key and a value, where those are as the host takes them.
func keyed(function string, key unsafe.Pointer, keyLength uint32, length int64, call func(name string) int32) int32 {
	return begun(function, func() int32 {
		if keyLength == 0 || keyLength > longestKey {
			return mock.fail(Invalid, "a key has 1 to 1024 bytes")
		}
		if length > longestValue {
			return mock.fail(TooLarge, "a value has at most 1048576 bytes")
		}
		return call(string(bytesAt(key, keyLength)))
	})
}

func hostKVGet(key unsafe.Pointer, keyLength uint32) int32 {
	return keyed("kv_get", key, keyLength, 0, func(name string) int32 {
		value, there := mock.KV[name]
		if !there {
			return 0
		}
		mock.answers[1] = append([]byte{}, value...)
		return 1
	})
}

func hostKVSet(key unsafe.Pointer, keyLength uint32, start unsafe.Pointer, length uint32) int32 {
	return keyed("kv_set", key, keyLength, int64(length), func(name string) int32 {
		mock.set(name, bytesAt(start, length))
		return 0
	})
}

func hostKVDelete(key unsafe.Pointer, keyLength uint32) int32 {
	return keyed("kv_delete", key, keyLength, 0, func(name string) int32 {
		_, there := mock.KV[name]
		delete(mock.KV, name)
		if there {
			return 1
		}
		return 0
	})
}

func hostKVSwap(key unsafe.Pointer, keyLength uint32, old unsafe.Pointer, oldLength int32, start unsafe.Pointer, length int32) int32 {
	return keyed("kv_swap", key, keyLength, int64(length), func(name string) int32 {
		present, there := mock.KV[name]
		if there != (oldLength >= 0) || there && string(present) != string(bytesAt(old, uint32(oldLength))) {
			if there {
				mock.answers[1] = append([]byte{}, present...)
			}
			return 0
		}
		if length < 0 {
			delete(mock.KV, name)
		} else {
			mock.set(name, bytesAt(start, uint32(length)))
		}
		return 1
	})
}

func (m *Mock) set(name string, value []byte) {
	if m.KV == nil {
		m.KV = map[string][]byte{}
	}
	m.KV[name] = value
}
