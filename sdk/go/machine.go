package plugbay

// SendMIDI sends whole messages, or a piece of system exclusive, to the output of this name. It takes Midi.
func SendMIDI(output string, messages []byte) error {
	outputStart, outputLength := atText(output)
	start, length := at(messages)
	return checked(hostMIDISend(outputStart, outputLength, start, length))
}

// Sound is a sound to play. It takes Audio.
type Sound struct {
	Name string `json:"sound"`
	// Volume is the host's own if it is nil.
	Volume *float64 `json:"volume,omitempty"`
}

// Play begins to play it.
func (s *Sound) Play() error {
	return RawPlay(document(s))
}

// Program is a program to run. It takes Subprocess.
type Program struct {
	// Path is a path or a name, in the grant's spelling.
	Path string   `json:"program"`
	Args []string `json:"args,omitempty"`
	// TimeoutMs ends it; 0 is 10,000.
	TimeoutMs uint32 `json:"timeout_ms,omitempty"`
}

// Output is what a program left when it ended: of stdout and stderr the first MiB.
type Output struct {
	Status          int32  `json:"status"`
	Stdout          []byte `json:"-"`
	Stderr          []byte `json:"-"`
	StdoutTruncated bool   `json:"stdout_truncated"`
	StderrTruncated bool   `json:"stderr_truncated"`
}

// Run runs it with this on its stdin, and waits until it ends. A program that a signal ended is Failed, and
// "signal" in the error's document says which one.
func (p *Program) Run(input []byte) (*Output, error) {
	status, err := RawRun(document(p), input)
	if err != nil {
		return nil, err
	}
	var output Output
	if err := read(&output); err != nil {
		return nil, err
	}
	output.Status, output.Stdout, output.Stderr = status, Answer(1), Answer(2)
	return &output, nil
}

// System does something to the machine around the host: keystroke ("ctrl+shift+m"), volume ("50", "+5",
// "-5", "mute", "unmute"), launch (an application), mode_change (a mode of conductor). It takes
// SystemControl.
func System(operation, argument string) error {
	return RawSystem(document(map[string]string{"operation": operation, "argument": argument}))
}
