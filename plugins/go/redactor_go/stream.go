package main

import (
	"slices"
	"strings"

	"github.com/plugbay/plugbay/sdk/go/hooks"
	"github.com/plugbay/plugbay/sdk/go/hooks/chunkhook"
	"github.com/plugbay/plugbay/sdk/go/json"
)

// Nothing is kept here between two chunks: what may still become an address the host holds back, as it came, and
// hands over again. So each call looks at all of what was not sent yet.

// choiceText is one choice's text over several chunks, up to a tool call or its end.
type choiceText struct {
	joined    string
	pieces    []piece
	ended     bool
	addresses []address
	waits     int
}

// piece is a piece of a text: which chunk it is in, its value there, and where it is in the text.
type piece struct {
	chunk      int
	value      *json.Value
	start, end int
}

// redactStream redacts what may leave, and says how many addresses were found.
func redactStream(call *chunkhook.Call) (count int) {
	chunks := slices.Clone(call.Held)
	if !call.Chunk.Value.IsNull() {
		chunks = append(chunks, call.Chunk)
	}
	texts := textsOf(chunks)
	kept := len(chunks)
	for _, text := range texts {
		text.addresses, text.waits = look(text.joined, text.ended || call.Flush)
		kept = min(kept, text.chunkAt(text.waits, kept))
	}
	for _, text := range texts {
		if nth := text.pieceIn(kept); nth >= 0 {
			var split bool
			if chunks, split = splitChunk(chunks, texts, text, nth); split {
				kept++
			}
			break
		}
	}
	for _, text := range texts {
		sent := len(text.joined)
		for _, piece := range text.pieces {
			if piece.chunk >= kept {
				sent = piece.start
				break
			}
		}
		addresses := text.addresses
		for len(addresses) > 0 && addresses[len(addresses)-1].start >= sent {
			addresses = addresses[:len(addresses)-1]
		}
		count += len(addresses)
		text.redact(addresses, chunks)
	}

	send, keep := chunks[:kept], chunks[kept:]
	changed := slices.ContainsFunc(chunks, (*hooks.Chunk).IsChanged)
	switch {
	case !changed && len(keep) == 0, len(keep) == 0 && len(call.Held) == 0:
		// All leaves, as it is now.
	case !changed && len(send) == 0:
		call.Hold()
	default:
		call.Split(send, keep)
	}
	return count
}

// textsOf are the texts of all choices.
func textsOf(chunks []*hooks.Chunk) (texts []*choiceText) {
	// Which text a choice is at, by the choice's index.
	open := map[uint64]*choiceText{}
	for at, chunk := range chunks {
		for _, choice := range chunk.Value.Get("choices").Items() {
			index, _ := choice.Get("index").AsUint()
			text := open[index]
			if text == nil {
				text = &choiceText{}
				open[index] = text
				texts = append(texts, text)
			}
			content := choice.Get("delta", "content")
			text.push(at, content)
			for _, part := range content.Items() {
				text.push(at, part.Get("text"))
			}
			if !choice.Get("delta", "tool_calls").IsNull() || !choice.Get("finish_reason").IsNull() {
				text.ended = true
				delete(open, index)
			}
		}
	}
	return texts
}

func (t *choiceText) push(chunk int, value *json.Value) {
	if text, is := value.AsText(); is {
		start := len(t.joined)
		t.joined += text
		t.pieces = append(t.pieces, piece{chunk, value, start, len(t.joined)})
	}
}

// chunkAt is the chunk that a place in the text is in.
func (t *choiceText) chunkAt(place, without int) int {
	for _, piece := range t.pieces {
		if piece.start <= place && place < piece.end {
			return piece.chunk
		}
	}
	return without
}

// pieceIn is the first piece in a chunk, or -1.
func (t *choiceText) pieceIn(chunk int) int {
	return slices.IndexFunc(t.pieces, func(piece piece) bool { return piece.chunk == chunk })
}

// redact puts the replacement where each address begins, and takes the rest of it out of the chunks that it goes
// on in.
func (t *choiceText) redact(addresses []address, chunks []*hooks.Chunk) {
	for _, piece := range t.pieces {
		text, start, touched := "", piece.start, false
		for _, found := range addresses {
			if found.start >= piece.end || found.end <= piece.start {
				continue
			}
			touched = true
			if found.start >= piece.start {
				text += t.joined[start:found.start] + replacement
			}
			start = min(found.end, piece.end)
		}
		if touched {
			piece.value.SetText(text + t.joined[start:piece.end])
			chunks[piece.chunk].Changed()
		}
	}
}

// splitChunk makes two chunks of the first that has to wait, which has the text's nth piece: what is before where
// the text waits need not.
func splitChunk(chunks []*hooks.Chunk, texts []*choiceText, text *choiceText, nth int) ([]*hooks.Chunk, bool) {
	first := text.pieces[nth]
	chunk := chunks[first.chunk]
	if text.waits <= first.start || text.waits >= first.end || !isOnlyText(chunk.Value) {
		return chunks, false
	}
	front, back := text.joined[first.start:text.waits], text.joined[text.waits:first.end]
	// White space by itself is not worth a chunk.
	if strings.TrimSpace(front) == "" {
		return chunks, false
	}
	for _, other := range texts {
		for i := range other.pieces {
			if other.pieces[i].chunk > first.chunk {
				other.pieces[i].chunk++
			}
		}
	}
	second := chunk.Clone()
	rest := piece{first.chunk + 1, second.Value.Get("choices").Items()[0].Get("delta", "content"), text.waits, first.end}
	first.end = text.waits
	first.value.SetText(front)
	rest.value.SetText(back)
	chunk.Changed()
	text.pieces = slices.Replace(text.pieces, nth, nth+1, first, rest)
	return slices.Insert(chunks, rest.chunk, second), true
}

// isOnlyText is whether it is a piece of one choice's text and nothing else, so that there may be two of it.
func isOnlyText(chunk *json.Value) bool {
	choices := chunk.Get("choices").Items()
	if len(choices) != 1 || choices[0].Get("delta", "content").Kind() != json.String {
		return false
	}
	only := true
	choices[0].Each(func(name string, value *json.Value) {
		switch name {
		case "index":
		case "delta":
			only = only && value.Len() == 1
		default:
			only = only && value.IsNull()
		}
	})
	return only
}
