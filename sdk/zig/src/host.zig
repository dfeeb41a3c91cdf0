//! The host's functions. Each takes a grant or none: docs/host-functions.md says which. What is not called is not
//! imported.

const std = @import("std");
const memory = @import("memory.zig");
const json = @import("json.zig");
const failure = @import("failure.zig");

/// The classes of errors.
pub const Error = error{ Denied, Invalid, TooLarge, Timeout, Failed, Unavailable };

/// The functions as the host has them: pointers, lengths, and negative numbers for errors. On other machines those of
/// the host for tests.
pub const raw = if (memory.is_wasm) imports else @import("testing.zig").functions;

const imports = struct {
    pub extern "plugbay" fn version() i32;
    pub extern "plugbay" fn answer_len(part: i32) i64;
    pub extern "plugbay" fn answer_read(part: i32, offset: i64, to: [*]u8, len: usize) i32;
    pub extern "plugbay" fn log(level: i32, line: [*]const u8, len: usize) i32;
    pub extern "plugbay" fn now() i64;
    pub extern "plugbay" fn random(to: [*]u8, len: usize) i32;
    pub extern "plugbay" fn metric(kind: i32, name: [*]const u8, name_len: usize, value: f64) i32;
    pub extern "plugbay" fn http_request(document: [*]const u8, len: usize, body: [*]const u8, body_len: usize) i32;
    pub extern "plugbay" fn ws_open(document: [*]const u8, len: usize) i32;
    pub extern "plugbay" fn ws_send(socket: i32, kind: i32, data: [*]const u8, len: usize) i32;
    pub extern "plugbay" fn ws_recv(socket: i32, wait_ms: i32) i32;
    pub extern "plugbay" fn ws_close(socket: i32) i32;
    pub extern "plugbay" fn midi_send(output: [*]const u8, output_len: usize, data: [*]const u8, len: usize) i32;
    pub extern "plugbay" fn audio_play(document: [*]const u8, len: usize) i32;
    pub extern "plugbay" fn kv_get(key: [*]const u8, key_len: usize) i32;
    pub extern "plugbay" fn kv_set(key: [*]const u8, key_len: usize, value: [*]const u8, len: usize) i32;
    pub extern "plugbay" fn kv_delete(key: [*]const u8, key_len: usize) i32;
    pub extern "plugbay" fn kv_swap(key: [*]const u8, key_len: usize, old: ?[*]const u8, old_len: i32, value: ?[*]const u8, len: i32) i32;
    pub extern "plugbay" fn run(document: [*]const u8, len: usize, input: [*]const u8, input_len: usize) i32;
    pub extern "plugbay" fn system(document: [*]const u8, len: usize) i32;
    pub extern "plugbay" fn body_len(which: i32) i64;
    pub extern "plugbay" fn body_read(which: i32, offset: i64, to: [*]u8, len: usize) i32;
    pub extern "plugbay" fn body_write(which: i32, offset: i64, from: [*]const u8, len: usize) i32;
    pub extern "plugbay" fn body_truncate(which: i32, len: i64) i32;
};

/// Where bytes are, for `raw`. Those of a slice without any may be anywhere, outside the memory too, which the host
/// refuses.
pub fn at(bytes: []const u8) [*]const u8 {
    return if (bytes.len == 0) "" else bytes.ptr;
}

fn check(result: i32) Error!u31 {
    // What was said of an error before is not about this one.
    if (result < 0) failure.forget();
    return switch (result) {
        -1 => Error.Denied,
        -2 => Error.Invalid,
        -3 => Error.TooLarge,
        -4 => Error.Timeout,
        -6 => Error.Unavailable,
        else => if (result < 0) Error.Failed else @intCast(result),
    };
}

/// The number that stands for a class of errors.
pub fn code(err: Error) i32 {
    return switch (err) {
        error.Denied => -1,
        error.Invalid => -2,
        error.TooLarge => -3,
        error.Timeout => -4,
        error.Failed => -5,
        error.Unavailable => -6,
    };
}

/// The name that documents have for a class of errors.
pub fn className(err: Error) []const u8 {
    return switch (err) {
        error.Denied => "denied",
        error.Invalid => "invalid",
        error.TooLarge => "too_large",
        error.Timeout => "timeout",
        error.Failed => "failed",
        error.Unavailable => "unavailable",
    };
}

/// The host's words about the function that has just failed: `kv.get(key) catch |err| return host.fail(err)`.
pub fn fail(err: Error) failure.Error {
    const class = className(err);
    const document = answer(0) orelse return failure.fail("{s}", .{class});
    const said = json.string(json.get(json.parse(document) catch .null, "message")) orelse "";
    return failure.fail("{s}: {s}", .{ class, said });
}

/// A part of what the last function has left, of the call.
pub fn answer(part: i32) ?[]const u8 {
    const len = raw.answer_len(part);
    if (len <= 0) return if (len == 0) "" else null;
    const bytes = memory.arena().alloc(u8, std.math.cast(usize, len) orelse memory.outOfMemory()) catch memory.outOfMemory();
    const count = raw.answer_read(part, 0, bytes.ptr, bytes.len);
    return if (count < 0) null else bytes[0..@intCast(count)];
}

/// The document that the last function has left.
pub fn answerDocument() json.Value {
    return json.parse(answer(0) orelse return .null) catch .null;
}

pub const Level = enum(i32) { err = 1, warn = 2, info = 3, debug = 4, trace = 5 };

/// Writes one line to the plugin's log.
pub fn log(level: Level, comptime fmt: []const u8, args: anytype) void {
    say(level, memory.format(fmt, args));
}

/// The same of a text, which takes no memory.
pub fn say(level: Level, line: []const u8) void {
    _ = raw.log(@backingInt(level), at(line), line.len);
}

/// The version of the host's functions.
pub fn version() i32 {
    return raw.version();
}

/// The wall clock, in nanoseconds since 1970.
pub fn now() u64 {
    return @intCast(@max(raw.now(), 0));
}

/// Fills a buffer with random bytes that are fit for keys, 64 KiB at most.
pub fn random(buffer: []u8) Error!void {
    if (buffer.len == 0) return;
    _ = try check(raw.random(buffer.ptr, buffer.len));
}

/// A sum that only grows, a value that comes and goes, one of many.
pub const Metric = enum(i32) { counter = 0, gauge = 1, sample = 2 };

/// Measures something. A name has 1 to 64 of a-z, 0-9 and _, and begins with a letter.
pub fn metric(kind: Metric, name: []const u8, value: f64) Error!void {
    _ = try check(raw.metric(@backingInt(kind), at(name), name.len, value));
}

pub const Header = struct { []const u8, []const u8 };

pub const http = struct {
    /// What is not said is left to the host.
    pub const Request = struct {
        url: []const u8,
        method: ?[]const u8 = null,
        headers: []const Header = &.{},
        timeout_ms: ?u32 = null,
        body: []const u8 = "",
    };

    pub const Response = struct {
        status: u16,
        /// With `headers`, pairs of names and values.
        document: json.Value,
        body: []const u8,
    };

    pub fn request(what: Request) Error!Response {
        var document: json.Value = .{ .object = .empty };
        json.put(&document, "url", what.url);
        if (what.method) |method| json.put(&document, "method", method);
        if (what.headers.len > 0) json.put(&document, "headers", what.headers);
        if (what.timeout_ms) |timeout_ms| json.put(&document, "timeout_ms", timeout_ms);
        const text = json.write(document);
        const status = try check(raw.http_request(at(text), text.len, at(what.body), what.body.len));
        return .{ .status = @intCast(status), .document = answerDocument(), .body = answer(1) orelse "" };
    }
};

pub const ws = struct {
    pub const Kind = enum(i32) { text = 1, binary = 2 };
    pub const Received = union(enum) { nothing, text: []const u8, binary: []const u8, closed: json.Value };

    /// A socket, by its number, which is good in any later call of the plugin.
    pub const Socket = struct {
        number: i32,

        pub fn send(socket: Socket, kind: Kind, data: []const u8) Error!void {
            _ = try check(raw.ws_send(socket.number, @backingInt(kind), at(data), data.len));
        }

        /// Waits for a message; 0 only looks. After `closed` the number is gone.
        pub fn receive(socket: Socket, wait_ms: i32) Error!Received {
            return switch (try check(raw.ws_recv(socket.number, wait_ms))) {
                0 => .nothing,
                1 => .{ .text = answer(1) orelse "" },
                2 => .{ .binary = answer(1) orelse "" },
                else => .{ .closed = answerDocument() },
            };
        }

        pub fn close(socket: Socket) Error!void {
            _ = try check(raw.ws_close(socket.number));
        }
    };

    pub fn open(url: []const u8, headers: []const Header, protocols: []const []const u8) Error!Socket {
        var document = json.of(.{ .url = url });
        if (headers.len > 0) json.put(&document, "headers", headers);
        if (protocols.len > 0) json.put(&document, "protocols", protocols);
        const text = json.write(document);
        return .{ .number = try check(raw.ws_open(at(text), text.len)) };
    }
};

pub const midi = struct {
    /// Sends whole messages, or a piece of system exclusive, to the output of this name.
    pub fn send(output: []const u8, messages: []const u8) Error!void {
        _ = try check(raw.midi_send(at(output), output.len, at(messages), messages.len));
    }
};

pub const audio = struct {
    /// Begins to play a sound; without a volume, at the host's own.
    pub fn play(sound: []const u8, volume: ?f64) Error!void {
        var document = json.of(.{ .sound = sound });
        if (volume) |some| json.put(&document, "volume", some);
        const text = json.write(document);
        _ = try check(raw.audio_play(at(text), text.len));
    }
};

/// Bytes by key, which all instances of the plugin share.
pub const kv = struct {
    pub fn get(key: []const u8) Error!?[]const u8 {
        return if (try check(raw.kv_get(at(key), key.len)) == 1) answer(1) orelse "" else null;
    }

    /// Sets a value. It is on disk then.
    pub fn set(key: []const u8, value: []const u8) Error!void {
        _ = try check(raw.kv_set(at(key), key.len, at(value), value.len));
    }

    /// Whether it was there.
    pub fn delete(key: []const u8) Error!bool {
        return try check(raw.kv_delete(at(key), key.len)) == 1;
    }

    /// What a swap came to.
    pub const Swap = union(enum) { done, other: ?[]const u8 };

    /// Sets a value where the present one is `old`, in one step; null is no value.
    pub fn swap(key: []const u8, old: ?[]const u8, value: ?[]const u8) Error!Swap {
        const done = try check(raw.kv_swap(at(key), key.len, start(old), length(old), start(value), length(value)));
        return if (done == 1) .done else .{ .other = answer(1) };
    }

    fn start(bytes: ?[]const u8) ?[*]const u8 {
        return if (bytes) |some| at(some) else null;
    }

    fn length(bytes: ?[]const u8) i32 {
        return if (bytes) |some| @intCast(some.len) else -1;
    }
};

pub const Output = struct { status: i32, stdout: []const u8, stderr: []const u8 };

/// Runs a program with this on its stdin, and gives what it printed when it has ended.
pub fn run(program: []const u8, args: []const []const u8, input: []const u8, timeout_ms: ?u32) Error!Output {
    var document = json.of(.{ .program = program });
    if (args.len > 0) json.put(&document, "args", args);
    if (timeout_ms) |some| json.put(&document, "timeout_ms", some);
    const text = json.write(document);
    const status = try check(raw.run(at(text), text.len, at(input), input.len));
    return .{ .status = status, .stdout = answer(1) orelse "", .stderr = answer(2) orelse "" };
}

pub const Operation = enum { keystroke, volume, launch, mode_change };

/// Does something to the system: keystroke ("ctrl+shift+m"), volume ("50", "+5", "mute"), launch, mode_change.
pub fn system(operation: Operation, argument: []const u8) Error!void {
    const text = json.write(json.of(.{ .operation = operation, .argument = argument }));
    _ = try check(raw.system(at(text), text.len));
}

/// Bodies beside the documents, of plugins that declare `pub const binary_bodies = true`: docs/hooks.md.
pub const Body = enum(i32) {
    request = 0,
    response = 1,

    pub const NotThere = error{NotThere};

    pub fn len(which: Body) NotThere!u64 {
        return std.math.cast(u64, raw.body_len(@backingInt(which))) orelse error.NotThere;
    }

    /// How much was copied: fewer bytes than there is room for at the end.
    pub fn read(which: Body, offset: u63, to: []u8) NotThere!usize {
        if (to.len == 0) return 0;
        return std.math.cast(usize, raw.body_read(@backingInt(which), offset, to.ptr, to.len)) orelse error.NotThere;
    }

    pub fn write(which: Body, offset: u63, from: []const u8) NotThere!void {
        if (raw.body_write(@backingInt(which), offset, at(from), from.len) < 0) return error.NotThere;
    }

    pub fn truncate(which: Body, length: u63) NotThere!void {
        if (raw.body_truncate(@backingInt(which), length) != 0) return error.NotThere;
    }
};
