// Package capabilities is what an action plugin asks for. A module that imports it exports capabilities.
package capabilities

import (
	"unsafe"

	"github.com/plugbay/plugbay/sdk/go/internal/abi"
	"github.com/plugbay/plugbay/sdk/go/internal/asked"
	"github.com/plugbay/plugbay/sdk/go/json"
)

// names is never freed.
var names = []byte("[]")

// Ask names them: Network, Audio, Midi, Filesystem, Subprocess, SystemControl.
func Ask(capabilities ...string) {
	names = json.Texts(capabilities...).Write()
	asked.Names = capabilities
}

//go:wasmexport capabilities
func export() uint64 { return abi.Pack(unsafe.Pointer(unsafe.SliceData(names)), len(names)) }
