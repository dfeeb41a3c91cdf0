//go:build !wasip1

package binarybodies

// Where there is no host, hooks.Call has the bodies of a document.

func (host) Len(int32) int64 { return -1 }

func (host) Read(int32, int64, []byte) int32 { return -1 }

func (host) Write(int32, int64, []byte) int32 { return -1 }

func (host) Truncate(int32, int64) int32 { return -1 }
