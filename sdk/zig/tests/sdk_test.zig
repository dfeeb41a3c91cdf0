//! What the SDK reads and writes, on this machine.

const std = @import("std");
const plugbay = @import("plugbay");

const json = plugbay.json;
const expect = std.testing.expect;
const expectEqualStrings = std.testing.expectEqualStrings;

const Config = struct {
    pub const only_known = true;

    greeting: []const u8 = "hello",
    count: u8 = 0,
    share: ?f64 = null,
};

fn readConfig(text: []const u8) !Config {
    return json.read(Config, try json.parse(text), "config");
}

fn expectFailure(wanted: []const u8, result: anytype) !void {
    if (result) |_| return error.TestUnexpectedResult else |err| try expectEqualStrings(wanted, plugbay.failureMessage(err));
}

test "configurations are read or refused" {
    defer plugbay.endCall();
    const read = try readConfig("{\"greeting\":\"hi\",\"count\":255,\"share\":1e-3}");
    try expectEqualStrings("hi", read.greeting);
    try expect(read.count == 255 and read.share.? == 1e-3);
    for ([_][2][]const u8{
        .{ "{\"greeting\":1}", "config.greeting: expected a string, found a number" },
        .{ "{\"greeting\":null}", "config.greeting: expected a string, found null" },
        .{ "{\"count\":256}", "config.count: expected u8, found another number" },
        .{ "{\"count\":-1}", "config.count: expected u8, found another number" },
        .{ "{\"count\":1.5}", "config.count: expected u8, found 1.5" },
        .{ "{\"count\":[]}", "config.count: expected u8, found a list" },
        .{ "{\"great\":1}", "config: unknown field `great`, expected one of `greeting`, `count`, `share`" },
        .{ "[]", "config: expected an object, found a list" },
    }) |row| try expectFailure(row[1], readConfig(row[0]));
}

test "documents are JSON or refused" {
    defer plugbay.endCall();
    for ([_][]const u8{
        "",               " ",    "01",    "-",   "1.",        ".5",    "1e",     "+1",         "\"",    "\"\\x\"", "\"\\u12g4\"", "\"\n\"",
        "\"\xff\"",       "tru",  "[",     "[1,", "[1,]",      "[1 2]", "{\"a\"", "{\"a\":1,}", "{a:1}", "]",       "1 1",         "[}",
        "\xef\xbb\xbf{}", "\"\\", "\"\\u", "{",   "\"\\ud83d",
    }) |text| {
        if (json.parse(text)) |value| {
            std.debug.print("{s} was read as {s}\n", .{ text, json.write(value) });
            return error.TestUnexpectedResult;
        } else |err| _ = plugbay.failureMessage(err);
    }
    var deep: [400]u8 = undefined;
    for ([_]usize{ json.deepest, json.deepest + 1 }) |depth| {
        @memset(deep[0..depth], '[');
        @memset(deep[depth .. 2 * depth], ']');
        const read = json.parse(deep[0 .. 2 * depth]);
        try expect(std.meta.isError(read) == (depth > json.deepest));
    }
    // Brackets in strings are none.
    @memset(&deep, '[');
    _ = try json.parse(plugbay.format("\"{s}\"", .{deep}));
}

test "lists take no more memory than they come to" {
    defer plugbay.endCall();
    const text = try plugbay.gpa.alloc(u8, 200_001);
    defer plugbay.gpa.free(text);
    for (text, 0..) |*letter, at| letter.* = if (at % 2 == 0) ',' else '1';
    text[0] = '[';
    text[text.len - 1] = ']';
    plugbay.endCall();
    const list = try json.parse(text);
    try expect(list.array.items.len == 100_000 and list.array.capacity == 100_000);
    // The text, and the values; pieces of memory are half as much again.
    try expect(plugbay.arenaCapacity() < 2 * (text.len + list.array.items.len * @sizeOf(json.Value)));
    const object = try json.parse("{\"a\":[],\"b\":{},\"c\":[[],{\"d\":[1,2,3]}],\"a\":\",[\"}");
    try expectEqualStrings("{\"a\":\",[\",\"b\":{},\"c\":[[],{\"d\":[1,2,3]}]}", json.write(object));
}

test "what comes in goes out with the same value" {
    defer plugbay.endCall();
    for ([_][2][]const u8{
        .{ "{ \"b\" : 1, \"a\" : [ ] }", "{\"b\":1,\"a\":[]}" },
        .{ "123456789012345678901234567890.10", "123456789012345678901234567890.10" },
        .{ "[1e400,-0,1E+2]", "[1e400,-0,1E+2]" },
        .{ "\"\\u00fc\\ud83d\\ude00\\/\\u0000\"", "\"ü😀/\\u0000\"" },
        .{ "\"\\ud83d a\"", "\"\u{fffd} a\"" },
        .{ "\"\\ude00\\ud83d\"", "\"\u{fffd}\u{fffd}\"" },
        .{ "\"\\ud83d\\ud83d\\ude00\"", "\"\u{fffd}😀\"" },
        .{ "\"\\\\ud83d\"", "\"\\\\ud83d\"" },
        .{ "{\"a\":1,\"a\":2}", "{\"a\":2}" },
    }) |row| try expectEqualStrings(row[1], json.write(try json.parse(row[0])));
    const made = json.of(.{ .a = 1, .b = .{ true, null, "x\n" }, .c = std.math.maxInt(u64), .d = 0.5, .e = std.math.inf(f64) });
    try expectEqualStrings("{\"a\":1,\"b\":[true,null,\"x\\n\"],\"c\":18446744073709551615,\"d\":0.5,\"e\":null}", json.write(made));
    try expect(json.whole(u64, json.get(made, "c")) == std.math.maxInt(u64) and json.whole(i64, json.get(made, "c")) == null);
    try expect(json.whole(i32, try json.parse("1.0")) == null and json.whole(i64, try json.parse("1e3")) == null);
}

const Plugin = struct {
    fn everything(_: *Plugin, call: *plugbay.PreHook) !void {
        call.context.set("model", call.request.model());
        for (call.request.texts()) |text| text.set("y");
        if (call.request.texts().len == 0) return plugbay.fail("no: {d}", .{1});
        call.request.pushMessage("user", "more");
    }

    fn refuse(_: *Plugin, _: *plugbay.PostHook) !void {
        return error.OutOfTea;
    }

    fn respond(_: *Plugin, call: *plugbay.HttpPreHook) ?plugbay.HttpResponse {
        call.request.removeHeader("x-a");
        if (call.request.header("X-B") == null) return null;
        return .jsonResponse(403, .{ .no = true });
    }

    fn hold(_: *Plugin, call: *plugbay.StreamChunkHook) plugbay.StreamAction {
        for (call.texts()) |text| text.set("y");
        return .hold;
    }
};

const request =
    \\{"context":{"a":1},"request":{"model":"m","input":[{"content":"a \ud83d"},{"content":[{"text":"t"},7]},"s"],"z":1e2}}
;

test "hooks take documents and give them" {
    defer plugbay.endCall();
    var plugin: Plugin = .{};
    try expectEqualStrings(
        \\{"context":{"model":"m"},"request":{"model":"m","input":[{"content":"y"},{"content":[{"text":"y"},7]},"y",{"role":"user","content":"more"}],"z":1e2}}
    , plugbay.runHook(plugbay.PreHook, &plugin, Plugin.everything, request));
    for ([_][2][]const u8{
        .{ "{}", "no: 1" },
        .{ "[]", "failed to parse input JSON: expected an object at byte 0" },
        .{ "{\"request\":1}", "failed to parse input JSON: request: expected an object at byte 0" },
        .{ "{\"a\":\"\xff\"}", "failed to parse input JSON: it is not UTF-8" },
    }) |row| {
        const wanted = json.write(json.of(.{ .@"error" = row[1] }));
        try expectEqualStrings(wanted, plugbay.runHook(plugbay.PreHook, &plugin, Plugin.everything, row[0]));
    }
    try expectEqualStrings("{\"hook_error\":\"OutOfTea\"}", plugbay.runHook(plugbay.PostHook, &plugin, Plugin.refuse, "{}"));
    try expectEqualStrings("", plugbay.runHook(plugbay.HttpPreHook, &plugin, Plugin.respond, "{}"));
    try expectEqualStrings(
        \\{"request":{"headers":{"b":"1"}}}
    , plugbay.runHook(plugbay.HttpPreHook, &plugin, Plugin.respond, "{\"request\":{\"headers\":{\"X-A\":\"1\",\"b\":\"1\"}}}"));
    try expectEqualStrings(
        \\{"has_response":true,"response":{"status_code":403,"headers":{"content-type":"application/json"},"body":"eyJubyI6dHJ1ZX0="}}
    , plugbay.runHook(plugbay.HttpPreHook, &plugin, Plugin.respond, "{\"request\":{\"headers\":{\"x-b\":\"1\"}}}"));
    try expectEqualStrings(
        \\{"hold":true,"has_chunk":true,"chunk":{"choices":[{"delta":{"content":"y"}}]}}
    , plugbay.runHook(plugbay.StreamChunkHook, &plugin, Plugin.hold, "{\"chunk\":{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}}"));
}

const Action = struct {
    const Params = struct { name: []const u8 };

    var said: ?u8 = null;

    pub fn execute(_: Params, event: plugbay.Event) !void {
        said = event.velocity;
    }
};

test "actions read their parameters and their event" {
    defer plugbay.endCall();
    try plugbay.runAction(Action, "{\"name\":\"a\"}", "{\"velocity\":100,\"pitch\":-8192,\"channel\":null,\"mode\":2,\"more\":1}");
    try expect(Action.said.? == 100);
    for ([_][3][]const u8{
        .{ "{}", "[]", "params: missing field `name`" },
        .{ "{\"name\":\"a\"}", "[1]", "context: expected an object, found a list" },
        .{ "{\"name\":\"a\"}", "{\"velocity\":-1}", "context.velocity: expected u8, found another number" },
    }) |row| {
        const wanted = plugbay.format("failed to parse input JSON: {s}", .{row[2]});
        try expectFailure(wanted, plugbay.runAction(Action, row[0], row[1]));
    }
}

test "hostile documents do no harm" {
    var plugin: Plugin = .{};
    for (0..request.len) |len| try tryAnything(&plugin, request[0..len]);
    var random: std.Random.DefaultPrng = .init(1);
    const marks = "\"\\{}[],:0-.eEu \x80\xff\n";
    var copy: [request.len]u8 = undefined;
    for (0..5000) |_| {
        @memcpy(&copy, request);
        for (0..random.random().intRangeAtMost(usize, 1, 3)) |_| {
            copy[random.random().uintLessThan(usize, copy.len)] = marks[random.random().uintLessThan(usize, marks.len)];
        }
        try tryAnything(&plugin, &copy);
    }
    const deep = try std.testing.allocator.alloc(u8, 200_000);
    defer std.testing.allocator.free(deep);
    for ("[{9\"\\") |letter| {
        @memset(deep, letter);
        try tryAnything(&plugin, deep);
    }
}

fn tryAnything(plugin: *Plugin, text: []const u8) !void {
    const outputs = .{
        plugbay.runHook(plugbay.PreHook, plugin, Plugin.everything, text),
        plugbay.runHook(plugbay.HttpPreHook, plugin, Plugin.respond, text),
        plugbay.runHook(plugbay.StreamChunkHook, plugin, Plugin.hold, text),
    };
    inline for (outputs) |output| if (output.len > 0) {
        _ = try json.parse(output);
    };
    plugbay.runAction(Action, text, text) catch |err| {
        _ = plugbay.failureMessage(err);
    };
    plugbay.endCall();
}
