// Package binarybodies has the host keep bodies beside the documents, as bytes rather than base64, and hand over only
// what is read. A module that imports it exports plugbay_abi, and returns 2 there:
//
//	import _ "github.com/plugbay/plugbay/sdk/go/hooks/binarybodies"
//
// The methods of [hooks.Message] are the same. ReadBodyAt and WriteBodyAt copy no more than they are asked for.
package binarybodies

import "github.com/plugbay/plugbay/sdk/go/hooks"

func init() { hooks.UseBodies(host{}) }

// host has the functions of the host.
type host struct{}

//go:wasmexport plugbay_abi
func abi() int32 { return 2 }
