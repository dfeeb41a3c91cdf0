package binarybodies

import "unsafe"

// The functions as the host has them. It reads or writes so many bytes at an address during the call, and not
// afterwards.

//go:wasmimport plugbay body_len
func bodyLen(which int32) int64

//go:wasmimport plugbay body_read
func bodyRead(which int32, offset int64, start unsafe.Pointer, length uint32) int32

//go:wasmimport plugbay body_write
func bodyWrite(which int32, offset int64, start unsafe.Pointer, length uint32) int32

//go:wasmimport plugbay body_truncate
func bodyTruncate(which int32, length int64) int32

func (host) Len(which int32) int64 { return bodyLen(which) }

func (host) Read(which int32, offset int64, buffer []byte) int32 {
	return bodyRead(which, offset, unsafe.Pointer(unsafe.SliceData(buffer)), uint32(len(buffer)))
}

func (host) Write(which int32, offset int64, bytes []byte) int32 {
	return bodyWrite(which, offset, unsafe.Pointer(unsafe.SliceData(bytes)), uint32(len(bytes)))
}

func (host) Truncate(which int32, length int64) int32 { return bodyTruncate(which, length) }
