// Package cleanup is what is called once, before a plugin is unloaded. A module that imports it exports cleanup.
package cleanup

import "github.com/plugbay/plugbay/sdk/go/internal/abi"

var handle func() error

// Handle says what is called.
func Handle(call func() error) { handle = call }

//go:wasmexport cleanup
func export() int32 {
	defer abi.Abort()
	if handle == nil {
		return 0
	}
	if err := handle(); err != nil {
		// The host tells what stands on stderr.
		println(err.Error())
		return 1
	}
	return 0
}
