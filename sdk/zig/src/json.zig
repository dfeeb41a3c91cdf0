//! JSON: `std.json`, with numbers as they are written, and with what hooks need around it.

const std = @import("std");
const memory = @import("memory.zig");
const fail = @import("failure.zig").fail;
const Error = @import("failure.zig").Error;

/// A value of the call. Numbers that came in are `number_string`, so that none loses a digit.
pub const Value = std.json.Value;

/// So many lists and objects may lie in each other.
pub const deepest = 128;

/// What messages about documents begin with, for those who look for it.
pub const unread = "failed to parse input JSON: ";

/// Reads a text.
pub fn parse(text: []const u8) Error!Value {
    const arena = memory.arena();
    if (!std.unicode.utf8ValidateSlice(text)) return fail(unread ++ "it is not UTF-8", .{});
    const copy = arena.dupe(u8, text) catch memory.outOfMemory();
    var counts: std.ArrayList(u32) = .empty;
    defer counts.deinit(memory.gpa);
    try prepare(copy, &counts);
    var scanner: std.json.Scanner = .initCompleteInput(arena, copy);
    var place: std.json.Diagnostics = .{};
    scanner.enableDiagnostics(&place);
    var reader: Reader = .{ .scanner = &scanner, .counts = counts.items, .longest = copy.len };
    return reader.document() catch |err| switch (err) {
        error.OutOfMemory => memory.outOfMemory(),
        else => fail(unread ++ "no JSON at byte {d}", .{place.getByteOffset()}),
    };
}

/// Makes values of tokens. `std.json` does so too, but lets lists grow, which in memory that is freed at a call's end
/// takes several times what they come to.
const Reader = struct {
    scanner: *std.json.Scanner,
    /// So many items the lists and objects have at most, in the order in which they begin.
    counts: []const u32,
    longest: usize,

    const Fault = std.json.Scanner.AllocError;

    fn document(reader: *Reader) Fault!Value {
        const value = try reader.valueOf(try reader.next());
        return if (try reader.next() == .end_of_document) value else error.SyntaxError;
    }

    fn next(reader: *Reader) Fault!std.json.Token {
        return reader.scanner.nextAllocMax(memory.arena(), .alloc_if_needed, reader.longest);
    }

    fn room(reader: *Reader) usize {
        if (reader.counts.len == 0) return 0;
        defer reader.counts = reader.counts[1..];
        return reader.counts[0];
    }

    fn valueOf(reader: *Reader, token: std.json.Token) Fault!Value {
        switch (token) {
            .null => return .null,
            .true => return .{ .bool = true },
            .false => return .{ .bool = false },
            .string, .allocated_string => |some| return .{ .string = some },
            .number, .allocated_number => |some| return .{ .number_string = some },
            .array_begin => {
                var items: std.json.Array = .init(memory.arena());
                const most = reader.room();
                while (true) {
                    const item = try reader.next();
                    if (item == .array_end) return .{ .array = items };
                    if (items.items.len == 0) try items.ensureTotalCapacityPrecise(most);
                    try items.append(try reader.valueOf(item));
                }
            },
            .object_begin => {
                var fields: std.json.ObjectMap = .empty;
                const most = reader.room();
                while (true) switch (try reader.next()) {
                    .object_end => return .{ .object = fields },
                    .string, .allocated_string => |name| {
                        if (fields.count() == 0) try fields.ensureTotalCapacity(memory.arena(), most);
                        try fields.put(memory.arena(), name, try reader.valueOf(try reader.next()));
                    },
                    else => return error.SyntaxError,
                };
            },
            else => return error.SyntaxError,
        }
    }
};

/// Makes halves of surrogate pairs U+FFFD, which `std.json` would refuse, refuses what is too deep, and counts what is in
/// lists and objects.
fn prepare(text: []u8, counts: *std.ArrayList(u32)) Error!void {
    var depth: usize = 0;
    var open: [deepest]usize = undefined;
    var in_string = false;
    var at: usize = 0;
    while (at < text.len) : (at += 1) switch (text[at]) {
        '"' => in_string = !in_string,
        '\\' => {
            const unit = hex(text, at) orelse {
                at += 1;
                continue;
            };
            const low = hex(text, at + 6) orelse 0;
            at += 5;
            if (unit < 0xd800 or unit > 0xdfff) continue;
            if (unit < 0xdc00 and low >= 0xdc00 and low <= 0xdfff) {
                at += 6;
            } else {
                @memcpy(text[at - 3 .. at + 1], "fffd");
            }
        },
        '[', '{' => if (!in_string) {
            if (depth == deepest) {
                return fail(unread ++ "expected no more than {d} lists and objects in each other at byte {d}", .{ deepest, at + 1 });
            }
            open[depth] = counts.items.len;
            counts.append(memory.gpa, 1) catch memory.outOfMemory();
            depth += 1;
        },
        ']', '}' => if (!in_string) {
            depth -|= 1;
        },
        // As many as there are commas, and one more.
        ',' => if (!in_string and depth > 0) {
            counts.items[open[depth - 1]] += 1;
        },
        else => {},
    };
}

/// The unit that `\uXXXX` stands for, if that is there.
fn hex(text: []const u8, at: usize) ?u16 {
    if (at + 6 > text.len or text[at] != '\\' or text[at + 1] != 'u') return null;
    var unit: u16 = 0;
    for (text[at + 2 .. at + 6]) |letter| {
        unit = unit << 4 | (std.fmt.charToDigit(letter, 16) catch return null);
    }
    return unit;
}

/// The text of a value, of the call.
pub fn write(value: Value) []const u8 {
    return std.json.Stringify.valueAlloc(memory.arena(), value, .{}) catch memory.outOfMemory();
}

/// A value of anything: `of(.{ .role = "user", .parts = .{ 1, true, null } })`.
pub fn of(from: anytype) Value {
    const T = @TypeOf(from);
    if (T == Value) return from;
    return switch (@typeInfo(T)) {
        .null => .null,
        .bool => .{ .bool = from },
        .int, .comptime_int => if (std.math.cast(i64, from)) |fits|
            .{ .integer = fits }
        else
            .{ .number_string = memory.format("{d}", .{from}) },
        // JSON has no other numbers.
        .float, .comptime_float => if (std.math.isFinite(@as(f64, from))) .{ .float = from } else .null,
        .optional => if (from) |some| of(some) else .null,
        .@"enum", .enum_literal => .{ .string = @tagName(from) },
        .pointer => |pointer| if (pointer.child == u8 or @typeInfo(pointer.child) == .array and @typeInfo(pointer.child).array.child == u8)
            .{ .string = utf8(from) }
        else
            list(from),
        .array => list(&from),
        .@"struct" => |info| made: {
            if (info.is_tuple) {
                var items: std.json.Array = .init(memory.arena());
                inline for (from) |item| items.append(of(item)) catch memory.outOfMemory();
                break :made .{ .array = items };
            }
            var object: Value = .{ .object = .empty };
            inline for (info.field_names) |name| put(&object, name, @field(from, name));
            break :made object;
        },
        else => @compileError("no JSON of " ++ @typeName(T)),
    };
}

/// A copy as UTF-8. For each byte that is not, there is U+FFFD: documents have to be.
fn utf8(from: []const u8) []const u8 {
    const arena = memory.arena();
    if (std.unicode.utf8ValidateSlice(from)) return arena.dupe(u8, from) catch memory.outOfMemory();
    var made: std.ArrayList(u8) = .empty;
    var at: usize = 0;
    while (at < from.len) {
        const len = std.unicode.utf8ByteSequenceLength(from[at]) catch 1;
        const end = @min(at + len, from.len);
        if (std.unicode.utf8ValidateSlice(from[at..end])) {
            made.appendSlice(arena, from[at..end]) catch memory.outOfMemory();
            at = end;
        } else {
            made.appendSlice(arena, "\u{fffd}") catch memory.outOfMemory();
            at += 1;
        }
    }
    return made.items;
}

fn list(from: anytype) Value {
    var items: std.json.Array = .init(memory.arena());
    for (from) |item| items.append(of(item)) catch memory.outOfMemory();
    return .{ .array = items };
}

/// A field of an object.
pub fn get(object: Value, name: []const u8) ?Value {
    return if (object == .object) object.object.get(name) else null;
}

/// The same, to be changed.
pub fn getPtr(object: *Value, name: []const u8) ?*Value {
    return if (object.* == .object) object.object.getPtr(name) else null;
}

/// Sets a field. What is no object becomes one.
pub fn put(object: *Value, name: []const u8, value: anytype) void {
    fieldOf(object, name).* = of(value);
}

/// A field, to be set; made as null where it is not there. What is no object becomes one.
pub fn fieldOf(object: *Value, name: []const u8) *Value {
    if (object.* != .object) object.* = .{ .object = .empty };
    if (object.object.getPtr(name)) |there| return there;
    const entry = object.object.getOrPut(memory.arena(), utf8(name)) catch memory.outOfMemory();
    if (!entry.found_existing) entry.value_ptr.* = .null;
    return entry.value_ptr;
}

/// Puts an item behind those of a list. What is no list becomes one.
pub fn append(items: *Value, value: anytype) void {
    if (items.* != .array) items.* = .{ .array = .init(memory.arena()) };
    items.array.append(of(value)) catch memory.outOfMemory();
}

/// A copy that is changed by itself.
pub fn clone(value: Value) Value {
    switch (value) {
        .array => |items| {
            var copy: std.json.Array = .init(memory.arena());
            for (items.items) |item| copy.append(clone(item)) catch memory.outOfMemory();
            return .{ .array = copy };
        },
        .object => |fields| {
            var copy: Value = .{ .object = .empty };
            var each = fields.iterator();
            while (each.next()) |entry| fieldOf(&copy, entry.key_ptr.*).* = clone(entry.value_ptr.*);
            return copy;
        },
        else => return value,
    }
}

pub fn isNull(value: ?Value) bool {
    return value == null or value.? == .null;
}

/// A text, if it is one.
pub fn string(value: ?Value) ?[]const u8 {
    return if (value != null and value.? == .string) value.?.string else null;
}

/// A whole number, if it is one that fits: neither 1.0 nor 1e3.
pub fn whole(comptime T: type, value: ?Value) ?T {
    return switch (value orelse return null) {
        .integer => |some| std.math.cast(T, some),
        .number_string => |text| wholeOf(T, text),
        else => null,
    };
}

/// The same of a text; only digits and a sign are any.
pub fn wholeOf(comptime T: type, text: []const u8) ?T {
    for (text, 0..) |letter, at| {
        if (!std.ascii.isDigit(letter) and !(at == 0 and letter == '-')) return null;
    }
    return std.fmt.parseInt(T, text, 10) catch null;
}

/// The number nearest to it, if it is one.
pub fn number(value: ?Value) ?f64 {
    return switch (value orelse return null) {
        .integer => |some| @floatFromInt(some),
        .float => |some| some,
        .number_string => |text| std.fmt.parseFloat(f64, text) catch null,
        else => null,
    };
}

/// What kind of value it is, in words.
pub fn kind(value: Value) []const u8 {
    return switch (value) {
        .null => "null",
        .bool => "a boolean",
        .integer, .float, .number_string => "a number",
        .string => "a string",
        .array => "a list",
        .object => "an object",
    };
}

/// Reads a value as a type; the error names the place, which begins with `path`. A struct's fields may have
/// defaults, and a declaration `pub const only_known = true` refuses others than its fields.
pub fn read(comptime T: type, value: Value, path: []const u8) Error!T {
    if (T == Value) return value;
    switch (@typeInfo(T)) {
        .bool => return if (value == .bool) value.bool else wrong(path, "a boolean", value),
        .int => return whole(T, value) orelse {
            const text = switch (value) {
                .number_string => |text| text,
                else => return wrong(path, @typeName(T), value),
            };
            const found = if (wholeOf(i64, text) != null or wholeOf(u64, text) != null) "another number" else text;
            return fail("{s}: expected {s}, found {s}", .{ path, @typeName(T), found });
        },
        .float => return @floatCast(number(value) orelse return wrong(path, "a number", value)),
        .optional => |optional| return if (value == .null) null else try read(optional.child, value, path),
        .@"enum" => {
            const text = string(value) orelse return wrong(path, "a string", value);
            return std.meta.stringToEnum(T, text) orelse fail("{s}: there is no {s}", .{ path, text });
        },
        .pointer => |pointer| {
            if (pointer.child == u8) return string(value) orelse wrong(path, "a string", value);
            if (value != .array) return wrong(path, "a list", value);
            const items = memory.arena().alloc(pointer.child, value.array.items.len) catch memory.outOfMemory();
            for (items, value.array.items, 0..) |*item, from, at| {
                item.* = try read(pointer.child, from, memory.format("{s}.{d}", .{ path, at }));
            }
            return items;
        },
        .@"struct" => |info| {
            if (value != .object) return wrong(path, "an object", value);
            if (@hasDecl(T, "only_known") and T.only_known) try onlyKnown(T, value, path);
            var result: T = undefined;
            inline for (info.field_names, info.field_types, info.field_attrs) |name, Field, attrs| {
                if (get(value, name)) |found| {
                    @field(result, name) = try read(Field, found, memory.format("{s}.{s}", .{ path, name }));
                } else if (comptime attrs.defaultValue(Field)) |default| {
                    @field(result, name) = default;
                } else if (@typeInfo(Field) == .optional) {
                    @field(result, name) = null;
                } else {
                    return fail("{s}: missing field `{s}`", .{ path, name });
                }
            }
            return result;
        },
        else => @compileError("no " ++ @typeName(T) ++ " of JSON"),
    }
}

fn wrong(path: []const u8, wanted: []const u8, found: Value) Error {
    return fail("{s}: expected {s}, found {s}", .{ path, wanted, kind(found) });
}

fn onlyKnown(comptime T: type, value: Value, path: []const u8) Error!void {
    const names = comptime std.meta.fieldNames(T);
    const known = comptime known: {
        var text: []const u8 = "`" ++ names[0] ++ "`";
        for (names[1..]) |name| text = text ++ (if (names.len == 2) " or `" else ", `") ++ name ++ "`";
        break :known if (names.len > 2) "one of " ++ text else text;
    };
    for (value.object.keys()) |key| {
        inline for (names) |name| {
            if (std.mem.eql(u8, key, name)) break;
        } else return fail("{s}: unknown field `{s}`, expected " ++ known, .{ path, key });
    }
}

/// A copy that stays, of anything that `read` gives.
pub fn keep(value: anytype) @TypeOf(value) {
    const T = @TypeOf(value);
    if (T == Value) return keepValue(value);
    switch (@typeInfo(T)) {
        .optional => return if (value) |some| keep(some) else null,
        .pointer => |pointer| {
            const items = memory.gpa.alloc(pointer.child, value.len) catch memory.outOfMemory();
            for (items, value) |*item, from| item.* = keep(from);
            return items;
        },
        .@"struct" => {
            var result = value;
            inline for (comptime std.meta.fieldNames(T)) |name| @field(result, name) = keep(@field(value, name));
            return result;
        },
        else => return value,
    }
}

fn keepValue(value: Value) Value {
    const gpa = memory.gpa;
    switch (value) {
        .string => |some| return .{ .string = keep(some) },
        .number_string => |some| return .{ .number_string = keep(some) },
        .array => |items| {
            var copy: std.json.Array = .init(gpa);
            for (items.items) |item| copy.append(keepValue(item)) catch memory.outOfMemory();
            return .{ .array = copy };
        },
        .object => |fields| {
            var copy: Value = .{ .object = .empty };
            for (fields.keys(), fields.values()) |name, item| {
                copy.object.put(gpa, keep(name), keepValue(item)) catch memory.outOfMemory();
            }
            return copy;
        },
        else => return value,
    }
}
