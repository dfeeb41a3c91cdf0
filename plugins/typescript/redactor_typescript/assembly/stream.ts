/**
 * Addresses in a stream, also those that are split between chunks.
 *
 * Nothing is kept here between two chunks: what may still become an address the host holds back, as it came, and hands
 * over again. So each call looks at all of what was not sent yet.
 */

import { StreamChunkHook, Value } from "@plugbay/sdk";
import { Found, Range, look } from "./email";

/** A piece of a text, and where it is: a content, or one part of a content. */
class Piece {
  constructor(
    public chunk: i32,
    public choice: i32,
    /** Which part; -1 where the content is the text. */
    public part: i32,
    public range: Range,
  ) {}
}

/** One choice's text over several chunks, up to a tool call or its end. */
class Text {
  joined: string = "";
  pieces: Piece[] = [];
  ended: bool = false;

  push(chunk: i32, choice: i32, part: i32, text: string): void {
    const start = this.joined.length;
    this.joined += text;
    this.pieces.push(new Piece(chunk, choice, part, new Range(start, this.joined.length)));
  }

  /** The chunk that a place in the text is in, or `otherwise`. */
  chunkAt(place: i32, otherwise: i32): i32 {
    for (let i = 0; i < this.pieces.length; i++) {
      if (this.pieces[i].range.has(place)) return this.pieces[i].chunk;
    }
    return otherwise;
  }

  /** The first piece in this chunk, or -1. */
  pieceIn(chunk: i32): i32 {
    for (let i = 0; i < this.pieces.length; i++) {
      if (this.pieces[i].chunk == chunk) return i;
    }
    return -1;
  }

  /** Where what is before this chunk ends. */
  endBefore(chunk: i32): i32 {
    for (let i = 0; i < this.pieces.length; i++) {
      if (this.pieces[i].chunk >= chunk) return this.pieces[i].range.start;
    }
    return this.joined.length;
  }

  /** Puts the replacement where each address begins, and takes the rest of it out of the chunks that it goes on in. */
  redact(addresses: Range[], replacement: string, chunks: Value[]): void {
    for (let i = 0; i < this.pieces.length; i++) {
      const piece = this.pieces[i];
      let start = piece.range.start;
      const end = piece.range.end;
      let text = "";
      let touched = false;
      for (let k = 0; k < addresses.length; k++) {
        const address = addresses[k];
        if (address.start >= end || address.end <= piece.range.start) continue;
        touched = true;
        if (address.start >= piece.range.start) text += this.joined.substring(start, address.start) + replacement;
        start = min(address.end, end);
      }
      if (touched) put(chunks[piece.chunk], piece, text + this.joined.substring(start, end));
    }
  }
}

/** Redacts what may leave, and says how many addresses were found. */
export function redactChunk(call: StreamChunkHook, replacement: string): i32 {
  const chunks = call.held.slice();
  if (!call.chunk.isNull) chunks.push(call.chunk);
  const texts = textsOf(chunks);
  const found = texts.map<Found>((text) => look(text.joined, text.ended));
  let kept = chunks.length;
  for (let i = 0; i < texts.length; i++) {
    if (call.isFlush) found[i] = look(texts[i].joined, true);
    kept = min(kept, texts[i].chunkAt(found[i].waits, kept));
  }
  for (let i = 0; i < texts.length; i++) {
    if (texts[i].pieceIn(kept) < 0) continue;
    if (split(chunks, texts, kept, i, found[i].waits)) kept++;
    break;
  }

  let count = 0;
  for (let i = 0; i < texts.length; i++) {
    const sent = texts[i].endBefore(kept);
    const addresses: Range[] = [];
    for (let k = 0; k < found[i].addresses.length; k++) {
      if (found[i].addresses[k].start < sent) addresses.push(found[i].addresses[k]);
    }
    count += addresses.length;
    texts[i].redact(addresses, replacement, chunks);
  }

  let changed = false;
  for (let i = 0; i < chunks.length; i++) changed = changed || chunks[i].isChanged;
  if (!changed && kept == 0 && chunks.length > 0) call.hold();
  else if (kept < chunks.length || (changed && call.held.length > 0)) {
    call.split(chunks.slice(0, kept), chunks.slice(kept));
  }
  return count;
}

/** The texts of all choices. */
function textsOf(chunks: Value[]): Text[] {
  const texts: Text[] = [];
  // Which text a choice is at, by the choice's index.
  const open = new Map<u64, Text>();
  for (let at = 0; at < chunks.length; at++) {
    const choices = chunks[at].at("choices").items();
    for (let i = 0; i < choices.length; i++) {
      const choice = choices[i];
      const index = choice.at("index").u64();
      if (!open.has(index)) {
        const made = new Text();
        open.set(index, made);
        texts.push(made);
      }
      const text = open.get(index);
      const delta = choice.at("delta");
      const content = delta.at("content");
      if (content.isText) text.push(at, i, -1, content.text);
      const parts = content.items();
      for (let part = 0; part < parts.length; part++) {
        const words = parts[part].at("text");
        if (words.isText) text.push(at, i, part, words.text);
      }
      if (!delta.at("tool_calls").isNull || !choice.at("finish_reason").isNull) {
        text.ended = true;
        open.delete(index);
      }
    }
  }
  return texts;
}

function put(chunk: Value, piece: Piece, text: string): void {
  const content = chunk.at("choices").items()[piece.choice].at("delta").at("content");
  if (piece.part < 0) content.setText(text);
  else content.items()[piece.part].at("text").setText(text);
}

/** Whether it is a piece of one choice's text and nothing else, so that there may be two of it. */
function isOnlyText(chunk: Value): bool {
  const choices = chunk.at("choices");
  if (choices.length != 1) return false;
  const choice = choices.items()[0];
  const names = choice.names();
  for (let i = 0; i < names.length; i++) {
    const value = choice.at(names[i]);
    if (names[i] == "index" || value.isNull) continue;
    if (names[i] != "delta" || value.length != 1 || !value.at("content").isText) return false;
  }
  return true;
}

/**
 * Makes two chunks of the first that has to wait, where `texts[at]` waits from `waits` on: so what is before that need
 * not.
 */
function split(chunks: Value[], texts: Text[], kept: i32, at: i32, waits: i32): bool {
  const text = texts[at];
  const nth = text.pieceIn(kept);
  const range = text.pieces[nth].range;
  if (!range.has(waits)) return false;
  const front = text.joined.substring(range.start, waits);
  const back = text.joined.substring(waits, range.end);
  // White space by itself is not worth a chunk.
  if (front.trim().length == 0 || back.length == 0 || !isOnlyText(chunks[kept])) return false;
  const choice = text.pieces[nth].choice;
  const first = new Piece(kept, choice, -1, new Range(range.start, waits));
  const rest = new Piece(kept, choice, -1, new Range(waits, range.end));
  const second = chunks[kept].clone();
  put(chunks[kept], first, front);
  put(second, rest, back);
  const behind = chunks.splice(kept + 1);
  chunks.push(second);
  for (let i = 0; i < behind.length; i++) chunks.push(behind[i]);
  for (let i = 0; i < texts.length; i++) {
    const pieces = texts[i].pieces;
    for (let k = 0; k < pieces.length; k++) {
      if (pieces[k].chunk > kept) pieces[k].chunk++;
    }
  }
  rest.chunk++;
  const pieces = text.pieces.splice(nth);
  text.pieces.push(first);
  text.pieces.push(rest);
  for (let i = 1; i < pieces.length; i++) text.pieces.push(pieces[i]);
  return true;
}
