//! Addresses in a stream, also those that are split between chunks.
//!
//! Nothing is kept here between two chunks: what may still become an address the host holds back, as it came, and
//! hands over again. So each call looks at all of what was not sent yet.

const std = @import("std");
const plugbay = @import("plugbay");
const email = @import("email.zig");

const json = plugbay.json;
const Value = plugbay.Value;

/// A piece of a text: the string that it is, its chunk, and where it is in the text.
const Piece = struct { string: *Value, chunk: usize, range: email.Range };

/// One choice's text over several chunks, up to a tool call or its end.
const Text = struct {
    choice: u64,
    ended: bool = false,
    joined: std.ArrayList(u8) = .empty,
    pieces: std.ArrayList(Piece) = .empty,
    addresses: []const email.Range = &.{},
    waits: usize = 0,

    fn add(text: *Text, chunk: usize, found: ?*Value) void {
        const string = found orelse return;
        if (string.* != .string) return;
        const start = text.joined.items.len;
        text.joined.appendSlice(plugbay.arena(), string.string) catch @panic("out of memory");
        const piece: Piece = .{ .string = string, .chunk = chunk, .range = .{ .start = start, .end = text.joined.items.len } };
        text.pieces.append(plugbay.arena(), piece) catch @panic("out of memory");
    }

    /// The chunk that a place in the text is in.
    fn chunkAt(text: Text, place: usize) ?usize {
        for (text.pieces.items) |piece| if (piece.range.contains(place)) return piece.chunk;
        return null;
    }

    /// Puts the replacement where each address begins, and takes the rest of it out of the strings that it goes on
    /// in. What is in chunks from `kept` on stays.
    fn redact(text: Text, kept: usize, replacement: []const u8) u64 {
        var sent = text.joined.items.len;
        for (text.pieces.items) |piece| {
            if (piece.chunk >= kept) sent = @min(sent, piece.range.start);
        }
        var count: u64 = 0;
        while (count < text.addresses.len and text.addresses[@intCast(count)].start < sent) count += 1;
        const addresses = text.addresses[0..@intCast(count)];
        for (text.pieces.items) |piece| {
            var result: []const u8 = "";
            var copied = piece.range.start;
            var touched = false;
            for (addresses) |address| {
                if (address.start >= piece.range.end or address.end <= piece.range.start) continue;
                touched = true;
                if (address.start >= piece.range.start) {
                    result = plugbay.format("{s}{s}{s}", .{ result, text.joined.items[copied..address.start], replacement });
                }
                copied = @min(address.end, piece.range.end);
            }
            if (touched) {
                const rest = text.joined.items[copied..piece.range.end];
                piece.string.* = .{ .string = plugbay.format("{s}{s}", .{ result, rest }) };
            }
        }
        return count;
    }
};

const Chunks = std.ArrayList(Value);
const Texts = std.ArrayList(Text);

/// Redacts what may leave: what becomes of the chunks, and, added to `count`, how many addresses were found.
pub fn redact(call: *plugbay.StreamChunkHook, replacement: []const u8, count: *u64) plugbay.StreamAction {
    var chunks: Chunks = .empty;
    chunks.appendSlice(plugbay.arena(), call.held) catch @panic("out of memory");
    if (call.chunk != .null) chunks.append(plugbay.arena(), call.chunk) catch @panic("out of memory");

    const texts = findTexts(chunks.items);
    var kept = chunks.items.len;
    for (texts.items) |*text| {
        const found = email.look(text.joined.items, text.ended or call.flush);
        text.addresses = found.addresses;
        text.waits = found.waits;
        kept = @min(kept, text.chunkAt(found.waits) orelse kept);
    }
    var changed = false;
    if (waiting(texts.items, kept)) |text| {
        if (split(&chunks, texts.items, text, kept)) {
            changed = true;
            kept += 1;
        }
    }
    const before = count.*;
    for (texts.items) |text| count.* += text.redact(kept, replacement);
    changed = changed or count.* > before;

    const stays = chunks.items[kept..];
    // With what is held already, behind it.
    if (!changed and stays.len > 0 and kept == 0) return .hold;
    if (stays.len > 0 or (changed and call.held.len > 0)) {
        return .{ .send = .{ .chunks = chunks.items[0..kept], .keep = stays } };
    }
    call.changed = changed;
    return .pass;
}

/// The texts of all choices.
fn findTexts(chunks: []Value) Texts {
    var texts: Texts = .empty;
    for (chunks, 0..) |*chunk, at| {
        const choices = json.getPtr(chunk, "choices") orelse continue;
        if (choices.* != .array) continue;
        for (choices.array.items) |*choice| {
            const text = open(&texts, json.whole(u64, json.get(choice.*, "index")) orelse 0);
            const ended = !json.isNull(json.get(choice.*, "finish_reason"));
            text.ended = ended;
            const delta = json.getPtr(choice, "delta") orelse continue;
            if (json.getPtr(delta, "content")) |content| {
                text.add(at, content);
                if (content.* == .array) for (content.array.items) |*part| text.add(at, json.getPtr(part, "text"));
            }
            text.ended = ended or !json.isNull(json.get(delta.*, "tool_calls"));
        }
    }
    return texts;
}

/// The text that a choice is at.
fn open(texts: *Texts, choice: u64) *Text {
    for (texts.items) |*text| if (text.choice == choice and !text.ended) return text;
    texts.append(plugbay.arena(), .{ .choice = choice }) catch @panic("out of memory");
    return &texts.items[texts.items.len - 1];
}

/// The first text with a piece in a chunk.
fn waiting(texts: []Text, chunk: usize) ?*Text {
    for (texts) |*text| for (text.pieces.items) |piece| if (piece.chunk == chunk) return text;
    return null;
}

/// The string that is the one choice's text, if a chunk is a piece of text and nothing else: there may be two of it.
fn onlyText(chunk: *Value) ?*Value {
    const choices = json.getPtr(chunk, "choices") orelse return null;
    if (choices.* != .array or choices.array.items.len != 1) return null;
    const choice = &choices.array.items[0];
    if (choice.* != .object) return null;
    var content: ?*Value = null;
    for (choice.object.keys(), choice.object.values()) |name, *value| {
        if (std.mem.eql(u8, name, "index")) continue;
        if (std.mem.eql(u8, name, "delta")) {
            if (value.* != .object or value.object.count() != 1) return null;
            content = json.getPtr(value, "content") orelse return null;
            if (content.?.* != .string) return null;
        } else if (value.* != .null) return null;
    }
    return content;
}

/// Makes two chunks of the first that has to wait, in which `text` waits from its place on: so what is before that
/// need not.
fn split(chunks: *Chunks, texts: []Text, text: *Text, kept: usize) bool {
    const nth = for (text.pieces.items, 0..) |piece, at| {
        if (piece.chunk == kept) break at;
    } else return false;
    const piece = text.pieces.items[nth];
    if (!piece.range.contains(text.waits)) return false;
    const front = text.joined.items[piece.range.start..text.waits];
    const back = text.joined.items[text.waits..piece.range.end];
    // White space by itself is not worth a chunk.
    if (isBlank(front)) return false;
    const first = onlyText(&chunks.items[kept]) orelse return false;

    var copy = json.clone(chunks.items[kept]);
    const second = onlyText(&copy) orelse return false;
    first.* = .{ .string = front };
    second.* = .{ .string = back };
    chunks.insert(plugbay.arena(), kept + 1, copy) catch @panic("out of memory");
    for (texts) |*other| for (other.pieces.items) |*each| {
        if (each.chunk > kept) each.chunk += 1;
    };
    text.pieces.items[nth].range.end = text.waits;
    const rest: Piece = .{ .string = second, .chunk = kept + 1, .range = .{ .start = text.waits, .end = piece.range.end } };
    text.pieces.insert(plugbay.arena(), nth + 1, rest) catch @panic("out of memory");
    return true;
}

fn isBlank(text: []const u8) bool {
    var letters = std.unicode.Utf8View.initUnchecked(text).iterator();
    while (letters.nextCodepoint()) |letter| switch (letter) {
        ' ', 9...13, 0x85, 0xa0, 0x1680, 0x2000...0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000 => {},
        else => return false,
    };
    return true;
}
