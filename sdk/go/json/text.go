package json

import (
	"strings"
	"unicode/utf8"
)

// What is here is about texts that are known to be JSON.

const escapes, meant, hexadecimal = `"\/bfnrt`, "\"\\/\b\f\n\r\t", "0123456789abcdef"

// spaces is where the next letter is that is no white space.
func spaces(text string, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t') {
		at++
	}
	return at
}

// stringEnd is where a string ends that begins at a place.
func stringEnd(text string, at int) int {
	for at++; text[at] != '"'; at++ {
		if text[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// valueEnd is where a value ends that begins at a place.
func valueEnd(text string, at int) int {
	if text[at] == '"' {
		return stringEnd(text, at)
	}
	depth := 0
	for at < len(text) {
		switch text[at] {
		case '"':
			at = stringEnd(text, at)
			continue
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return at + 1
			}
			if depth < 0 {
				return at
			}
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return at
			}
		}
		at++
	}
	return at
}

// placed is a value that is written so.
func placed(text string) *Value {
	switch text[0] {
	case '"':
		return Text(unquoted(text))
	case '{':
		return &Value{kind: Object, text: text}
	case '[':
		return &Value{kind: Array, text: text}
	case 't', 'f':
		return &Value{kind: Bool, text: text}
	case 'n':
		return nil
	}
	return &Value{kind: Number, text: text}
}

// open reads one level of a list or an object, if nobody has looked at it yet.
func (v *Value) open() *inside {
	if v.inside != nil || v.kind != Array && v.kind != Object {
		return v.inside
	}
	text := v.text
	v.text, v.inside = "", &inside{}
	at := 0
	if text != "" {
		at = spaces(text, 1)
	}
	for at < len(text)-1 {
		name := ""
		if v.kind == Object {
			end := stringEnd(text, at)
			name = unquoted(text[at:end])
			// The colon.
			at = spaces(text, spaces(text, end)+1)
		}
		end := valueEnd(text, at)
		value := placed(text[at:end])
		if v.kind == Object {
			v.inside.fields = append(v.inside.fields, field{name, value})
		} else {
			v.inside.items = append(v.inside.items, value)
		}
		// The comma, or the bracket.
		at = spaces(text, spaces(text, end)+1)
	}
	return v.inside
}

// unquoted is what a string says.
func unquoted(quoted string) string {
	text := quoted[1 : len(quoted)-1]
	if strings.IndexByte(text, '\\') < 0 {
		return text
	}
	var made []byte
	for {
		at := strings.IndexByte(text, '\\')
		if at < 0 {
			return string(append(made, text...))
		}
		made = append(made, text[:at]...)
		if text[at+1] != 'u' {
			made = append(made, meant[strings.IndexByte(escapes, text[at+1])])
			text = text[at+2:]
			continue
		}
		code := hex(text[at+2 : at+6])
		text = text[at+6:]
		if code >= 0xd800 && code < 0xdc00 && strings.HasPrefix(text, `\u`) {
			if low := hex(text[2:6]); low >= 0xdc00 && low < 0xe000 {
				code = 0x10000 + (code-0xd800)<<10 + low - 0xdc00
				text = text[6:]
			}
		}
		// Half a pair has no letter: it becomes U+FFFD.
		made = utf8.AppendRune(made, code)
	}
}

func hex(digits string) rune {
	code := rune(0)
	for i := range 4 {
		code = code<<4 | rune(strings.IndexByte(hexadecimal, digits[i]|' '))
	}
	return code
}

// appendCompact appends what is written, without the white space between values.
func appendCompact(to []byte, text string) []byte {
	start := 0
	for at := 0; at < len(text); {
		switch text[at] {
		case '"':
			at = stringEnd(text, at)
		case ' ', '\n', '\r', '\t':
			to = append(to, text[start:at]...)
			at = spaces(text, at)
			start = at
		default:
			at++
		}
	}
	return append(to, text[start:]...)
}
