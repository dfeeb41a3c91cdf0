// Package abi is memory that the host and the plugin hand each other.
package abi

import "unsafe"

// kept is what the host knows of, by address: without it the collector would take it.
var kept = map[unsafe.Pointer][]byte{}

// Malloc is memory for the host to write to.
func Malloc(size uint32) unsafe.Pointer {
	// Of no bytes at all every address would be the same.
	return keep(make([]byte, max(size, 1)))
}

// Free takes back what Malloc or Give returned.
func Free(start unsafe.Pointer) {
	delete(kept, start)
}

// Take is what the host has written, as a text of our own: the host frees its own.
func Take(start unsafe.Pointer, length uint32) string {
	if length == 0 {
		return ""
	}
	return string(unsafe.Slice((*byte)(start), length))
}

// Give is bytes for the host, which frees them; 0 is "no output".
func Give(output []byte) uint64 {
	if len(output) == 0 {
		return 0
	}
	return Pack(keep(output), len(output))
}

// Pack is an address and a length in one.
func Pack(start unsafe.Pointer, length int) uint64 {
	return uint64(uintptr(start))<<32 | uint64(length)
}

// Kept is how many pieces the host has not freed.
func Kept() int {
	return len(kept)
}

func keep(bytes []byte) unsafe.Pointer {
	start := unsafe.Pointer(unsafe.SliceData(bytes))
	kept[start] = bytes
	return start
}
