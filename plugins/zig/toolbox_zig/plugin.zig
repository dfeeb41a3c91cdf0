//! A hook plugin that calls the host functions that a request names.
//!
//! Where the SDK's functions take less than the host does, such as levels that there are, the host's own are called.

const std = @import("std");
const plugbay = @import("plugbay");
const Arguments = @import("arguments.zig");
const host = plugbay.host;
const json = plugbay.json;

pub const panic = plugbay.panic;

/// More random bytes than this are not even asked for: the memory has to hold them.
const most_random = 1 << 20;

const Fault = host.Error || Arguments.Error || error{UnknownCall};

/// What a call returned, and an answer of the toolbox's own.
const Outcome = struct { result: i64, answer: ?json.Value = null };

const Toolbox = struct {
    pub const name = "toolbox_zig";

    pub fn init(_: struct {}) Toolbox {
        return .{};
    }

    pub fn preHook(_: *Toolbox, call: *plugbay.PreHook) void {
        const params = json.get(call.request.fields, "params") orelse return;
        const tool = json.get(params, "tool") orelse return;
        if (tool != .null) call.context.set("tool", tell(tool));
    }
};

/// Calls, and tells what the call left.
fn tell(tool: json.Value) json.Value {
    if (callTool(tool)) |outcome| {
        return told(outcome.result, outcome.answer, errorClass(outcome.result));
    } else |fault| switch (fault) {
        error.UnknownCall => return told(null, null, "unknown_call"),
        error.BadArgument => return told(null, null, "bad_argument"),
        else => |err| return told(host.code(err), null, host.className(err)),
    }
}

fn errorClass(result: i64) ?[]const u8 {
    return for ([_]host.Error{ error.Denied, error.Invalid, error.TooLarge, error.Timeout, error.Failed, error.Unavailable }) |err| {
        if (host.code(err) == result) break host.className(err);
    } else null;
}

fn told(result: ?i64, answer: ?json.Value, class: ?[]const u8) json.Value {
    // An answer stays for a whole call of the plugin, and there was no other function in this one.
    const left = answer orelse host.answerDocument();
    return json.of(.{ .result = result, .answer = left, .text = part(1), .more = part(2), .@"error" = class });
}

/// A part of the answer: text where it is UTF-8, otherwise a list of bytes.
fn part(number: i32) json.Value {
    const bytes = host.answer(number) orelse return .null;
    if (std.unicode.utf8ValidateSlice(bytes)) return json.of(bytes);
    var list: json.Value = .null;
    for (bytes) |byte| json.append(&list, byte);
    return list;
}

const calls = .{
    .{ "version", version },   .{ "log", log },              .{ "now", now },        .{ "random", random },
    .{ "metric", metric },     .{ "http_request", request }, .{ "ws_open", wsOpen }, .{ "ws_send", wsSend },
    .{ "ws_recv", wsReceive }, .{ "ws_close", wsClose },     .{ "midi_send", midi }, .{ "audio_play", audio },
    .{ "kv_get", kvGet },      .{ "kv_set", kvSet },         .{ "kv_swap", kvSwap }, .{ "kv_delete", kvDelete },
    .{ "run", run },           .{ "system", system },
};

fn callTool(tool: json.Value) Fault!Outcome {
    const name = json.string(json.get(tool, "call")) orelse return error.UnknownCall;
    inline for (calls) |row| {
        if (std.mem.eql(u8, name, row[0])) return row[1](.{ .tool = tool });
    }
    return error.UnknownCall;
}

fn done(result: i64) Outcome {
    return .{ .result = result };
}

fn version(_: Arguments) Fault!Outcome {
    return done(host.version());
}

fn log(arguments: Arguments) Fault!Outcome {
    const level = try arguments.integer("level");
    const text = try arguments.text("text");
    return done(host.raw.log(level, host.at(text), text.len));
}

fn now(_: Arguments) Fault!Outcome {
    return done(host.raw.now());
}

fn random(arguments: Arguments) Fault!Outcome {
    const len = try arguments.integer("len");
    if (len < 0 or len > most_random) return error.BadArgument;
    const bytes = plugbay.arena().alloc(u8, @intCast(len)) catch @panic("out of memory");
    try host.random(bytes);
    const non_zero = bytes.len - std.mem.countScalar(u8, bytes, 0);
    return .{ .result = 0, .answer = json.of(.{ .len = bytes.len, .non_zero = non_zero }) };
}

fn metric(arguments: Arguments) Fault!Outcome {
    const kind = try arguments.integer("kind");
    const name = try arguments.text("name");
    return done(host.raw.metric(kind, host.at(name), name.len, try arguments.number("value")));
}

fn request(arguments: Arguments) Fault!Outcome {
    const body = try arguments.optionalBytes("body") orelse "";
    if (arguments.document()) |text| return done(host.raw.http_request(host.at(text), text.len, host.at(body), body.len));
    const answer = try host.http.request(.{
        .url = try arguments.text("url"),
        .method = try arguments.optionalText("method"),
        .headers = try arguments.headers(),
        .timeout_ms = try arguments.timeoutMs(),
        .body = body,
    });
    return done(answer.status);
}

fn wsOpen(arguments: Arguments) Fault!Outcome {
    if (arguments.document()) |text| return done(host.raw.ws_open(host.at(text), text.len));
    const url = try arguments.text("url");
    const socket = try host.ws.open(url, try arguments.headers(), try arguments.texts("protocols"));
    return done(socket.number);
}

fn wsSend(arguments: Arguments) Fault!Outcome {
    const socket = try arguments.integer("socket");
    const kind = try arguments.integer("kind");
    const data = try arguments.bytesOf("data");
    return done(host.raw.ws_send(socket, kind, host.at(data), data.len));
}

fn wsReceive(arguments: Arguments) Fault!Outcome {
    return done(host.raw.ws_recv(try arguments.integer("socket"), try arguments.integer("wait_ms")));
}

fn wsClose(arguments: Arguments) Fault!Outcome {
    const socket: host.ws.Socket = .{ .number = try arguments.integer("socket") };
    try socket.close();
    return done(0);
}

fn midi(arguments: Arguments) Fault!Outcome {
    try host.midi.send(try arguments.text("output"), try arguments.bytesOf("data"));
    return done(0);
}

fn audio(arguments: Arguments) Fault!Outcome {
    if (arguments.document()) |text| return done(host.raw.audio_play(host.at(text), text.len));
    try host.audio.play(try arguments.text("sound"), try arguments.optionalNumber("volume"));
    return done(0);
}

fn kvGet(arguments: Arguments) Fault!Outcome {
    const found = try host.kv.get(try arguments.bytesOf("key"));
    return done(if (found == null) 0 else 1);
}

fn kvSet(arguments: Arguments) Fault!Outcome {
    try host.kv.set(try arguments.bytesOf("key"), try arguments.bytesOf("value"));
    return done(0);
}

fn kvDelete(arguments: Arguments) Fault!Outcome {
    return done(if (try host.kv.delete(try arguments.bytesOf("key"))) 1 else 0);
}

fn kvSwap(arguments: Arguments) Fault!Outcome {
    const key = try arguments.bytesOf("key");
    const swap = try host.kv.swap(key, try arguments.optionalBytes("old"), try arguments.optionalBytes("value"));
    return done(if (swap == .done) 1 else 0);
}

fn run(arguments: Arguments) Fault!Outcome {
    const input = try arguments.optionalBytes("input") orelse "";
    if (arguments.document()) |text| return done(host.raw.run(host.at(text), text.len, host.at(input), input.len));
    const program = try arguments.text("program");
    const output = try host.run(program, try arguments.texts("args"), input, try arguments.timeoutMs());
    return done(output.status);
}

fn system(arguments: Arguments) Fault!Outcome {
    const text = arguments.document() orelse json.write(json.of(.{
        .operation = try arguments.text("operation"),
        .argument = try arguments.text("argument"),
    }));
    return done(host.raw.system(host.at(text), text.len));
}

comptime {
    plugbay.exportHooks(Toolbox);
}

test "a call is made, and its outcome told" {
    const mock: plugbay.testing.Host = .start();
    defer mock.stop();
    var toolbox: plugbay.testing.Instance(Toolbox) = try .init(.{});
    const set = .{ .call = "kv_set", .key = "a", .value = .{ 0, 255 } };
    const get = .{ .call = "kv_get", .key = "a" };
    var output = toolbox.preHook(.{ .request = .{ .params = .{ .tool = set } } });
    try plugbay.testing.expectAt(output, "context.tool.result", 0);
    output = toolbox.preHook(.{ .request = .{ .params = .{ .tool = get } } });
    try plugbay.testing.expectAt(output, "context.tool", .{ .result = 1, .answer = null, .text = .{ 0, 255 }, .more = null, .@"error" = null });
    mock.deny("kv_get");
    output = toolbox.preHook(.{ .request = .{ .params = .{ .tool = get } } });
    try plugbay.testing.expectAt(output, "context.tool.error", "denied");
    try std.testing.expect(toolbox.preHook(.{ .request = .{ .params = .{ .tool = null } } }) == .null);
}

test {
    _ = Arguments;
}
