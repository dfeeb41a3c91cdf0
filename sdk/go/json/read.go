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
	switch first := c.peek(); first {
	case '"':
		c.string()
	case '{', '[':
		c.each(first)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
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

// each goes through a list or an object. `]` is two letters behind `[`, and `}` behind `{`.
func (c *checker) each(begin byte) {
	c.at++
	if c.depth == deepest {
		c.fail("no more than 128 lists and objects in each other")
		return
	}
	c.depth++
	if c.peek() != begin+2 {
		for {
			if begin == '{' {
				c.name()
			}
			c.value()
			if c.peek() != ',' {
				break
			}
			c.at++
		}
		if c.byte() != begin+2 {
			c.fail(map[byte]string{'[': "`,` or `]`", '{': "`,` or `}`"}[begin])
			return
		}
	}
	c.at++
	c.depth--
}

func (c *checker) name() {
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
}

func (c *checker) number() {
	text, at := c.text, c.at
	if text[at] == '-' {
		at++
	}
	if at < len(text) && text[at] == '0' {
		at++
	} else if at = c.digits(at); at < 0 {
		return
	}
	if at < len(text) && text[at] == '.' {
		if at = c.digits(at + 1); at < 0 {
			return
		}
	}
	if at < len(text) && text[at]|' ' == 'e' {
		at++
		if at < len(text) && (text[at] == '+' || text[at] == '-') {
			at++
		}
		if at = c.digits(at); at < 0 {
			return
		}
	}
	c.at = at
}

// digits is where digits end, of which there has to be one; else it is -1.
func (c *checker) digits(at int) int {
	start := at
	for at < len(c.text) && c.text[at] >= '0' && c.text[at] <= '9' {
		at++
	}
	if at == start {
		c.at = at
		c.fail("a digit")
		return -1
	}
	return at
}

func (c *checker) string() {
	text, at := c.text, c.at+1
	for at < len(text) && text[at] >= ' ' && text[at] != '"' {
		if text[at] != '\\' {
			at++
			continue
		}
		c.at = at + 1
		c.escape()
		at = c.at
	}
	c.at = at
	if at == len(text) || text[at] != '"' {
		c.fail("the end of a string")
		return
	}
	c.at++
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
