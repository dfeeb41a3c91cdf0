// A hook plugin that calls the host functions that a request names.
//
// arguments.go reads what the request says, toolbox.go calls and tells the outcome, and this file is the
// ABI around them.
package main

import "unsafe"

// kept is what the host knows of, by address: without it the collector would take it.
var kept = map[unsafe.Pointer][]byte{}

// malloc is memory for the host to write to.
//
//go:wasmexport malloc
func malloc(size uint32) unsafe.Pointer {
	// Of no bytes at all every address would be the same.
	return keep(make([]byte, max(size, 1)))
}

// free takes back what malloc or a hook returned.
//
//go:wasmexport free
func free(start unsafe.Pointer) {
	delete(kept, start)
}

// name is text that is never freed.
var name = []byte("toolbox_go")

//go:wasmexport get_name
func getName() uint64 {
	return pack(unsafe.Pointer(unsafe.SliceData(name)), len(name))
}

//go:wasmexport pre_hook
func pre(start unsafe.Pointer, length uint32) uint64 {
	output := preHook(unsafe.Slice((*byte)(start), length))
	if output == nil {
		// "No output": the host changes nothing.
		return 0
	}
	return pack(keep(output), len(output))
}

func keep(bytes []byte) unsafe.Pointer {
	start := unsafe.Pointer(unsafe.SliceData(bytes))
	kept[start] = bytes
	return start
}

func pack(start unsafe.Pointer, length int) uint64 {
	return uint64(uintptr(start))<<32 | uint64(length)
}

// main is never called: the module is a library.
func main() {}
