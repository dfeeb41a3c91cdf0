package main

import "strings"

// Addresses are of ASCII, without quoted local parts or domain literals. They are found by hand: package regexp
// would be a third of the module.

// address is where one is in a text.
type address struct{ start, end int }

const (
	// longestLocal is as many letters as a local part has at most. Nothing waits for the @ of a longer one.
	longestLocal = 64
	// longestDomain is as many as a domain has at most.
	longestDomain = 253
)

// redact replaces every address, and says how many there were.
func redact(text string) (string, int) {
	var result strings.Builder
	count, copied := 0, 0
	for found, there := nextAddress(text, 0); there; found, there = nextAddress(text, copied) {
		result.WriteString(text[copied:found.start])
		result.WriteString(replacement)
		copied = found.end
		count++
	}
	result.WriteString(text[copied:])
	return result.String(), count
}

// look finds the addresses in the beginning of a text that goes on unless it has ended, and where what has to wait
// begins: what may be an address, or more of one, once more of the text is there.
func look(text string, ended bool) (addresses []address, waits int) {
	at := -1
	if !ended {
		at = openDomain(text)
	}
	from := 0
	for found, there := nextAddress(text, 0); there; found, there = nextAddress(text, from) {
		if found.start <= at && at < found.end {
			break
		}
		from = found.end
		addresses = append(addresses, found)
	}
	if ended {
		return addresses, len(text)
	}
	if at >= from {
		if length := len(localPart(text[from:at])); length > 0 {
			return addresses, at - length
		}
	}
	return addresses, len(text) - min(len(localPart(text[from:])), longestLocal)
}

// openDomain is where the last @ is, if all that is behind it is of a domain that may go on; -1 if not.
func openDomain(text string) int {
	at := strings.LastIndexByte(text, '@')
	name := text[at+1:]
	if at < 0 || len(name) > longestDomain || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") ||
		strings.Contains(name, "..") || len(domainLetters(name)) < len(name) {
		return -1
	}
	return at
}

// nextAddress is the first that begins at from or later.
func nextAddress(text string, from int) (found address, there bool) {
	for at := from; at < len(text); at++ {
		if text[at] != '@' {
			continue
		}
		start := at - len(localPart(text[from:at]))
		end := at + 1 + len(domain(text[at+1:]))
		if start < at && end > at+1 {
			return address{start, end}, true
		}
	}
	return address{}, false
}

// localPart is the longest end of a text that can stand before the @.
func localPart(text string) string {
	start := len(text)
	for start > 0 && (isLetterOrDigit(text[start-1]) || strings.IndexByte("._%+-'", text[start-1]) >= 0) {
		start--
	}
	// Punctuation of the sentence, or the quotation mark of an example.
	return strings.TrimLeft(text[start:], ".'-")
}

// domain is the longest start of a text that is a domain of two labels or more.
func domain(text string) string {
	name, _, _ := strings.Cut(domainLetters(text), "..") // No label is empty.
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") {
		return ""
	}
	for {
		// The full stop after an address ends the sentence.
		name = strings.TrimRight(name, ".-")
		dot := strings.LastIndexByte(name, '.')
		if dot < 0 {
			return ""
		}
		if top := name[dot+1:]; len(top) >= 2 && isLetter(top[0]) {
			return name
		}
		name = name[:dot]
	}
}

// domainLetters is the start of a text in which all letters may be a domain's.
func domainLetters(text string) string {
	for i := range len(text) {
		if !isLetterOrDigit(text[i]) && text[i] != '.' && text[i] != '-' {
			return text[:i]
		}
	}
	return text
}

func isLetter(c byte) bool { return c|' ' >= 'a' && c|' ' <= 'z' }

func isLetterOrDigit(c byte) bool { return isLetter(c) || c >= '0' && c <= '9' }
