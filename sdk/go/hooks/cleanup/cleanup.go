// Package cleanup is what is called once, before a plugin is unloaded. A module that imports it exports cleanup.
package cleanup

var handle func() error

// Handle says what is called.
func Handle(call func() error) { handle = call }

//go:wasmexport cleanup
func export() int32 {
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
