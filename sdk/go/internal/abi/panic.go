package abi

import (
	"runtime"
	"strconv"
	"strings"
)

// Abort is deferred by what the host calls: a panic's message becomes the last line on stderr, which is what the
// host tells, in the place of Go's stack trace. The instance ends.
func Abort() {
	if value := recover(); value != nil {
		println("panicked at " + place() + ": " + said(value))
		exit(2)
	}
}

// Quit ends the instance with a message, which the host tells.
func Quit(message string) {
	println(message)
	exit(1)
}

func said(value any) string {
	switch value := value.(type) {
	case error:
		return value.Error()
	case interface{ String() string }:
		return value.String()
	case string:
		return value
	case int:
		return strconv.Itoa(value)
	}
	return "a value without a text"
}

// place is where the panic was, while its stack is still there.
func place() string {
	var counters [32]uintptr
	frames := runtime.CallersFrames(counters[:runtime.Callers(1, counters[:])])
	begun := false
	for {
		frame, more := frames.Next()
		inside := strings.HasPrefix(frame.Function, "runtime.")
		if begun && !inside {
			return frame.File + ":" + strconv.Itoa(frame.Line)
		}
		begun = begun || inside
		if !more {
			return "an unknown place"
		}
	}
}
