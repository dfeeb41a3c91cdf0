package plugbay

import "github.com/plugbay/plugbay/sdk/go/json"

// SendMIDI sends whole messages, or a piece of system exclusive, to the output of this name. It takes Midi.
func SendMIDI(output string, messages []byte) error {
	outputStart, outputLength := atText(output)
	start, length := at(messages)
	return checked(hostMIDISend(outputStart, outputLength, start, length))
}

// Sound is a sound to play. It takes Audio.
type Sound struct {
	Name string
	// Volume is the host's own if it is nil.
	Volume *float64
}

// Play begins to play it.
func (s *Sound) Play() error {
	return RawPlay(s.document())
}

// Program is a program to run. It takes Subprocess.
type Program struct {
	// Path is a path or a name, in the grant's spelling.
	Path string
	Args []string
	// TimeoutMs ends it; 0 is 10,000.
	TimeoutMs uint32
}

// Output is what a program left when it ended: of stdout and stderr the first MiB.
type Output struct {
	Status          int32
	Stdout          []byte
	Stderr          []byte
	StdoutTruncated bool
	StderrTruncated bool
}

// Run runs it with this on its stdin, and waits until it ends. A program that a signal ended is Failed, and
// "signal" in the error's document says which one.
func (p *Program) Run(input []byte) (*Output, error) {
	status, err := RawRun(p.document(), input)
	if err != nil {
		return nil, err
	}
	answer, err := read()
	if err != nil {
		return nil, err
	}
	output := Output{Status: status, Stdout: Answer(1), Stderr: Answer(2)}
	output.StdoutTruncated, _ = answer.Get("stdout_truncated").AsBool()
	output.StderrTruncated, _ = answer.Get("stderr_truncated").AsBool()
	return &output, nil
}

// System does something to the machine around the host: keystroke ("ctrl+shift+m"), volume ("50", "+5",
// "-5", "mute", "unmute"), launch (an application), mode_change (a mode of conductor). It takes
// SystemControl.
func System(operation, argument string) error {
	document := json.NewObject().Set("operation", json.Text(operation)).Set("argument", json.Text(argument))
	return RawSystem(document.Write())
}

func (s *Sound) document() []byte {
	document := json.NewObject().Set("sound", json.Text(s.Name))
	if s.Volume != nil {
		document.Set("volume", json.Float(*s.Volume))
	}
	return document.Write()
}

func (p *Program) document() []byte {
	document := json.NewObject().Set("program", json.Text(p.Path))
	if len(p.Args) > 0 {
		document.Set("args", json.Texts(p.Args...))
	}
	setTimeout(document, p.TimeoutMs)
	return document.Write()
}
