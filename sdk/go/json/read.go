package json

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// deepest is how many lists and objects there may be in each other.
const deepest = 128

// Parse reads a whole text. An error says what was wanted, and at which byte.
func Parse(text string) (*Value, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("it is not UTF-8")
	}
	reader := reader{text: text}
	value := reader.value()
	if reader.peek(); reader.wanted == "" && reader.at < len(text) {
		reader.fail("the end of the text")
	}
	if reader.wanted != "" {
		return nil, errors.New("expected " + reader.wanted + " at byte " + strconv.Itoa(reader.failed))
	}
	return value, nil
}

// reader goes on to the end of the text after a failure: then nothing else is found there.
type reader struct {
	text   string
	at     int
	depth  int
	wanted string
	failed int
}

func (r *reader) fail(wanted string) {
	if r.wanted == "" {
		r.wanted, r.failed = wanted, r.at
		r.at = len(r.text)
	}
}

// byte is 0 at the end.
func (r *reader) byte() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *reader) peek() byte {
	for strings.IndexByte(" \n\r\t", r.byte()) >= 0 {
		r.at++
	}
	return r.byte()
}

func (r *reader) value() *Value {
	switch first := r.peek(); {
	case first == '"':
		return Text(r.string())
	case first == '{':
		object := NewObject()
		r.each('}', "`,` or `}`", func() {
			if r.peek() != '"' {
				r.fail("a field's name")
				return
			}
			name := r.string()
			if r.peek() != ':' {
				r.fail("`:`")
				return
			}
			r.at++
			object.fields = append(object.fields, field{name, r.value()})
		})
		return object
	case first == '[':
		list := List()
		r.each(']', "`,` or `]`", func() { list.items = append(list.items, r.value()) })
		return list
	case first == '-' || first >= '0' && first <= '9':
		return r.number()
	}
	for _, word := range []string{"true", "false"} {
		if strings.HasPrefix(r.text[r.at:], word) {
			r.at += len(word)
			return &Value{kind: Bool, text: word}
		}
	}
	if strings.HasPrefix(r.text[r.at:], "null") {
		r.at += len("null")
	} else {
		r.fail("a value")
	}
	return nil
}

func (r *reader) each(end byte, wanted string, item func()) {
	r.at++
	if r.depth == deepest {
		r.fail("no more than 128 lists and objects in each other")
		return
	}
	r.depth++
	if r.peek() != end {
		item()
		for r.peek() == ',' {
			r.at++
			item()
		}
		if r.byte() != end {
			r.fail(wanted)
			return
		}
	}
	r.at++
	r.depth--
}

func (r *reader) number() *Value {
	start := r.at
	if r.byte() == '-' {
		r.at++
	}
	if r.byte() == '0' {
		r.at++
	} else {
		r.digits()
	}
	if r.byte() == '.' {
		r.at++
		r.digits()
	}
	if r.byte()|' ' == 'e' {
		r.at++
		if r.byte() == '+' || r.byte() == '-' {
			r.at++
		}
		r.digits()
	}
	return &Value{kind: Number, text: r.text[start:r.at]}
}

func (r *reader) digits() {
	start := r.at
	for r.byte() >= '0' && r.byte() <= '9' {
		r.at++
	}
	if r.at == start {
		r.fail("a digit")
	}
}

func (r *reader) string() string {
	r.at++
	start := r.at
	var made []byte
	for {
		switch c := r.byte(); {
		case c == '"':
			text := r.text[start:r.at]
			r.at++
			if made == nil {
				return text
			}
			return string(append(made, text...))
		case c == '\\':
			made = append(made, r.text[start:r.at]...)
			r.at++
			made = r.escape(made)
			start = r.at
		case c < ' ':
			r.fail("the end of a string")
			return ""
		default:
			r.at++
		}
	}
}

func (r *reader) escape(made []byte) []byte {
	letter := r.byte()
	if letter == 'u' {
		r.at++
		code := r.hex()
		if code >= 0xd800 && code < 0xdc00 && strings.HasPrefix(r.text[r.at:], `\u`) {
			back := r.at
			r.at += 2
			if low := r.hex(); low >= 0xdc00 && low < 0xe000 {
				code = 0x10000 + (code-0xd800)<<10 + low - 0xdc00
			} else if r.wanted == "" {
				r.at = back
			}
		}
		// Half a pair has no letter: it becomes U+FFFD.
		return utf8.AppendRune(made, code)
	}
	const letters, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	which := strings.IndexByte(letters, letter)
	if which < 0 {
		r.fail("an escape that JSON has")
		return made
	}
	r.at++
	return append(made, meant[which])
}

func (r *reader) hex() rune {
	code := rune(0)
	for range 4 {
		digit := strings.IndexByte("0123456789abcdef", r.byte()|' ')
		// `|' '` makes digits of control characters too.
		if digit < 0 || r.byte() < '0' {
			r.fail("four hexadecimal digits")
			return 0
		}
		code = code<<4 | rune(digit)
		r.at++
	}
	return code
}
