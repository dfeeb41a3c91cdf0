//! Finds e-mail addresses in text. ASCII addresses only, without quoted local parts or domain literals; each byte is
//! looked at a bounded number of times.

const std = @import("std");
const plugbay = @import("plugbay");

const isAlphanumeric = std.ascii.isAlphanumeric;
fn isOneOf(set: []const u8, letter: u8) bool {
    return std.mem.indexOfScalar(u8, set, letter) != null;
}

/// As many letters as a local part has at most, and a domain. Nothing waits for what is longer.
const longest_local = 64;
const longest_domain = 253;

/// From the first byte up to, and without, the last.
pub const Range = struct {
    start: usize,
    end: usize,

    pub fn contains(range: Range, place: usize) bool {
        return range.start <= place and place < range.end;
    }
};

/// Replaces every address, and counts them; null when there was none.
pub fn redact(text: []const u8, replacement: []const u8, count: *u64) ?[]const u8 {
    var result: std.ArrayList(u8) = .empty;
    var copied: usize = 0;
    while (nextAddress(text, copied)) |address| {
        add(&result, text[copied..address.start]);
        add(&result, replacement);
        copied = address.end;
        count.* += 1;
    }
    if (copied == 0) return null;
    add(&result, text[copied..]);
    return result.items;
}

fn add(result: *std.ArrayList(u8), text: []const u8) void {
    result.appendSlice(plugbay.arena(), text) catch @panic("out of memory");
}

pub const Look = struct { addresses: []const Range, waits: usize };

/// The addresses in the beginning of a text that goes on unless it has `ended`, and where what has to wait begins:
/// what may be an address, or more of one, once more of the text is there.
pub fn look(text: []const u8, ended: bool) Look {
    var addresses: std.ArrayList(Range) = .empty;
    var from: usize = 0;
    const waits = if (ended) null else openDomain(text);
    while (nextAddress(text, from)) |address| {
        if (waits) |at| if (address.contains(at)) break;
        from = address.end;
        addresses.append(plugbay.arena(), address) catch @panic("out of memory");
    }
    if (ended) return .{ .addresses = addresses.items, .waits = text.len };
    if (waits) |at| {
        const local = if (at >= from) localPart(text[from..at]) else 0;
        if (local > 0) return .{ .addresses = addresses.items, .waits = at - local };
    }
    return .{ .addresses = addresses.items, .waits = text.len - @min(localPart(text[from..]), longest_local) };
}

/// The last `@`, if all that is behind it is of a domain that may go on.
fn openDomain(text: []const u8) ?usize {
    const at = std.mem.lastIndexOfScalar(u8, text, '@') orelse return null;
    const name = text[at + 1 ..];
    if (name.len > longest_domain) return null;
    for (name, 0..) |letter, place| {
        if (isAlphanumeric(letter)) continue;
        if (place == 0 or (letter != '.' and letter != '-')) return null;
        if (letter == '.' and name[place - 1] == '.') return null;
    }
    return at;
}

/// The first address that begins at `from` or later.
fn nextAddress(text: []const u8, from: usize) ?Range {
    var place = from;
    while (std.mem.indexOfScalarPos(u8, text, place, '@')) |at| : (place = at + 1) {
        const local = localPart(text[from..at]);
        const behind = domain(text[at + 1 ..]);
        if (local > 0 and behind > 0) return .{ .start = at - local, .end = at + 1 + behind };
    }
    return null;
}

/// The length of the longest end of a text that can stand before the `@`.
fn localPart(text: []const u8) usize {
    var start = text.len;
    while (start > 0 and (isAlphanumeric(text[start - 1]) or isOneOf("._%+-'", text[start - 1]))) start -= 1;
    // Punctuation of the sentence, or the quotation mark of an example.
    while (start < text.len and isOneOf(".'-", text[start])) start += 1;
    return text.len - start;
}

/// The length of the longest start of a text that is a domain of two labels or more; 0 if there is none.
fn domain(text: []const u8) usize {
    var end: usize = 0;
    while (end < text.len and (isAlphanumeric(text[end]) or text[end] == '.' or text[end] == '-')) : (end += 1) {
        // No label is empty.
        if (text[end] == '.' and end + 1 < text.len and text[end + 1] == '.') break;
    }
    if (end == 0 or !isAlphanumeric(text[0])) return 0;
    while (true) {
        // The full stop after an address ends the sentence.
        while (end > 0 and (text[end - 1] == '.' or text[end - 1] == '-')) end -= 1;
        const dot = std.mem.lastIndexOfScalar(u8, text[0..end], '.') orelse return 0;
        if (end - dot > 2 and std.ascii.isAlphabetic(text[dot + 1])) return end;
        end = dot;
    }
}
