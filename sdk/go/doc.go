// Package plugbay is the host, for plugins in Go: the functions of docs/host-functions.md, typed.
//
//	request := plugbay.Request{Method: "POST", URL: "https://api.example.org/v1/moderate", TimeoutMs: 2000}
//	response, err := request.Send([]byte(text))
//	if errors.Is(err, plugbay.Timeout) {
//		plugbay.Log(plugbay.LevelWarning, err.Error())
//	}
//
// Only modules that call a function import it. Built for anything but wasip1, every function fails with
// [Unavailable] unless there is a Mock, so that a plugin can be tested on any machine.
package plugbay
