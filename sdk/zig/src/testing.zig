//! For tests of plugins on the machine that compiles them: a host that answers as the test says, and plugins as hosts
//! call them, documents in and documents out.

const std = @import("std");
const memory = @import("memory.zig");
const json = @import("json.zig");
const real = @import("host.zig");
const hooks = @import("hooks.zig");
const action = @import("action.zig");

const Value = json.Value;
const List = std.ArrayList;

/// What the host was asked. What a function has no use for is empty, or 0.
pub const Call = struct {
    /// By its name in the table of host functions, or `print` for a line on stderr.
    function: []const u8,
    /// A url, a key, an output, a sound, a program, an operation, a metric.
    name: []const u8 = "",
    /// A body, a value, messages, an argument, a line.
    data: []const u8 = "",
    /// The JSON, where there is some: with headers, arguments of a program, and all the rest.
    document: []const u8 = "",
    /// A level, a metric's kind, a socket.
    number: i32 = 0,
    /// A metric's; a volume, null where none was said; a message's kind; how long is waited.
    value: ?f64 = null,
    /// What it returned: negative where it was refused.
    result: i32 = 0,
};

/// What another server answers.
pub const Reply = struct {
    status: u16 = 200,
    headers: []const real.Header = &.{},
    body: []const u8 = "",
};

/// What another side of a socket sends.
pub const Message = union(enum) { text: []const u8, binary: []const u8, closed: []const u8 };

const Refusal = struct { name: []const u8, class: real.Error, message: []const u8 };
const Outcome = struct { url: []const u8, reply: ?Reply = null, refusal: ?Refusal = null };
const Inbox = struct { url: []const u8, messages: []const Message };
const Program = struct { name: []const u8, output: real.Output };
const Entry = struct { key: []const u8, value: ?[]const u8 };

const State = struct {
    arena: std.heap.ArenaAllocator,
    before: ?*State,
    now: u64 = 0,
    random: u64 = 0,
    answer: [3]?[]const u8 = @splat(null),
    bodies: [2]?[]const u8 = @splat(null),
    calls: List(Call) = .empty,
    refusals: List(Refusal) = .empty,
    outcomes: List(Outcome) = .empty,
    inboxes: List(Inbox) = .empty,
    programs: List(Program) = .empty,
    entries: List(Entry) = .empty,
    sockets: List(?[]const Message) = .empty,

    fn add(state: *State, comptime T: type, list: *List(T), item: T) *T {
        list.append(state.arena.allocator(), item) catch memory.outOfMemory();
        return &list.items[list.items.len - 1];
    }

    fn copy(state: *State, bytes: []const u8) []const u8 {
        return state.arena.allocator().dupe(u8, bytes) catch memory.outOfMemory();
    }

    fn entry(state: *State, key: []const u8) *Entry {
        for (state.entries.items) |*found| if (std.mem.eql(u8, found.key, key)) return found;
        return state.add(Entry, &state.entries, .{ .key = state.copy(key), .value = null });
    }

    /// Leaves a document as the answer.
    fn leave(state: *State, document: anytype) void {
        state.answer[0] = state.copy(json.write(json.of(document)));
    }

    fn fail(state: *State, call: *Call, class: real.Error, message: []const u8) i32 {
        state.leave(.{ .class = real.className(class), .message = message });
        call.result = real.code(class);
        return call.result;
    }
};

/// The host of the test that runs.
var current: ?*State = null;

/// A host for the test that runs, from `start` to `stop`.
///
/// Its clock stands still, at 0 to begin with, its random numbers are the same each time, and it grants everything
/// that is not refused. What it is asked is written down.
pub const Host = struct {
    state: *State,

    pub fn start() Host {
        const state = memory.gpa.create(State) catch memory.outOfMemory();
        state.* = .{ .arena = .init(memory.gpa), .before = current };
        current = state;
        return .{ .state = state };
    }

    /// Its end, and that of what calls have returned.
    pub fn stop(host: Host) void {
        current = host.state.before;
        host.state.arena.deinit();
        memory.gpa.destroy(host.state);
        memory.endCall();
    }

    /// The clock, in nanoseconds since 1970.
    pub fn setNow(host: Host, nanoseconds: u64) void {
        host.state.now = nanoseconds;
    }

    pub fn advance(host: Host, nanoseconds: u64) void {
        host.state.now += nanoseconds;
    }

    /// Begins the random numbers elsewhere.
    pub fn setSeed(host: Host, seed: u64) void {
        host.state.random = seed;
    }

    /// Refuses a function, by its name such as `kv_set`, with a class and words.
    pub fn refuse(host: Host, function: []const u8, class: real.Error, message: []const u8) void {
        _ = host.state.add(Refusal, &host.state.refusals, .{ .name = function, .class = class, .message = message });
    }

    /// Refuses what was not granted.
    pub fn deny(host: Host, comptime function: []const u8) void {
        host.refuse(function, error.Denied, function ++ " is not granted");
    }

    /// Puts a value under a key.
    pub fn setKv(host: Host, key: []const u8, value: []const u8) void {
        host.state.entry(key).value = host.state.copy(value);
    }

    /// What is under a key.
    pub fn kv(host: Host, key: []const u8) ?[]const u8 {
        return host.state.entry(key).value;
    }

    /// Answers requests to addresses that begin so. Of several that fit, the last one that was set counts.
    pub fn reply(host: Host, url: []const u8, what: Reply) void {
        _ = host.state.add(Outcome, &host.state.outcomes, .{ .url = url, .reply = what });
    }

    /// Lets requests to addresses that begin so fail.
    pub fn fail(host: Host, url: []const u8, class: real.Error, message: []const u8) void {
        const refusal: Refusal = .{ .name = url, .class = class, .message = message };
        _ = host.state.add(Outcome, &host.state.outcomes, .{ .url = url, .refusal = refusal });
    }

    /// Opens sockets to addresses that begin so, and has these messages for each.
    pub fn socket(host: Host, url: []const u8, messages: []const Message) void {
        _ = host.state.add(Inbox, &host.state.inboxes, .{ .url = url, .messages = messages });
    }

    /// Has a program, which ends with this.
    pub fn program(host: Host, name: []const u8, output: real.Output) void {
        _ = host.state.add(Program, &host.state.programs, .{ .name = name, .output = output });
    }

    /// A body beside the documents, and what became of it.
    pub fn setBody(host: Host, which: real.Body, bytes: []const u8) void {
        host.state.bodies[@intCast(@backingInt(which))] = host.state.copy(bytes);
    }

    pub fn body(host: Host, which: real.Body) ?[]const u8 {
        return host.state.bodies[@intCast(@backingInt(which))];
    }

    /// The calls of a function, in order.
    pub fn calls(host: Host, function: []const u8) []const Call {
        var found: List(Call) = .empty;
        for (host.state.calls.items) |call| {
            if (std.mem.eql(u8, call.function, function)) _ = host.state.add(Call, &found, call);
        }
        return found.items;
    }
};

/// JSON of anything; a text is JSON already, and `.{}` is `{}`.
fn textOf(from: anytype) []const u8 {
    const T = @TypeOf(from);
    switch (@typeInfo(T)) {
        .pointer => return from,
        .@"struct" => |info| if (info.is_tuple and info.field_names.len == 0) return "{}",
        else => {},
    }
    return json.write(json.of(from));
}

/// A hook plugin that was initialised. Documents are JSON, or what `json.of` takes; what hooks return is null where
/// that is nothing, and lives until `deinit`.
pub fn Instance(comptime Plugin: type) type {
    return struct {
        plugin: Plugin,

        const Self = @This();

        /// Initialises it with a configuration. The words of an error are those of `plugbay.failureMessage`.
        pub fn init(config: anytype) anyerror!Self {
            return .{ .plugin = try hooks.configure(Plugin, textOf(config)) };
        }

        /// Calls `cleanup`, if it has that, and frees what calls have returned.
        pub fn deinit(instance: *Self) void {
            if (@hasDecl(Plugin, "cleanup")) instance.plugin.cleanup();
            memory.endCall();
        }

        pub fn httpPreHook(instance: *Self, document: anytype) Value {
            return instance.call(hooks.HttpPreHook, Plugin.httpPreHook, document);
        }

        pub fn preHook(instance: *Self, document: anytype) Value {
            return instance.call(hooks.PreHook, Plugin.preHook, document);
        }

        pub fn postHook(instance: *Self, document: anytype) Value {
            return instance.call(hooks.PostHook, Plugin.postHook, document);
        }

        pub fn httpStreamChunkHook(instance: *Self, document: anytype) Value {
            return instance.call(hooks.StreamChunkHook, Plugin.httpStreamChunkHook, document);
        }

        pub fn httpPostHook(instance: *Self, document: anytype) Value {
            return instance.call(hooks.HttpPostHook, Plugin.httpPostHook, document);
        }

        fn call(instance: *Self, comptime Document: type, comptime hook: anytype, document: anytype) Value {
            const output = hooks.run(Document, &instance.plugin, hook, textOf(document));
            if (output.len == 0) return .null;
            return json.parse(output) catch @panic("the output is no JSON");
        }
    };
}

/// Runs an action as conductor does. The words of an error are those of `plugbay.failureMessage`.
pub fn execute(comptime Action: type, params: anytype, event: anytype) anyerror!void {
    return action.run(Action, textOf(params), textOf(event));
}

/// A value in another one, by the way to it: `request.input.0.content`.
pub fn at(value: Value, path: []const u8) ?Value {
    var found = value;
    var names = std.mem.splitScalar(u8, path, '.');
    while (names.next()) |name| {
        if (name.len == 0) continue;
        switch (found) {
            .object => found = json.get(found, name) orelse return null,
            .array => |items| {
                const place = json.wholeOf(usize, name) orelse return null;
                if (place >= items.items.len) return null;
                found = items.items[place];
            },
            else => return null,
        }
    }
    return found;
}

/// Whether this is at a place; both are shown if not.
pub fn expectAt(value: Value, path: []const u8, wanted: anytype) !void {
    const found = at(value, path) orelse {
        std.debug.print("there is no {s} in {s}\n", .{ path, json.write(value) });
        return error.TestExpectedEqual;
    };
    try std.testing.expectEqualStrings(json.write(json.of(wanted)), json.write(found));
}

/// Whether something has failed with these words.
pub fn expectFailure(wanted: []const u8, result: anytype) !void {
    if (result) |_| return error.TestExpectedError else |err| {
        try std.testing.expectEqualStrings(wanted, @import("failure.zig").message(err));
    }
}

/// Writes a printed line down, if there is a host.
pub fn printed(line: []const u8) bool {
    const state = current orelse return false;
    _ = state.add(Call, &state.calls, .{ .function = "print", .data = state.copy(std.mem.trimEnd(u8, line, "\n")) });
    return true;
}

const unavailable: i32 = -6;

/// A function that is called, with the host that is there.
const Asked = struct {
    state: *State,
    call: *Call,

    fn of(what: Call, answers: bool) ?Asked {
        const state = current orelse return null;
        if (answers) state.answer = @splat(null);
        var kept = what;
        kept.name = state.copy(what.name);
        kept.data = state.copy(what.data);
        kept.document = state.copy(what.document);
        return .{ .state = state, .call = state.add(Call, &state.calls, kept) };
    }

    /// The result of a refusal, if it is refused.
    fn refused(asked: Asked, answers: bool) ?i32 {
        var each = std.mem.reverseIterator(asked.state.refusals.items);
        while (each.next()) |refusal| {
            if (!std.mem.eql(u8, refusal.name, asked.call.function)) continue;
            if (answers) return asked.state.fail(asked.call, refusal.class, refusal.message);
            asked.call.result = real.code(refusal.class);
            return asked.call.result;
        }
        return null;
    }

    fn fail(asked: Asked, class: real.Error, message: []const u8) i32 {
        return asked.state.fail(asked.call, class, message);
    }

    fn missing(asked: Asked) i32 {
        return asked.fail(error.Failed, memory.format("the test has nothing at {s}", .{asked.call.name}));
    }

    fn is(asked: Asked, result: i32) i32 {
        asked.call.result = result;
        return result;
    }

    /// A socket that is open.
    fn open(asked: Asked, number: i32) ?*?[]const Message {
        const place = std.math.cast(usize, number) orelse return null;
        if (place >= asked.state.sockets.items.len) return null;
        const found = &asked.state.sockets.items[place];
        return if (found.* == null) null else found;
    }

    /// Why nothing can be done with a key.
    fn badKey(asked: Asked, value: []const u8) ?i32 {
        if (asked.refused(true)) |result| return result;
        const len = asked.call.name.len;
        if (len < 1 or len > 1024) return asked.fail(error.Invalid, "keys have 1 to 1,024 bytes");
        if (value.len > 1 << 20) return asked.fail(error.TooLarge, "values have 1 MiB at most");
        return null;
    }
};

/// A text of a call's document; null where there is none, or it is no object.
fn field(document: []const u8, name: []const u8) ?[]const u8 {
    return json.string(json.get(json.parse(document) catch return null, name));
}

fn give(from: []const u8, offset: i64, to: []u8) i32 {
    const begin = std.math.cast(usize, offset) orelse return 0;
    if (begin >= from.len) return 0;
    const len = @min(from.len - begin, to.len);
    @memcpy(to[0..len], from[begin..][0..len]);
    return @intCast(len);
}

/// The host's functions as `host.zig` calls them on other machines.
pub const functions = struct {
    pub fn version() i32 {
        return 1;
    }

    fn part(number: i32) ?[]const u8 {
        const state = current orelse return null;
        const place = std.math.cast(usize, number) orelse return null;
        return if (place < state.answer.len) state.answer[place] else null;
    }

    pub fn answer_len(number: i32) i64 {
        return if (part(number)) |bytes| @intCast(bytes.len) else -1;
    }

    pub fn answer_read(number: i32, offset: i64, to: [*]u8, len: usize) i32 {
        return give(part(number) orelse "", offset, to[0..len]);
    }

    pub fn log(level: i32, line: [*]const u8, len: usize) i32 {
        const asked = Asked.of(.{ .function = "log", .number = level, .data = line[0..len] }, false) orelse return unavailable;
        return asked.is(if (level < 1 or level > 5) -2 else 0);
    }

    pub fn now() i64 {
        return @intCast((current orelse return 0).now);
    }

    pub fn random(to: [*]u8, len: usize) i32 {
        const asked = Asked.of(.{ .function = "random" }, false) orelse return unavailable;
        if (asked.refused(false)) |result| return result;
        if (len > 65536) return asked.is(-3);
        for (to[0..len]) |*byte| {
            // SplitMix64: the same numbers in each test, and each bit as often as the other.
            asked.state.random +%= 0x9e3779b97f4a7c15;
            const mixed = (asked.state.random ^ asked.state.random >> 30) *% 0xbf58476d1ce4e5b9;
            byte.* = @intCast(mixed >> 56);
        }
        return 0;
    }

    pub fn metric(kind: i32, name: [*]const u8, name_len: usize, value: f64) i32 {
        const what: Call = .{ .function = "metric", .number = kind, .name = name[0..name_len], .value = value };
        const asked = Asked.of(what, false) orelse return unavailable;
        if (asked.refused(false)) |result| return result;
        const text = name[0..name_len];
        var fine = text.len >= 1 and text.len <= 64 and std.ascii.isLower(text[0]);
        for (text) |letter| fine = fine and (std.ascii.isLower(letter) or std.ascii.isDigit(letter) or letter == '_');
        fine = fine and kind >= 0 and kind <= 2 and std.math.isFinite(value) and !(kind == 0 and value < 0);
        return asked.is(if (fine) 0 else -2);
    }

    pub fn http_request(document: [*]const u8, len: usize, body: [*]const u8, body_size: usize) i32 {
        const text = document[0..len];
        const url = field(text, "url");
        const what: Call = .{ .function = "http_request", .name = url orelse "", .data = body[0..body_size], .document = text };
        const asked = Asked.of(what, true) orelse return unavailable;
        if (asked.refused(true)) |result| return result;
        if (url == null) return asked.fail(error.Invalid, "the document has no url");
        var each = std.mem.reverseIterator(asked.state.outcomes.items);
        while (each.next()) |outcome| {
            if (!std.mem.startsWith(u8, url.?, outcome.url)) continue;
            if (outcome.refusal) |refusal| return asked.fail(refusal.class, refusal.message);
            const reply = outcome.reply.?;
            asked.state.leave(.{ .status = reply.status, .url = url.?, .headers = reply.headers });
            asked.state.answer[1] = reply.body;
            return asked.is(reply.status);
        }
        return asked.missing();
    }

    pub fn ws_open(document: [*]const u8, len: usize) i32 {
        const text = document[0..len];
        const url = field(text, "url");
        const asked = Asked.of(.{ .function = "ws_open", .name = url orelse "", .document = text }, true) orelse return unavailable;
        if (asked.refused(true)) |result| return result;
        if (url == null) return asked.fail(error.Invalid, "the document has no url");
        for (asked.state.inboxes.items) |inbox| {
            if (!std.mem.startsWith(u8, url.?, inbox.url)) continue;
            _ = asked.state.add(?[]const Message, &asked.state.sockets, inbox.messages);
            asked.state.leave(.{ .protocol = null });
            return asked.is(@intCast(asked.state.sockets.items.len - 1));
        }
        return asked.missing();
    }

    const not_open = "the socket is not open";

    pub fn ws_send(socket: i32, kind: i32, data: [*]const u8, len: usize) i32 {
        const what: Call = .{ .function = "ws_send", .number = socket, .value = @floatFromInt(kind), .data = data[0..len] };
        const asked = Asked.of(what, true) orelse return unavailable;
        if (asked.refused(true)) |result| return result;
        _ = asked.open(socket) orelse return asked.fail(error.Invalid, not_open);
        return if (kind == 1 or kind == 2) 0 else asked.fail(error.Invalid, "there is no such kind of message");
    }

    pub fn ws_recv(socket: i32, wait_ms: i32) i32 {
        const what: Call = .{ .function = "ws_recv", .number = socket, .value = @floatFromInt(wait_ms) };
        const asked = Asked.of(what, true) orelse return unavailable;
        if (asked.refused(true)) |result| return result;
        const found = asked.open(socket) orelse return asked.fail(error.Invalid, not_open);
        const messages = found.*.?;
        if (messages.len == 0) return 0;
        found.* = messages[1..];
        switch (messages[0]) {
            .text, .binary => |data| asked.state.answer[1] = data,
            .closed => |reason| {
                found.* = null;
                asked.state.leave(.{ .code = 1000, .reason = reason });
            },
        }
        return asked.is(switch (messages[0]) {
            .text => 1,
            .binary => 2,
            .closed => 3,
        });
    }

    pub fn ws_close(socket: i32) i32 {
        const asked = Asked.of(.{ .function = "ws_close", .number = socket }, true) orelse return unavailable;
        if (asked.refused(true)) |result| return result;
        (asked.open(socket) orelse return asked.fail(error.Invalid, not_open)).* = null;
        return 0;
    }

    pub fn midi_send(output: [*]const u8, output_len: usize, data: [*]const u8, len: usize) i32 {
        const what: Call = .{ .function = "midi_send", .name = output[0..output_len], .data = data[0..len] };
        const asked = Asked.of(what, true) orelse return unavailable;
        if (asked.refused(true)) |result| return result;
        if (len < 1 or len > 65536) return asked.fail(error.Invalid, "there are 1 to 65,536 bytes in a message");
        return 0;
    }

    pub fn audio_play(document: [*]const u8, len: usize) i32 {
        const text = document[0..len];
        const is_document = std.mem.startsWith(u8, text, "{");
        const sound = if (is_document) field(text, "sound") else text;
        const volume = if (is_document) json.get(json.parse(text) catch .null, "volume") else null;
        const what: Call = .{ .function = "audio_play", .name = sound orelse "", .value = json.number(volume), .document = text };
        const asked = Asked.of(what, true) orelse return unavailable;
        if (asked.refused(true)) |result| return result;
        const loud = if (volume == null) 1 else json.number(volume) orelse -1;
        if (sound != null and loud >= 0 and loud <= 1) return 0;
        return asked.fail(error.Invalid, "the document has no sound, or a volume beyond 0 to 1");
    }

    pub fn kv_get(key: [*]const u8, key_len: usize) i32 {
        const asked = Asked.of(.{ .function = "kv_get", .name = key[0..key_len] }, true) orelse return unavailable;
        if (asked.badKey("")) |result| return result;
        asked.state.answer[1] = asked.state.entry(asked.call.name).value;
        return asked.is(if (asked.state.answer[1] == null) 0 else 1);
    }

    pub fn kv_set(key: [*]const u8, key_len: usize, value: [*]const u8, len: usize) i32 {
        const what: Call = .{ .function = "kv_set", .name = key[0..key_len], .data = value[0..len] };
        const asked = Asked.of(what, true) orelse return unavailable;
        if (asked.badKey(value[0..len])) |result| return result;
        asked.state.entry(asked.call.name).value = asked.call.data;
        return 0;
    }

    pub fn kv_delete(key: [*]const u8, key_len: usize) i32 {
        const asked = Asked.of(.{ .function = "kv_delete", .name = key[0..key_len] }, true) orelse return unavailable;
        if (asked.badKey("")) |result| return result;
        const entry = asked.state.entry(asked.call.name);
        defer entry.value = null;
        return asked.is(if (entry.value == null) 0 else 1);
    }

    pub fn kv_swap(key: [*]const u8, key_len: usize, old: ?[*]const u8, old_len: i32, value: ?[*]const u8, len: i32) i32 {
        const before = slice(old, old_len);
        const after = slice(value, len);
        const what: Call = .{ .function = "kv_swap", .name = key[0..key_len], .data = after orelse "" };
        const asked = Asked.of(what, true) orelse return unavailable;
        if (asked.badKey(after orelse "")) |result| return result;
        const entry = asked.state.entry(asked.call.name);
        const same = if (entry.value) |there| before != null and std.mem.eql(u8, there, before.?) else before == null;
        if (!same) {
            asked.state.answer[1] = entry.value;
            return 0;
        }
        entry.value = if (after == null) null else asked.call.data;
        return asked.is(1);
    }

    fn slice(start: ?[*]const u8, len: i32) ?[]const u8 {
        if (len <= 0) return if (len == 0) "" else null;
        return (start orelse return "")[0..@intCast(len)];
    }

    pub fn run(document: [*]const u8, len: usize, input: [*]const u8, input_len: usize) i32 {
        const text = document[0..len];
        const name = field(text, "program");
        const what: Call = .{ .function = "run", .name = name orelse "", .data = input[0..input_len], .document = text };
        const asked = Asked.of(what, true) orelse return unavailable;
        if (asked.refused(true)) |result| return result;
        if (name == null) return asked.fail(error.Invalid, "the document has no program");
        var each = std.mem.reverseIterator(asked.state.programs.items);
        while (each.next()) |program| {
            if (!std.mem.eql(u8, program.name, name.?)) continue;
            const output = program.output;
            asked.state.leave(.{ .status = output.status, .signal = null, .stdout_truncated = false, .stderr_truncated = false });
            asked.state.answer[1] = output.stdout;
            asked.state.answer[2] = output.stderr;
            return asked.is(output.status);
        }
        return asked.missing();
    }

    pub fn system(document: [*]const u8, len: usize) i32 {
        const text = document[0..len];
        const operation = field(text, "operation");
        const argument = field(text, "argument");
        const what: Call = .{ .function = "system", .name = operation orelse "", .data = argument orelse "", .document = text };
        const asked = Asked.of(what, true) orelse return unavailable;
        if (asked.refused(true)) |result| return result;
        if (operation != null and argument != null) return 0;
        return asked.fail(error.Invalid, "the document has no operation, or no argument");
    }

    fn bodyOf(which: i32) ?*[]const u8 {
        const state = current orelse return null;
        const place = std.math.cast(usize, which) orelse return null;
        return if (place < state.bodies.len and state.bodies[place] != null) &state.bodies[place].? else null;
    }

    pub fn body_len(which: i32) i64 {
        return if (bodyOf(which)) |body| @intCast(body.len) else -1;
    }

    pub fn body_read(which: i32, offset: i64, to: [*]u8, len: usize) i32 {
        return if (bodyOf(which)) |body| give(body.*, offset, to[0..len]) else -1;
    }

    pub fn body_write(which: i32, offset: i64, from: [*]const u8, len: usize) i32 {
        const body = bodyOf(which) orelse return -1;
        const begin = std.math.cast(usize, offset) orelse return -1;
        if (begin > body.len) return -1;
        const whole = current.?.arena.allocator().alloc(u8, @max(body.len, begin + len)) catch memory.outOfMemory();
        @memcpy(whole[0..body.len], body.*);
        @memcpy(whole[begin..][0..len], from[0..len]);
        body.* = whole;
        return @intCast(len);
    }

    pub fn body_truncate(which: i32, len: i64) i32 {
        const body = bodyOf(which) orelse return -1;
        const most = std.math.cast(usize, len) orelse return -1;
        if (most > body.len) return -1;
        body.* = body.*[0..most];
        return 0;
    }
};
