package plugbay

import "time"

// Level is how much a line in the log matters.
type Level int32

// The levels.
const (
	LevelError   Level = 1
	LevelWarning Level = 2
	LevelInfo    Level = 3
	LevelDebug   Level = 4
	LevelTrace   Level = 5
)

// MetricKind is what is measured.
type MetricKind int32

// The kinds: a sum that only grows, a value that comes and goes, one of many whose distribution matters.
const (
	Counter MetricKind = 0
	Gauge   MetricKind = 1
	Sample  MetricKind = 2
)

// Version is the version of the host's functions.
func Version() int32 {
	return hostVersion()
}

// Log writes one line to the plugin's log.
func Log(level Level, line string) error {
	start, length := atText(line)
	return bare(hostLog(int32(level), start, length))
}

// Now is the wall clock.
func Now() time.Time {
	return time.Unix(0, hostNow())
}

// Random fills the buffer, 64 KiB at most, with random bytes that are fit for keys.
func Random(buffer []byte) error {
	return bare(hostRandom(at(buffer)))
}

// Metric measures something. A name has 1 to 64 of a-z, 0-9 and _, and begins with a letter.
func Metric(kind MetricKind, name string, value float64) error {
	start, length := atText(name)
	return bare(hostMetric(int32(kind), start, length, value))
}
