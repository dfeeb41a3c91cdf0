package json

import (
	"math"
	"strings"
	"testing"
)

func TestWhatIsReadIsWrittenAsItWas(t *testing.T) {
	for _, text := range []string{
		`null`, `[]`, `{}`, `{"b":[1,-0.0,1e400,0.70,123456789012345678901234567890],"a":{"":true},"b":false}`,
		`"ü😀 \"\\\n\u0001"`, strings.Repeat("[", 128) + strings.Repeat("]", 128),
	} {
		value, err := Parse(" " + text + "\n")
		if err != nil || string(value.Write()) != text || string(value.Clone().Write()) != text {
			t.Error(text, err)
		}
	}
}

func TestWhatIsNoJSONIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"":          "expected a value at byte 0",
		"01":        "expected the end of the text at byte 1",
		"[1,]":      "expected a value at byte 3",
		`{"a" 1}`:   "expected `:` at byte 5",
		`"\x"`:      "expected an escape that JSON has at byte 2",
		"\"a\nb\"":  "expected the end of a string at byte 2",
		"\"\xff\"":  "it is not UTF-8",
		`"\ud83`:    "expected four hexadecimal digits at byte 6",
		`{"a":tru}`: "expected a value at byte 5",

		strings.Repeat("[", 129): "expected no more than 128 lists and objects in each other at byte 129",
	} {
		if _, err := Parse(text); err == nil || err.Error() != want {
			t.Errorf("%s: %v, wanted %s", text, err, want)
		}
	}
}

func TestTextsAndNumbers(t *testing.T) {
	value, _ := Parse(`["\ud83d\uDE00\/\ud83d x", 18446744073709551615, -1, 2.5]`)
	items := value.Items()
	if text, _ := items[0].AsText(); text != "😀/\uFFFD x" {
		t.Error(text)
	}
	whole, is := items[1].AsUint()
	if _, negative := items[2].AsUint(); whole != math.MaxUint64 || !is || negative {
		t.Error(whole, is, negative)
	}
	if number, _ := items[3].AsFloat(); number != 2.5 || string(Float(0.1).Write()) != "0.1" || Float(math.NaN()) != nil {
		t.Error(number)
	}
	// A plugin's own text may be anything; what is written is JSON.
	if written := string(Text("a\xff").Write()); written != "\"a\uFFFD\"" {
		t.Error(written)
	}
	var none *Value
	if none.Get("a", "b") != nil || none.Len() != 0 || !none.IsNull() || none.Items() != nil {
		t.Error("nothing may be asked for anything")
	}
}
