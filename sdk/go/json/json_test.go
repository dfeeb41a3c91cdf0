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

func TestWhatIsThereIsToldFromWhatIsNot(t *testing.T) {
	value, _ := Parse(`{"a":null,"b":1,"b":2}`)
	if none, there := value.Lookup("a"); none != nil || !there {
		t.Error(none, there)
	}
	if _, there := value.Lookup("c"); there {
		t.Error("there is no c")
	}
	if last, _ := value.Lookup("b"); string(last.Write()) != "2" {
		t.Error(string(last.Write()))
	}
}

func TestNothingThatIsReadIsTooMuch(t *testing.T) {
	long := strings.Repeat("9", 1_000_000)
	for _, text := range []string{long, "-" + long, "0." + long, "1e" + long, `"` + strings.Repeat("\\ud83d", 200_000) + `"`} {
		value, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		_, whole := value.AsInt()
		_, is := value.AsFloat()
		if whole || is && !strings.HasPrefix(text, "0.") {
			t.Error("no such number")
		}
		if message := value.WrongNumber("a", "u8").Error(); len(message) > 100 {
			t.Error(len(message))
		}
	}
	for _, text := range []string{strings.Repeat("[", 1_000_000), strings.Repeat(`{"a":`, 1_000_000), strings.Repeat("[", 128)} {
		if _, err := Parse(text); err == nil {
			t.Error("it has no end")
		}
	}
}

func TestWhatNobodyLooksAtIsATextAndNoMore(t *testing.T) {
	many := `{"a": [` + strings.Repeat("0 , ", 1_000_000) + `0]}`
	compact := `{"a":[` + strings.Repeat("0,", 1_000_000) + `0]}`
	value, err := Parse(many)
	if err != nil {
		t.Fatal(err)
	}
	if allocations := testing.AllocsPerRun(1, func() { _, _ = Parse(many) }); allocations > 10 {
		t.Error(allocations)
	}
	if clone := value.Clone(); string(value.Write()) != compact || string(clone.Write()) != compact {
		t.Error("it was written otherwise")
	}
	if value.Get("a").Len() != 1_000_001 || string(value.Write()) != compact {
		t.Error(value.Get("a").Len())
	}
	// What was changed in one is not changed in its copy.
	value, _ = Parse(`{"a":[{"b":1}]}`)
	value.Get("a")
	clone := value.Clone()
	value.Get("a").Items()[0].Set("b", Int(2))
	if string(clone.Write()) != `{"a":[{"b":1}]}` || string(value.Write()) != `{"a":[{"b":2}]}` {
		t.Error(string(clone.Write()), string(value.Write()))
	}
	for text, want := range map[string]string{
		` { "a" : [ ] , "b" : { } , "c d" : "e\" f" , "g":[ 1 ,"]" ]} `: `{"a":[],"b":{},"c d":"e\" f","g":[1,"]"],"h":null}`,
		`{}`: `{"h":null}`, "{\n}": `{"h":null}`, `{"a":"\u00e9"}`: `{"a":"é","h":null}`,
	} {
		value, err := Parse(text)
		if err != nil || string(value.Set("h", nil).Write()) != want {
			t.Errorf("%s: %s, %v", text, value.Write(), err)
		}
	}
	list, _ := Parse("[ ]")
	if string(list.Append(nil).Write()) != "[null]" || list.Remove(func(string) bool { return true }) {
		t.Error(string(list.Write()))
	}
}

// Whatever is read is written so that it is read again as the same.
func FuzzParse(f *testing.F) {
	for _, text := range []string{`{"a":[1,-0.5e+3,"\ud83d\ude00\n"]}`, `[null,true]`, "\"\x7f\"", "1 1", "[[", "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, err := Parse(text)
		if err != nil {
			return
		}
		untouched := string(value.Write())
		opened(value)
		written := string(value.Write())
		for _, one := range []string{untouched, written} {
			again, err := Parse(one)
			opened(again)
			if err != nil || string(again.Write()) != written {
				t.Errorf("%q became %q: %v", text, one, err)
			}
		}
	})
}

// opened looks at everything.
func opened(value *Value) {
	for _, item := range value.Items() {
		opened(item)
	}
	value.Each(func(_ string, field *Value) { opened(field) })
}
