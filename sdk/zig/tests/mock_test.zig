//! The host for tests: it does what is granted, refuses the rest, and writes down what it is asked.

const std = @import("std");
const plugbay = @import("plugbay");

const host = plugbay.host;
const json = plugbay.json;
const testing = plugbay.testing;
const expect = std.testing.expect;
const expectEqual = std.testing.expectEqual;
const expectError = std.testing.expectError;
const expectEqualStrings = std.testing.expectEqualStrings;

fn many(comptime count: usize, letter: u8) [count]u8 {
    return @splat(letter);
}

test "what is granted is done" {
    const mock: testing.Host = .start();
    defer mock.stop();
    mock.setNow(1_500_000_000_000_000_000);
    mock.advance(5);
    try expectEqual(1_500_000_000_000_000_005, host.now());
    try expectEqual(1, host.version());
    host.log(.info, "{d} times grü", .{3});
    try expectEqualStrings("3 times grü", mock.calls("log")[0].data);
    try host.metric(.gauge, "level", -2.5);
    try expectEqual(-2.5, mock.calls("metric")[0].value.?);

    mock.setKv("a", "1");
    try expectEqualStrings("1", (try host.kv.get("a")).?);
    try expectEqual(null, try host.kv.get("b"));
    try host.kv.set("b", "2");
    try expectEqualStrings("2", mock.kv("b").?);
    try expectEqualStrings("2", (try host.kv.swap("b", "x", "3")).other.?);
    try expectEqual(.done, try host.kv.swap("b", "2", "3"));
    try expectEqualStrings("3", (try host.kv.swap("b", null, "4")).other.?);
    try expectEqual(.done, try host.kv.swap("b", "3", null));
    try expectEqual(null, (try host.kv.swap("b", "3", "4")).other);
    try expectEqual(.done, try host.kv.swap("c", null, ""));
    try expectEqualStrings("", mock.kv("c").?);
    try expect(try host.kv.delete("a") and !try host.kv.delete("a"));

    mock.reply("https://a.example/", .{ .status = 201, .headers = &.{.{ "x-r", "r" }}, .body = "made" });
    mock.reply("https://a.example/later", .{ .status = 404 });
    const made = try host.http.request(.{
        .url = "https://a.example/x",
        .method = "POST",
        .headers = &.{.{ "x-a", "b\"" }},
        .timeout_ms = 7,
        .body = "sent",
    });
    try expectEqual(201, made.status);
    try expectEqualStrings("made", made.body);
    try testing.expectAt(made.document, "headers.0.1", "r");
    try expectEqual(404, (try host.http.request(.{ .url = "https://a.example/later/" })).status);
    const request = mock.calls("http_request")[0];
    try expectEqualStrings("sent", request.data);
    try testing.expectAt(try json.parse(request.document), "headers", .{.{ "x-a", "b\"" }});
    try testing.expectAt(try json.parse(request.document), "timeout_ms", 7);

    mock.socket("wss://a.example/", &.{ .{ .text = "hello" }, .{ .binary = "\x00\xff" }, .{ .closed = "bye" } });
    const socket = try host.ws.open("wss://a.example/", &.{}, &.{"chat"});
    try socket.send(.text, "hi");
    try expectEqualStrings("hi", mock.calls("ws_send")[0].data);
    try expectEqualStrings("hello", (try socket.receive(5)).text);
    try expectEqualStrings("\x00\xff", (try socket.receive(5)).binary);
    try testing.expectAt((try socket.receive(5)).closed, "reason", "bye");
    try expectError(error.Invalid, socket.receive(5));
    const other = try host.ws.open("wss://a.example/", &.{}, &.{});
    try other.close();
    try expectError(error.Invalid, other.close());

    try host.midi.send("synth", &.{ 0x90, 60, 100 });
    try expectEqualStrings("\x90\x3c\x64", mock.calls("midi_send")[0].data);
    try host.audio.play("bell", 0.5);
    try host.audio.play("bell", null);
    try expectEqual(0.5, mock.calls("audio_play")[0].value.?);
    try expectEqual(null, mock.calls("audio_play")[1].value);
    mock.program("cat", .{ .status = 3, .stdout = "out", .stderr = "err" });
    const ended = try host.run("cat", &.{"-n"}, "in", null);
    try expectEqual(3, ended.status);
    try expectEqualStrings("outerr", plugbay.format("{s}{s}", .{ ended.stdout, ended.stderr }));
    try expectEqualStrings("{\"program\":\"cat\",\"args\":[\"-n\"]}", mock.calls("run")[0].document);
    try host.system(.volume, "+5");
    try expectEqualStrings("+5", mock.calls("system")[0].data);

    var first: [8]u8 = undefined;
    var second: [8]u8 = undefined;
    try host.random(&first);
    mock.setSeed(0);
    try host.random(&second);
    try expectEqual(first, second);
    try host.random(&second);
    try expect(!std.mem.eql(u8, &first, &second));
}

test "what is wrong is refused" {
    const mock: testing.Host = .start();
    defer mock.stop();
    try expectEqual(-2, host.raw.log(9, "x", 1));
    for ([_][]const u8{ "", "Tool", "1a", "a-b", &many(65, 'a') }) |name| {
        try expectError(error.Invalid, host.metric(.counter, name, 1));
    }
    try expectError(error.Invalid, host.metric(.counter, "a", -1));
    try expectError(error.Invalid, host.metric(.gauge, "a", std.math.inf(f64)));
    var most: [65537]u8 = undefined;
    try expectError(error.TooLarge, host.random(&most));
    try expectError(error.Failed, host.http.request(.{ .url = "https://b.example/" }));
    try expectError(error.Failed, host.ws.open("wss://b.example/", &.{}, &.{}));
    try expectError(error.Invalid, host.midi.send("synth", ""));
    try expectError(error.Invalid, host.audio.play("bell", 2));
    try expectError(error.Invalid, host.kv.set("", ""));
    try expectError(error.Invalid, host.kv.get(&many(1025, 'k')));
    try expectError(error.Failed, host.run("rm", &.{}, "", null));
    try testing.expectFailure("failed: the test has nothing at rm", @as(anyerror!void, host.fail(error.Failed)));
}

fn callAll(comptime function: []const u8) host.Error!void {
    const socket: host.ws.Socket = .{ .number = 0 };
    if (comptime std.mem.eql(u8, function, "http_request")) _ = try host.http.request(.{ .url = "u" });
    if (comptime std.mem.eql(u8, function, "ws_open")) _ = try host.ws.open("u", &.{}, &.{});
    if (comptime std.mem.eql(u8, function, "ws_send")) try socket.send(.text, "");
    if (comptime std.mem.eql(u8, function, "ws_recv")) _ = try socket.receive(0);
    if (comptime std.mem.eql(u8, function, "ws_close")) try socket.close();
    if (comptime std.mem.eql(u8, function, "midi_send")) try host.midi.send("o", "m");
    if (comptime std.mem.eql(u8, function, "audio_play")) try host.audio.play("s", null);
    if (comptime std.mem.eql(u8, function, "kv_get")) _ = try host.kv.get("k");
    if (comptime std.mem.eql(u8, function, "kv_set")) try host.kv.set("k", "v");
    if (comptime std.mem.eql(u8, function, "kv_delete")) _ = try host.kv.delete("k");
    if (comptime std.mem.eql(u8, function, "kv_swap")) _ = try host.kv.swap("k", null, "v");
    if (comptime std.mem.eql(u8, function, "run")) _ = try host.run("p", &.{}, "", null);
    if (comptime std.mem.eql(u8, function, "system")) try host.system(.launch, "a");
    var byte: [1]u8 = undefined;
    if (comptime std.mem.eql(u8, function, "random")) try host.random(&byte);
    if (comptime std.mem.eql(u8, function, "metric")) try host.metric(.counter, "a", 1);
}

test "what is denied is refused" {
    inline for (.{
        "http_request", "ws_open", "ws_send", "ws_recv", "ws_close",  "midi_send", "audio_play", "kv_get",
        "kv_set",       "kv_swap", "run",     "system",  "kv_delete", "random",    "metric",
    }) |function| {
        const mock: testing.Host = .start();
        defer mock.stop();
        mock.deny(function);
        try expectError(error.Denied, callAll(function));
        try expectEqual(-1, mock.calls(function)[0].result);
        try expectEqual(null, mock.kv("k"));
        mock.refuse(function, error.Timeout, "too late");
        try expectError(error.Timeout, callAll(function));
        // Two leave no answer.
        if (comptime !std.mem.eql(u8, function, "random") and !std.mem.eql(u8, function, "metric")) {
            try testing.expectFailure("timeout: too late", @as(anyerror!void, host.fail(error.Timeout)));
        }
    }
}

test "without a host nothing is there" {
    defer plugbay.endCall();
    try expectError(error.Unavailable, host.kv.get("a"));
    try expectError(error.Unavailable, host.http.request(.{ .url = "u" }));
    host.log(.info, "nobody hears it", .{});
}

const Shout = struct {
    pub const name = "shout";
    pub const binary_bodies = true;

    greeting: []const u8 = "hello",
    more: json.Value = .null,

    pub fn init(config: Shout) !Shout {
        if (config.greeting.len == 0) return plugbay.fail("config.greeting: there is none", .{});
        return config;
    }

    pub fn preHook(shout: *Shout, call: *plugbay.PreHook) !void {
        call.context.set("greeting", shout.greeting);
        call.context.set("more", shout.more);
        // The words of what was tried and did not matter are not those of what does.
        _ = json.parse("{") catch {};
        if (call.request.texts().len == 0) _ = host.kv.get("k") catch |err| return err;
    }

    pub fn httpPostHook(_: *Shout, _: *plugbay.HttpPostHook) !void {
        const Body = host.Body;
        var buffer: [8]u8 = undefined;
        try expectEqual(5, try Body.response.len());
        try expectEqual(4, try Body.response.read(1, &buffer));
        try Body.response.write(5, "!!");
        try Body.response.write(0, "H");
        try Body.response.truncate(6);
        try expectError(error.NotThere, Body.response.truncate(7));
        try expectError(error.NotThere, Body.response.write(7, "x"));
        try expectError(error.NotThere, Body.request.len());
    }

    pub fn cleanup(_: *Shout) void {
        host.say(.info, "gone");
    }
};

test "plugins are called as hosts call them" {
    const mock: testing.Host = .start();
    defer mock.stop();
    try testing.expectFailure("config.greeting: there is none", testing.Instance(Shout).init(.{ .greeting = "" }));
    try testing.expectFailure("config.greeting: expected a string, found a number", testing.Instance(Shout).init("{\"greeting\":1}"));
    var shout: testing.Instance(Shout) = try .init(.{ .more = .{ .{ .a = "b" }, 1.5 } });
    // What is kept of a configuration is not of the call.
    plugbay.endCall();
    _ = plugbay.format("{s}", .{many(4096, 'x')});
    const output = shout.preHook(.{ .request = .{ .input = "hi" } });
    try testing.expectAt(output, "", .{ .context = .{ .greeting = "hello", .more = .{ .{ .a = "b" }, 1.5 } } });
    try testing.expectAt(output, "context.more.0.a", "b");
    try expect(testing.at(output, "context.more.7") == null and testing.at(output, "nothing") == null);
    mock.refuse("kv_get", error.Failed, "the disk is full");
    try testing.expectAt(shout.preHook(.{}), "error", "the plugin failed without a message");

    mock.setBody(.response, "hello");
    try expect(shout.httpPostHook(.{}) == .null);
    try expectEqualStrings("Hello!", mock.body(.response).?);
    shout.deinit();
    try expectEqualStrings("gone", mock.calls("log")[0].data);
}

const Action = struct {
    const Params = struct { name: []const u8 };

    pub fn execute(params: Params, event: plugbay.Event) !void {
        plugbay.print("{s} {?d}", .{ params.name, event.note });
    }
};

test "actions are run as conductor runs them" {
    const mock: testing.Host = .start();
    defer mock.stop();
    try testing.execute(Action, .{ .name = "a" }, .{ .note = 60 });
    try expectEqualStrings("a 60", mock.calls("print")[0].data);
    try testing.expectFailure("failed to parse input JSON: params: missing field `name`", testing.execute(Action, .{}, .{}));
}

test "what is no UTF-8 is written as JSON" {
    defer plugbay.endCall();
    for ([_][2][]const u8{
        .{ "a\xffb", "\"a\u{fffd}b\"" },
        .{ "\xc3", "\"\u{fffd}\"" },
        .{ "\xed\xa0\x80", "\"\u{fffd}\u{fffd}\u{fffd}\"" },
        .{ "\u{1f600}\xf0\x9f\n", "\"\u{1f600}\u{fffd}\u{fffd}\\n\"" },
        .{ "", "\"\"" },
    }) |row| try expectEqualStrings(row[1], json.write(json.of(row[0])));
    var object = json.of(.{});
    json.put(&object, "\xff", "\xfe");
    try expectEqualStrings("{\"\u{fffd}\":\"\u{fffd}\"}", json.write(object));
    var random: std.Random.DefaultPrng = .init(1);
    for (0..5000) |_| {
        var bytes: [9]u8 = undefined;
        random.random().bytes(&bytes);
        for (&bytes) |*byte| byte.* |= 0x80;
        const text = json.write(json.of(bytes[0..random.random().uintLessThan(usize, 10)]));
        _ = try json.parse(text);
        plugbay.endCall();
    }
}

test "a hundred thousand calls leave nothing" {
    var shout: testing.Instance(Shout) = try .init(.{});
    for (0..100_000) |round| {
        const long = many(2000, 'x');
        const output = shout.preHook(.{ .request = .{ .input = long[0 .. round % long.len] } });
        try expect(output == .object);
        plugbay.endCall();
        // What is kept for the next call has an end.
        try expect(plugbay.arenaCapacity() <= 64 << 10);
    }
    shout.deinit();
}
