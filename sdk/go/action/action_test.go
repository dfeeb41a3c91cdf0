package action

import (
	"testing"

	"github.com/plugbay/plugbay/sdk/go/action/capabilities"
	"github.com/plugbay/plugbay/sdk/go/internal/asked"
)

func TestMetadataHasWhatIsAskedFor(t *testing.T) {
	capabilities.Ask("Midi", "Network")
	defer func() { asked.Names = nil }()
	metadata := Metadata{Name: "lights \"ü\"", Version: "1.2.0", License: "MIT"}
	const want = `{"name":"lights \"ü\"","version":"1.2.0","description":"","author":"","license":"MIT","type":"action","capabilities":["Midi","Network"]}`
	if got := string(metadata.document()); got != want {
		t.Error(got)
	}
}

func TestOneDocumentIsAsGoodAsTwo(t *testing.T) {
	var said string
	Handle(func(params *Params, context *Context) (err error) {
		said, err = params.Text("action")
		said += " " + context.Trigger + " " + context.Metadata("by")
		if context.Note != nil {
			said += "!"
		}
		return err
	})
	for text, want := range map[string]string{
		`{"action":"blink","context":{"trigger":"Note","note":36,"metadata":{"by":"ada"}},"parameters":[],"params":{"action":"blink"}}`: "blink Note ada!",
		`{"params":{"action":"x"},"context":null}`: "x  ",
		`{}`:                                   "failed to parse input JSON: params: missing field `action`",
		``:                                     "failed to parse input JSON: params: missing field `action`",
		`{"params":[]}`:                        "failed to parse input JSON: params: expected an object, found a list",
		`{"context":1}`:                        "failed to parse input JSON: context: expected an object, found a number",
		`[]`:                                   "failed to parse input JSON: document: expected an object, found a list",
		`{"params":{},"context":{"note":256}}`: "failed to parse input JSON: context.note: expected u8, found another number",
	} {
		said = ""
		if err := RunDocument(text); err != nil {
			said = err.Error()
		}
		if said != want {
			t.Errorf("%s: %s, wanted %s", text, said, want)
		}
	}
}

func TestParametersAreNamedWhereTheyAreWrong(t *testing.T) {
	read := func(params *Params) error {
		if _, err := params.OptionalText("text", "without"); err != nil {
			return err
		}
		if program, err := params.Int("program", 5, 0, 127); err != nil || program != 5 && params.Fields.Get("program") == nil {
			return err
		}
		if _, err := params.Float("float", 0.5); err != nil {
			return err
		}
		_, err := params.Bool("bool", true)
		return err
	}
	Handle(func(params *Params, _ *Context) error { return read(params) })
	for text, want := range map[string]string{
		`{}`: "",
		`{"text":null,"program":null,"float":null,"bool":null}`: "",
		`{"text":"a","program":127,"float":1,"bool":false}`:     "",
		`{"text":1}`:      "params.text: expected a string, found a number",
		`{"program":128}`: "params.program: expected a whole number from 0 to 127, found another number",
		`{"program":1.5}`: "params.program: expected a whole number from 0 to 127, found 1.5",
		`{"program":"5"}`: "params.program: expected a whole number from 0 to 127, found a string",
		`{"float":1e999}`: "params.float: expected f64, found 1e999",
		`{"bool":0}`:      "params.bool: expected a boolean, found a number",
		`{"program":99999999999999999999999999999999999}`: "params.program: expected a whole number from 0 to 127, found another number",
	} {
		err := Run(text, "")
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != "failed to parse input JSON: "+want) {
			t.Errorf("%s: %v, wanted %s", text, err, want)
		}
	}
}
