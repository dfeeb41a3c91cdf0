// Package texts knows where the words are in requests, answers and chunks of a chat.
package texts

import "github.com/plugbay/plugbay/sdk/go/json"

// Messages are the texts of a list of messages, each a string or an object with content; or of a text by itself.
func Messages(input *json.Value) []*json.Value {
	if input.Kind() != json.Array {
		return below(nil, input)
	}
	var texts []*json.Value
	for _, message := range input.Items() {
		if message.Kind() == json.Object {
			message = message.Get("content")
		}
		texts = below(texts, message)
	}
	return texts
}

// Choices are the texts of a list of choices, which are in the content of one of their fields.
func Choices(choices *json.Value, field string) []*json.Value {
	var texts []*json.Value
	for _, choice := range choices.Items() {
		texts = below(texts, choice.Get(field, "content"))
	}
	return texts
}

// below are the texts of a content: itself, or its parts.
func below(texts []*json.Value, content *json.Value) []*json.Value {
	if content.Kind() == json.String {
		return append(texts, content)
	}
	for _, part := range content.Items() {
		if text := part.Get("text"); text.Kind() == json.String {
			texts = append(texts, text)
		}
	}
	return texts
}

// List is what the texts say.
func List(texts []*json.Value) []string {
	said := make([]string, len(texts))
	for i, text := range texts {
		said[i], _ = text.AsText()
	}
	return said
}

// Replace shows each text to a function, and puts what that returns in its place if it says so. It returns how
// often that was.
func Replace(texts []*json.Value, replace func(text string) (string, bool)) int {
	count := 0
	for _, value := range texts {
		text, _ := value.AsText()
		if other, replaced := replace(text); replaced {
			value.SetText(other)
			count++
		}
	}
	return count
}
