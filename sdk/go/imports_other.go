//go:build !wasip1

package plugbay

import "unsafe"

// Where there is no host, nothing is available but what a Mock has.
const unavailable = int32(Unavailable)

func hostVersion() int32                                                   { return unavailable }
func hostRandom(unsafe.Pointer, uint32) int32                              { return unavailable }
func hostMetric(int32, unsafe.Pointer, uint32, float64) int32              { return unavailable }
func hostHTTPRequest(unsafe.Pointer, uint32, unsafe.Pointer, uint32) int32 { return unavailable }
func hostWSOpen(unsafe.Pointer, uint32) int32                              { return unavailable }
func hostWSSend(int32, int32, unsafe.Pointer, uint32) int32                { return unavailable }
func hostWSRecv(int32, int32) int32                                        { return unavailable }
func hostWSClose(int32) int32                                              { return unavailable }
func hostMIDISend(unsafe.Pointer, uint32, unsafe.Pointer, uint32) int32    { return unavailable }
func hostAudioPlay(unsafe.Pointer, uint32) int32                           { return unavailable }
func hostRun(unsafe.Pointer, uint32, unsafe.Pointer, uint32) int32         { return unavailable }
func hostSystem(unsafe.Pointer, uint32) int32                              { return unavailable }
