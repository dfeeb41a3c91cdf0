//go:build !wasip1

package plugbay

import "unsafe"

// Where there is no host, nothing is available.
const unavailable = int32(Unavailable)

func hostVersion() int32                                                   { return unavailable }
func hostAnswerLen(int32) int64                                            { return -1 }
func hostAnswerRead(int32, int64, unsafe.Pointer, uint32) int32            { return 0 }
func hostLog(int32, unsafe.Pointer, uint32) int32                          { return unavailable }
func hostNow() int64                                                       { return 0 }
func hostRandom(unsafe.Pointer, uint32) int32                              { return unavailable }
func hostMetric(int32, unsafe.Pointer, uint32, float64) int32              { return unavailable }
func hostHTTPRequest(unsafe.Pointer, uint32, unsafe.Pointer, uint32) int32 { return unavailable }
func hostWSOpen(unsafe.Pointer, uint32) int32                              { return unavailable }
func hostWSSend(int32, int32, unsafe.Pointer, uint32) int32                { return unavailable }
func hostWSRecv(int32, int32) int32                                        { return unavailable }
func hostWSClose(int32) int32                                              { return unavailable }
func hostMIDISend(unsafe.Pointer, uint32, unsafe.Pointer, uint32) int32    { return unavailable }
func hostAudioPlay(unsafe.Pointer, uint32) int32                           { return unavailable }
func hostKVGet(unsafe.Pointer, uint32) int32                               { return unavailable }
func hostKVSet(unsafe.Pointer, uint32, unsafe.Pointer, uint32) int32       { return unavailable }
func hostKVDelete(unsafe.Pointer, uint32) int32                            { return unavailable }
func hostRun(unsafe.Pointer, uint32, unsafe.Pointer, uint32) int32         { return unavailable }
func hostSystem(unsafe.Pointer, uint32) int32                              { return unavailable }
func hostKVSwap(unsafe.Pointer, uint32, unsafe.Pointer, int32, unsafe.Pointer, int32) int32 {
	return unavailable
}
