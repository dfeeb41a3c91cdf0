//! The fields of a tool: each is read when it is asked for, as what it is to be. `null` is as good as none.

const std = @import("std");
const plugbay = @import("plugbay");
const json = plugbay.json;

pub const Error = error{BadArgument};

/// The object.
tool: json.Value,

const Arguments = @This();

fn field(arguments: Arguments, name: []const u8) ?json.Value {
    const value = json.get(arguments.tool, name) orelse return null;
    return if (value == .null) null else value;
}

pub fn optionalText(arguments: Arguments, name: []const u8) Error!?[]const u8 {
    const value = arguments.field(name) orelse return null;
    return json.string(value) orelse error.BadArgument;
}

pub fn text(arguments: Arguments, name: []const u8) Error![]const u8 {
    return try arguments.optionalText(name) orelse error.BadArgument;
}

/// Text, or a list of bytes.
pub fn optionalBytes(arguments: Arguments, name: []const u8) Error!?[]const u8 {
    const value = arguments.field(name) orelse return null;
    if (value != .array) return arguments.optionalText(name);
    const bytes = plugbay.arena().alloc(u8, value.array.items.len) catch @panic("out of memory");
    for (bytes, value.array.items) |*byte, item| byte.* = json.whole(u8, item) orelse return error.BadArgument;
    return bytes;
}

pub fn bytesOf(arguments: Arguments, name: []const u8) Error![]const u8 {
    return try arguments.optionalBytes(name) orelse error.BadArgument;
}

/// An integer of 32 bits.
pub fn integer(arguments: Arguments, name: []const u8) Error!i32 {
    return json.whole(i32, arguments.field(name)) orelse error.BadArgument;
}

/// A number of whatever size.
pub fn number(arguments: Arguments, name: []const u8) Error!f64 {
    return json.number(arguments.field(name)) orelse error.BadArgument;
}

pub fn optionalNumber(arguments: Arguments, name: []const u8) Error!?f64 {
    return if (arguments.field(name) == null) null else try arguments.number(name);
}

/// Milliseconds; 0 is none.
pub fn timeoutMs(arguments: Arguments) Error!?u32 {
    const value = arguments.field("timeout_ms") orelse return null;
    const milliseconds = json.whole(u31, value) orelse return error.BadArgument;
    return if (milliseconds == 0) null else milliseconds;
}

/// A list of texts; none where there is no list.
pub fn texts(arguments: Arguments, name: []const u8) Error![]const []const u8 {
    return textsOf(arguments.field(name) orelse return &.{});
}

fn textsOf(value: json.Value) Error![]const []const u8 {
    if (value != .array) return error.BadArgument;
    const all = plugbay.arena().alloc([]const u8, value.array.items.len) catch @panic("out of memory");
    for (all, value.array.items) |*one, item| one.* = json.string(item) orelse return error.BadArgument;
    return all;
}

/// A list of pairs of texts.
pub fn headers(arguments: Arguments) Error![]const plugbay.host.Header {
    const value = arguments.field("headers") orelse return &.{};
    if (value != .array) return error.BadArgument;
    const all = plugbay.arena().alloc(plugbay.host.Header, value.array.items.len) catch @panic("out of memory");
    for (all, value.array.items) |*header, item| {
        const pair = try textsOf(item);
        if (pair.len != 2) return error.BadArgument;
        header.* = .{ pair[0], pair[1] };
    }
    return all;
}

/// A document to be handed over as it is, or as its text if it is a string.
pub fn document(arguments: Arguments) ?[]const u8 {
    const value = arguments.field("document") orelse return null;
    return json.string(value) orelse json.write(value);
}

test "fields are what they should be or bad" {
    defer plugbay.endCall();
    const arguments: Arguments = .{ .tool = try json.parse(
        \\{"n": 7, "f": 1.5, "big": 1e999, "t": "\u00fc", "b": [0, 255], "x": [256], "no": null, "timeout_ms": -1,
        \\ "headers": [["a", "b"]], "document": {"a": 1.50}}
    ) };
    const expect = std.testing.expect;
    const expectError = std.testing.expectError;
    const expectEqualStrings = std.testing.expectEqualStrings;
    try expect(try arguments.integer("n") == 7 and try arguments.number("f") == 1.5);
    try expect(std.math.isInf(try arguments.number("big")) and try arguments.optionalNumber("no") == null);
    try expectError(error.BadArgument, arguments.integer("f"));
    try expectError(error.BadArgument, arguments.number("t"));
    try expectEqualStrings("ü", try arguments.text("t"));
    try expectEqualStrings("ü", try arguments.bytesOf("t"));
    try expectEqualStrings("\x00\xff", try arguments.bytesOf("b"));
    for ([_][]const u8{ "x", "no", "nothing", "n" }) |name| try expectError(error.BadArgument, arguments.bytesOf(name));
    try expect(try arguments.optionalBytes("no") == null);
    try expectError(error.BadArgument, arguments.timeoutMs());
    try expectEqualStrings("b", (try arguments.headers())[0][1]);
    try expectError(error.BadArgument, arguments.texts("t"));
    try expectEqualStrings("{\"a\":1.50}", arguments.document().?);
}
