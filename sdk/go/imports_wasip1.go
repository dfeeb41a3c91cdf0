package plugbay

import "unsafe"

// The functions as the host has them. It reads or writes so many bytes at an address during the call, and
// not afterwards.

//go:wasmimport plugbay version
func hostVersion() int32

//go:wasmimport plugbay answer_len
func hostAnswerLen(part int32) int64

//go:wasmimport plugbay answer_read
func hostAnswerRead(part int32, offset int64, start unsafe.Pointer, length uint32) int32

//go:wasmimport plugbay log
func hostLog(level int32, start unsafe.Pointer, length uint32) int32

//go:wasmimport plugbay now
func hostNow() int64

//go:wasmimport plugbay random
func hostRandom(start unsafe.Pointer, length uint32) int32

//go:wasmimport plugbay metric
func hostMetric(kind int32, name unsafe.Pointer, nameLength uint32, value float64) int32

//go:wasmimport plugbay http_request
func hostHTTPRequest(start unsafe.Pointer, length uint32, body unsafe.Pointer, bodyLength uint32) int32

//go:wasmimport plugbay ws_open
func hostWSOpen(start unsafe.Pointer, length uint32) int32

//go:wasmimport plugbay ws_send
func hostWSSend(socket, kind int32, start unsafe.Pointer, length uint32) int32

//go:wasmimport plugbay ws_recv
func hostWSRecv(socket, waitMs int32) int32

//go:wasmimport plugbay ws_close
func hostWSClose(socket int32) int32

//go:wasmimport plugbay midi_send
func hostMIDISend(output unsafe.Pointer, outputLength uint32, start unsafe.Pointer, length uint32) int32

//go:wasmimport plugbay audio_play
func hostAudioPlay(start unsafe.Pointer, length uint32) int32

//go:wasmimport plugbay kv_get
func hostKVGet(key unsafe.Pointer, keyLength uint32) int32

//go:wasmimport plugbay kv_set
func hostKVSet(key unsafe.Pointer, keyLength uint32, start unsafe.Pointer, length uint32) int32

//go:wasmimport plugbay kv_delete
func hostKVDelete(key unsafe.Pointer, keyLength uint32) int32

//go:wasmimport plugbay kv_swap
func hostKVSwap(key unsafe.Pointer, keyLength uint32, old unsafe.Pointer, oldLength int32, start unsafe.Pointer, length int32) int32

//go:wasmimport plugbay run
func hostRun(start unsafe.Pointer, length uint32, input unsafe.Pointer, inputLength uint32) int32

//go:wasmimport plugbay system
func hostSystem(start unsafe.Pointer, length uint32) int32
