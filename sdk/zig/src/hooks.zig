//! Hooks: what the gateway calls, each with a document that comes in and one that goes back.

const std = @import("std");
const memory = @import("memory.zig");
const json = @import("json.zig");
const host = @import("host.zig");
const failure = @import("failure.zig");

const Value = json.Value;

const empty: Value = .{ .object = .empty };

/// The request's context: one for all of its hooks and all of its plugins.
pub const Context = struct {
    fields: Value = empty,
    /// What this call sets. The host merges it into the context.
    changes: Value = empty,

    pub fn get(context: Context, name: []const u8) ?Value {
        return json.get(context.changes, name) orelse json.get(context.fields, name);
    }

    /// Sets a name for the hooks that come.
    pub fn set(context: *Context, name: []const u8, value: anytype) void {
        json.put(&context.changes, name, value);
    }
};

/// An HTTP request or response. Whoever changes `fields` says so by `changed`.
pub const HttpMessage = struct {
    fields: Value = empty,
    changed: bool = false,

    /// A response with this status, without headers and body.
    pub fn response(code: u16) HttpMessage {
        return .{ .fields = json.of(.{ .status_code = code, .headers = empty }) };
    }

    /// One with a body of JSON.
    pub fn jsonResponse(code: u16, value: anytype) HttpMessage {
        var made = response(code);
        made.setHeader("content-type", "application/json");
        made.setBody(json.write(json.of(value)));
        return made;
    }

    pub fn method(message: HttpMessage) []const u8 {
        return json.string(json.get(message.fields, "method")) orelse "";
    }

    pub fn path(message: HttpMessage) []const u8 {
        return json.string(json.get(message.fields, "path")) orelse "";
    }

    pub fn status(message: HttpMessage) u16 {
        return json.whole(u16, json.get(message.fields, "status_code")) orelse 0;
    }

    /// A query parameter, decoded.
    pub fn query(message: HttpMessage, name: []const u8) ?[]const u8 {
        return json.string(json.get(json.get(message.fields, "query") orelse .null, name));
    }

    /// A header's value, by its name in any case.
    pub fn header(message: HttpMessage, name: []const u8) ?[]const u8 {
        const headers = json.get(message.fields, "headers") orelse return null;
        if (headers != .object) return null;
        for (headers.object.keys(), headers.object.values()) |key, value| {
            if (value == .string and std.ascii.eqlIgnoreCase(key, name)) return value.string;
        }
        return null;
    }

    /// Sets a header, in place of all that it had. Names of headers are in lower case.
    pub fn setHeader(message: *HttpMessage, name: []const u8, value: []const u8) void {
        const lower = std.ascii.allocLowerString(memory.arena(), name) catch memory.outOfMemory();
        json.put(json.fieldOf(&message.fields, "headers"), lower, value);
        message.changed = true;
    }

    /// Takes a header out.
    pub fn removeHeader(message: *HttpMessage, name: []const u8) void {
        const headers = json.getPtr(&message.fields, "headers") orelse return;
        if (headers.* != .object) return;
        var at = headers.object.count();
        while (at > 0) {
            at -= 1;
            if (std.ascii.eqlIgnoreCase(headers.object.keys()[at], name)) {
                headers.object.orderedRemoveAt(at);
                message.changed = true;
            }
        }
    }

    /// The body's bytes; none, if it is no base64.
    pub fn body(message: HttpMessage) []const u8 {
        const text = json.string(json.get(message.fields, "body")) orelse return "";
        const decoder = std.base64.standard.Decoder;
        const len = decoder.calcSizeForSlice(text) catch return "";
        const bytes = memory.arena().alloc(u8, len) catch memory.outOfMemory();
        decoder.decode(bytes, text) catch return "";
        return bytes;
    }

    pub fn setBody(message: *HttpMessage, bytes: []const u8) void {
        const encoder = std.base64.standard.Encoder;
        const text = memory.arena().alloc(u8, encoder.calcSize(bytes.len)) catch memory.outOfMemory();
        json.put(&message.fields, "body", encoder.encode(text, bytes));
        message.changed = true;
    }
};

/// A text in a document, to be read and set.
pub const Text = struct {
    value: *Value,
    changed: *bool,

    pub fn get(text: Text) []const u8 {
        return text.value.string;
    }

    pub fn set(text: Text, other: []const u8) void {
        text.value.* = json.of(other);
        text.changed.* = true;
    }
};

const Texts = struct {
    list: std.ArrayList(Text) = .empty,
    changed: *bool,

    fn add(texts: *Texts, value: ?*Value) void {
        const text = value orelse return;
        if (text.* == .string) {
            texts.list.append(memory.arena(), .{ .value = text, .changed = texts.changed }) catch memory.outOfMemory();
        }
    }

    /// A content: a text, or parts with texts.
    fn addContent(texts: *Texts, content: ?*Value) void {
        const value = content orelse return;
        texts.add(value);
        if (value.* != .array) return;
        for (value.array.items) |*piece| texts.add(json.getPtr(piece, "text"));
    }

    fn addChoices(texts: *Texts, choices: ?*Value, within: []const u8) void {
        const value = choices orelse return;
        if (value.* != .array) return;
        for (value.array.items) |*choice| {
            const message = json.getPtr(choice, within) orelse continue;
            texts.addContent(json.getPtr(message, "content"));
        }
    }
};

/// A request to a model. Whoever changes `fields` says so by `changed`.
pub const LlmRequest = struct {
    fields: Value = empty,
    changed: bool = false,

    pub fn provider(request: LlmRequest) []const u8 {
        return json.string(json.get(request.fields, "provider")) orelse "";
    }

    pub fn model(request: LlmRequest) []const u8 {
        return json.string(json.get(request.fields, "model")) orelse "";
    }

    pub fn setModel(request: *LlmRequest, name: []const u8) void {
        json.put(&request.fields, "model", name);
        request.changed = true;
    }

    /// The texts of all messages.
    pub fn texts(request: *LlmRequest) []const Text {
        var found: Texts = .{ .changed = &request.changed };
        const input = json.getPtr(&request.fields, "input") orelse return &.{};
        if (input.* == .array) {
            for (input.array.items) |*message| {
                found.addContent(if (message.* == .object) json.getPtr(message, "content") else message);
            }
        } else found.addContent(input);
        return found.list.items;
    }

    /// Puts a message behind those that are there. Texts that were asked for before are not to be used any more.
    pub fn pushMessage(request: *LlmRequest, role: []const u8, content: []const u8) void {
        json.append(json.fieldOf(&request.fields, "input"), .{ .role = role, .content = content });
        request.changed = true;
    }
};

/// A model's answer, or an error in its place. Whoever changes `fields` says so by `changed`.
pub const LlmResponse = struct {
    fields: Value = empty,
    changed: bool = false,

    /// The texts of all choices.
    pub fn texts(response: *LlmResponse) []const Text {
        var found: Texts = .{ .changed = &response.changed };
        const answer = json.getPtr(&response.fields, "chat_response") orelse return &.{};
        found.addChoices(json.getPtr(answer, "choices"), "message");
        return found.list.items;
    }
};

/// The answer of a chat with one choice.
pub fn chat(text: []const u8) Value {
    const message = .{ .role = "assistant", .content = text };
    return json.of(.{ .chat_response = .{ .choices = .{.{ .index = 0, .message = message, .finish_reason = "stop" }} } });
}

/// An error that a client gets; `more` has `type`, `code` and `param`, as far as they are wanted.
pub fn llmError(status: u16, message: []const u8, more: anytype) Value {
    var made = json.of(.{ .@"error" = .{ .message = message }, .status_code = status });
    const inner = json.getPtr(&made, "error").?;
    inline for (comptime std.meta.fieldNames(@TypeOf(more))) |name| json.put(inner, name, @field(more, name));
    return made;
}

/// A chunk of a chat: the next piece of its text.
pub fn delta(text: []const u8) Value {
    const choice = .{ .index = 0, .delta = .{ .content = text }, .finish_reason = null };
    return json.of(.{ .object = "chat.completion.chunk", .choices = .{choice} });
}

/// What answers a request in the provider's place.
pub const ShortCircuit = union(enum) { response: Value, @"error": Value, stream: []const Value };

/// What becomes of a chunk, and of those that are held back.
pub const StreamAction = union(enum) {
    /// All that is held leaves, and then the chunk.
    pass,
    /// All that is held leaves, and not the chunk.
    skip,
    /// The chunk is held back, behind those that are.
    hold,
    /// These leave and those are held from now on, in the place of all that is held and of the chunk.
    send: struct { chunks: []const Value, keep: []const Value = &.{} },
};

pub const HttpPreHook = struct { context: Context = .{}, request: HttpMessage = .{} };
pub const PreHook = struct { context: Context = .{}, request: LlmRequest = .{} };
pub const HttpPostHook = struct { context: Context = .{}, request: HttpMessage = .{}, response: HttpMessage = .{} };

pub const PostHook = struct {
    context: Context = .{},
    response: LlmResponse = .{},
    @"error": LlmResponse = .{},
    has_error: bool = false,

    /// Puts a response in the place of what is there.
    pub fn setResponse(call: *PostHook, value: Value) void {
        call.response = .{ .fields = value, .changed = true };
        call.has_error = false;
    }

    /// Puts an error in the place of what is there.
    pub fn setError(call: *PostHook, value: Value) void {
        call.@"error" = .{ .fields = value, .changed = true };
        call.has_error = true;
    }
};

pub const StreamChunkHook = struct {
    context: Context = .{},
    request: HttpMessage = .{},
    /// null when the stream has ended. Whoever changes it says so by `changed`.
    chunk: Value = .null,
    changed: bool = false,
    /// The chunks that this plugin holds back, in order.
    held: []Value = &.{},
    /// The stream has ended, and what is held has to leave.
    flush: bool = false,

    /// The texts of all choices of the chunk.
    pub fn texts(call: *StreamChunkHook) []const Text {
        var found: Texts = .{ .changed = &call.changed };
        found.addChoices(json.getPtr(&call.chunk, "choices"), "delta");
        return found.list.items;
    }
};

/// An object of the document; `{}` where it is absent or null.
fn part(document: Value, name: []const u8, comptime path: []const u8) failure.Error!Value {
    const value = json.get(document, name) orelse return empty;
    return switch (value) {
        .object => value,
        .null => empty,
        else => failure.fail(json.unread ++ path ++ "expected an object at byte 0", .{}),
    };
}

fn readCall(comptime Call: type, text: []const u8) failure.Error!Call {
    const document = try json.parse(text);
    if (document != .object and document != .null) {
        return failure.fail(json.unread ++ "expected an object at byte 0", .{});
    }
    var call: Call = .{};
    if (Call == StreamChunkHook) {
        switch (json.get(document, "held") orelse Value.null) {
            .array => |held| call.held = held.items,
            .null => {},
            else => return failure.fail(json.unread ++ "held: expected a list at byte 0", .{}),
        }
        call.chunk = json.get(document, "chunk") orelse .null;
        call.flush = isTrue(json.get(document, "flush"));
    }
    call.context.fields = try part(document, "context", "");
    inline for (.{ "response", "error", "request" }) |name| {
        if (@hasField(Call, name)) @field(call, name).fields = try part(document, name, name ++ ": ");
    }
    if (Call == PostHook) call.has_error = isTrue(json.get(document, "has_error"));
    return call;
}

fn isTrue(value: ?Value) bool {
    return value != null and value.? == .bool and value.?.bool;
}

fn writeCall(call: anytype, answer: anytype) Value {
    const Call = @TypeOf(call.*);
    var output = empty;
    if (call.context.changes.object.count() > 0) json.put(&output, "context", call.context.changes);
    switch (Call) {
        HttpPreHook => if (@as(?HttpMessage, answer)) |response| {
            json.put(&output, "has_response", true);
            json.put(&output, "response", response.fields);
        } else if (call.request.changed) json.put(&output, "request", call.request.fields),
        PreHook => if (@as(?ShortCircuit, answer)) |instead| {
            json.put(&output, "has_short_circuit", true);
            const short_circuit = json.fieldOf(&output, "short_circuit");
            switch (instead) {
                inline else => |value, name| json.put(short_circuit, @tagName(name), value),
            }
        } else if (call.request.changed) json.put(&output, "request", call.request.fields),
        PostHook => if (call.has_error) {
            // A document without the flag would say that there is no error any more.
            if (call.@"error".changed or output.object.count() > 0) {
                json.put(&output, "error", call.@"error".fields);
                json.put(&output, "has_error", true);
            }
        } else if (call.response.changed) json.put(&output, "response", call.response.fields),
        HttpPostHook => if (call.response.changed) json.put(&output, "response", call.response.fields),
        StreamChunkHook => {
            const action = @as(?StreamAction, answer) orelse .pass;
            switch (action) {
                .skip => json.put(&output, "skip", true),
                .hold => json.put(&output, "hold", true),
                .send => |lists| {
                    json.put(&output, "chunks", lists.chunks);
                    if (lists.keep.len > 0) {
                        json.put(&output, "hold", true);
                        json.put(&output, "keep", lists.keep);
                    }
                },
                .pass => {},
            }
            if ((action == .pass or action == .hold) and call.changed) {
                json.put(&output, "has_chunk", true);
                json.put(&output, "chunk", call.chunk);
            }
        },
        else => @compileError("no hook takes " ++ @typeName(Call)),
    }
    return output;
}

fn attempt(comptime Call: type, plugin: anytype, comptime hook: anytype, text: []const u8) anyerror!Value {
    var call = try readCall(Call, text);
    const Returned = @typeInfo(@TypeOf(hook)).@"fn".return_type.?;
    const Answer = if (@typeInfo(Returned) == .error_union) @typeInfo(Returned).error_union.payload else Returned;
    const returned = hook(plugin, &call);
    const answer = if (@typeInfo(Returned) == .error_union) try returned else returned;
    return writeCall(&call, if (Answer == void) null else answer);
}

/// A call of a hook from the document that comes in to the one that goes back, of the call; empty where there is
/// nothing to say.
pub fn run(comptime Call: type, plugin: anytype, comptime hook: anytype, text: []const u8) []const u8 {
    const output = attempt(Call, plugin, hook, text) catch |err| failed(Call, err);
    return if (output.object.count() == 0) "" else json.write(output);
}

fn failed(comptime Call: type, err: anyerror) Value {
    const message = failure.message(err);
    return if (Call == PostHook) json.of(.{ .hook_error = message }) else json.of(.{ .@"error" = message });
}

/// Reads a configuration and makes the plugin of it. What the plugin takes stays.
pub fn configure(comptime Plugin: type, text: []const u8) anyerror!Plugin {
    var config: Value = if (text.len == 0) .null else try json.parse(text);
    if (config == .null) config = empty;
    const Config = @typeInfo(@TypeOf(Plugin.init)).@"fn".param_types[0].?;
    const read = try json.read(Config, config, "config");
    const made = Plugin.init(json.keep(read));
    return if (@typeInfo(@TypeOf(made)) == .error_union) try made else made;
}

/// Exports a hook plugin: the type's `name`, and of `init`, `httpPreHook`, `preHook`, `postHook`,
/// `httpStreamChunkHook`, `httpPostHook` and `cleanup` what it declares.
pub fn exportHooks(comptime Plugin: type) void {
    // There is nobody to call it in a test on another machine, and no host.
    if (!memory.is_wasm) return;
    const State = struct {
        var plugin: ?Plugin = null;

        fn malloc(len: usize) callconv(.c) ?[*]u8 {
            return memory.malloc(len);
        }
        fn free(start: ?[*]u8) callconv(.c) void {
            memory.free(start);
        }
        fn getName() callconv(.c) u64 {
            return memory.pack(Plugin.name);
        }
        fn init(start: ?[*]const u8, len: usize) callconv(.c) i32 {
            defer memory.endCall();
            plugin = configure(Plugin, memory.taken(start, len)) catch |err| {
                host.say(.err, failure.message(err));
                return 1;
            };
            return 0;
        }
        fn cleanup() callconv(.c) i32 {
            defer memory.endCall();
            if (plugin) |*some| some.cleanup();
            plugin = null;
            return 0;
        }
        fn abi() callconv(.c) i32 {
            return 2;
        }

        fn hookOf(comptime Call: type, comptime hook: anytype) type {
            return struct {
                fn call(start: ?[*]const u8, len: usize) callconv(.c) u64 {
                    defer memory.endCall();
                    // A host need not call init.
                    if (plugin == null) {
                        plugin = configure(Plugin, "") catch |err| return memory.give(json.write(failed(Call, err)));
                    }
                    return memory.give(run(Call, &plugin.?, hook, memory.taken(start, len)));
                }
            };
        }
    };
    @export(&State.malloc, .{ .name = "malloc" });
    @export(&State.free, .{ .name = "free" });
    @export(&State.getName, .{ .name = "get_name" });
    @export(&State.init, .{ .name = "init" });
    if (@hasDecl(Plugin, "cleanup")) @export(&State.cleanup, .{ .name = "cleanup" });
    if (@hasDecl(Plugin, "binary_bodies")) @export(&State.abi, .{ .name = "plugbay_abi" });
    inline for (.{
        .{ "httpPreHook", "http_pre_hook", HttpPreHook },
        .{ "preHook", "pre_hook", PreHook },
        .{ "postHook", "post_hook", PostHook },
        .{ "httpStreamChunkHook", "http_stream_chunk_hook", StreamChunkHook },
        .{ "httpPostHook", "http_post_hook", HttpPostHook },
    }) |row| {
        if (@hasDecl(Plugin, row[0])) {
            @export(&State.hookOf(row[2], @field(Plugin, row[0])).call, .{ .name = row[1] });
        }
    }
}
