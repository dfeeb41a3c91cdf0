//! Actions: what conductor calls.

const std = @import("std");
const memory = @import("memory.zig");
const json = @import("json.zig");
const failure = @import("failure.zig");

/// What fired an action. Whatever does not apply to the trigger is null.
pub const Event = struct {
    /// How hard a key was struck, 0 to 127.
    velocity: ?u8 = null,
    /// The mode that conductor is in, from 0, and its name.
    mode: ?u8 = null,
    mode_name: ?[]const u8 = null,
    /// In milliseconds since 1970.
    timestamp: u64 = 0,
    /// An object of strings.
    metadata: json.Value = .null,
    /// The kind of trigger, such as `Note`.
    trigger: ?[]const u8 = null,
    note: ?u8 = null,
    /// From 1 to 16.
    channel: ?u8 = null,
    /// A controller and its value.
    cc: ?u8 = null,
    value: ?u8 = null,
    pressure: ?u8 = null,
    /// -8192 to 8191.
    pitch: ?i16 = null,
};

/// What an action may ask for.
pub const Capability = enum { Network, Audio, Midi, Filesystem, Subprocess, SystemControl };

const wasi = struct {
    const Vector = extern struct { data: [*]const u8, len: usize };
    extern "wasi_snapshot_preview1" fn fd_write(file: i32, vectors: *const Vector, count: usize, written: *usize) i32;
};

/// Prints a line on stderr, which conductor shows with the plugin's name in front.
pub fn print(comptime fmt: []const u8, args: anytype) void {
    var rest = memory.format(fmt ++ "\n", args);
    if (!memory.is_wasm) {
        if (!@import("testing.zig").printed(rest)) std.debug.print("{s}", .{rest});
        return;
    }
    while (rest.len > 0) {
        var written: usize = 0;
        if (wasi.fd_write(2, &.{ .data = rest.ptr, .len = rest.len }, 1, &written) != 0 or written == 0) return;
        rest = rest[written..];
    }
}

/// Reads both documents and runs an action, whose error's words are in the failure.
pub fn run(comptime Action: type, params_text: []const u8, context_text: []const u8) anyerror!void {
    const Params = @typeInfo(@TypeOf(Action.execute)).@"fn".param_types[0].?;
    const params = try document(Params, params_text, "params");
    const event = try document(Event, context_text, "context");
    return Action.execute(params, event);
}

fn document(comptime T: type, text: []const u8, comptime name: []const u8) failure.Error!T {
    const value: json.Value = if (text.len == 0) .{ .object = .empty } else try json.parse(text);
    return json.read(T, value, json.unread ++ name);
}

fn finish(result: anyerror!void) i32 {
    defer memory.endCall();
    result catch |err| {
        print("{s}", .{failure.message(err)});
        return 1;
    };
    return 0;
}

/// Exports an action: `execute(params, event)` and, where they are declared, `init()`, `shutdown()` and
/// `capabilities`, or `metadata`, in whose place `init` tells it.
pub fn exportAction(comptime Action: type) void {
    // There is nobody to call it in a test on another machine, and no host.
    if (!memory.is_wasm) return;
    const exports = struct {
        fn malloc(len: usize) callconv(.c) ?[*]u8 {
            return memory.malloc(len);
        }
        fn free(start: ?[*]u8) callconv(.c) void {
            memory.free(start);
        }
        fn execute(start: ?[*]const u8, len: usize) callconv(.c) i32 {
            return finish(run(Action, memory.taken(start, len), ""));
        }
        fn executeWithContext(start: ?[*]const u8, len: usize, context: ?[*]const u8, context_len: usize) callconv(.c) i32 {
            return finish(run(Action, memory.taken(start, len), memory.taken(context, context_len)));
        }
        fn executeDocument(start: ?[*]const u8, len: usize) callconv(.c) i32 {
            return finish(runDocument(Action, memory.taken(start, len)));
        }
        fn init() callconv(.c) i32 {
            return finish(Action.init());
        }
        fn initWithMetadata() callconv(.c) u64 {
            return memory.pack(Action.metadata);
        }
        fn shutdown() callconv(.c) void {
            _ = finish(Action.shutdown());
        }
        fn capabilities() callconv(.c) u64 {
            return memory.pack(comptime names(&Action.capabilities));
        }
    };
    @export(&exports.malloc, .{ .name = "malloc" });
    @export(&exports.free, .{ .name = "free" });
    if (@hasDecl(Action, "metadata")) {
        @export(&exports.initWithMetadata, .{ .name = "init" });
        @export(&exports.executeDocument, .{ .name = "execute" });
    } else {
        if (@hasDecl(Action, "init")) @export(&exports.init, .{ .name = "init" });
        @export(&exports.execute, .{ .name = "execute" });
        @export(&exports.executeWithContext, .{ .name = "execute_with_context" });
    }
    if (@hasDecl(Action, "shutdown")) @export(&exports.shutdown, .{ .name = "shutdown" });
    if (@hasDecl(Action, "capabilities")) @export(&exports.capabilities, .{ .name = "capabilities" });
}

/// The one document of plugins with metadata: `{"action", "context", "parameters", "params"}`.
fn runDocument(comptime Action: type, text: []const u8) anyerror!void {
    const whole = try json.parse(text);
    const params = json.get(whole, "params") orelse json.Value.null;
    const context = json.get(whole, "context") orelse json.Value.null;
    return run(Action, if (params == .null) "" else json.write(params), if (context == .null) "" else json.write(context));
}

fn names(comptime capabilities: []const Capability) []const u8 {
    var text: []const u8 = "[";
    for (capabilities, 0..) |capability, at| {
        text = text ++ (if (at > 0) "," else "") ++ "\"" ++ @tagName(capability) ++ "\"";
    }
    return text ++ "]";
}
