package abi

//go:wasmimport wasi_snapshot_preview1 proc_exit
func exit(status int32)
