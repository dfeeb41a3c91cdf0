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
//
// What is in lists and objects is read where somebody looks: a text of a million small values is no more than a text
// until then.
func Parse(text string) (*Value, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("it is not UTF-8")
	}
	checker := checker{text: text}
	checker.peek()
	start := checker.at
	checker.value()
	end := checker.at
	if checker.peek(); checker.wanted == "" && checker.at < len(text) {
		checker.fail("the end of the text")
	}
	if checker.wanted != "" {
		return nil, errors.New("expected " + checker.wanted + " at byte " + strconv.Itoa(checker.failed))
	}
	return placed(text[start:end]), nil
}

// checker finds out whether a text is JSON. It goes on to the end of the text after a failure: then nothing else is
// found there.
type checker struct {
	text   string
	at     int
	depth  int
	wanted string
	failed int
}

func (c *checker) fail(wanted string) {
	if c.wanted == "" {
		c.wanted, c.failed = wanted, c.at
		c.at = len(c.text)
	}
}

// byte is 0 at the end.
func (c *checker) byte() byte {
	if c.at < len(c.text) {
		return c.text[c.at]
	}
	return 0
}

func (c *checker) peek() byte {
	c.at = spaces(c.text, c.at)
	return c.byte()
}

func (c *checker) value() {
	switch first := c.peek(); {
	case first == '"':
		c.string()
	case first == '{':
		c.each('}', "`,` or `}`", func() {
			if c.peek() != '"' {
				c.fail("a field's name")
				return
			}
			c.string()
			if c.peek() != ':' {
				c.fail("`:`")
				return
			}
			c.at++
			c.value()
		})
	case first == '[':
		c.each(']', "`,` or `]`", c.value)
	case first == '-' || first >= '0' && first <= '9':
		c.number()
	default:
		for _, word := range []string{"true", "false", "null"} {
			if strings.HasPrefix(c.text[c.at:], word) {
				c.at += len(word)
				return
			}
		}
		c.fail("a value")
	}
}

func (c *checker) each(end byte, wanted string, item func()) {
	c.at++
	if c.depth == deepest {
		c.fail("no more than 128 lists and objects in each other")
		return
	}
	c.depth++
	if c.peek() != end {
		item()
		for c.peek() == ',' {
			c.at++
			item()
		}
		if c.byte() != end {
			c.fail(wanted)
			return
		}
	}
	c.at++
	c.depth--
}

func (c *checker) number() {
	if c.byte() == '-' {
		c.at++
	}
	if c.byte() == '0' {
		c.at++
	} else {
		c.digits()
	}
	if c.byte() == '.' {
		c.at++
		c.digits()
	}
	if c.byte()|' ' == 'e' {
		c.at++
		if c.byte() == '+' || c.byte() == '-' {
			c.at++
		}
		c.digits()
	}
}

func (c *checker) digits() {
	start := c.at
	for c.byte() >= '0' && c.byte() <= '9' {
		c.at++
	}
	if c.at == start {
		c.fail("a digit")
	}
}

func (c *checker) string() {
	c.at++
	for {
		switch letter := c.byte(); {
		case letter == '"':
			c.at++
			return
		case letter == '\\':
			c.at++
			c.escape()
		case letter < ' ':
			c.fail("the end of a string")
			return
		default:
			c.at++
		}
	}
}

func (c *checker) escape() {
	letter := c.byte()
	if letter != 'u' && (letter == 0 || strings.IndexByte(escapes, letter) < 0) {
		c.fail("an escape that JSON has")
		return
	}
	c.at++
	if letter != 'u' {
		return
	}
	for range 4 {
		digit := c.byte()
		// `|' '` makes digits of control characters too.
		if digit < '0' || strings.IndexByte(hexadecimal, digit|' ') < 0 {
			c.fail("four hexadecimal digits")
			return
		}
		c.at++
	}
}
