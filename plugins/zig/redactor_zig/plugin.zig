//! A hook plugin that removes e-mail addresses from prompts, answers and streamed chunks. `stream` puts together what
//! chunks have of a text, `email` finds the addresses in it.

const std = @import("std");
const plugbay = @import("plugbay");
const email = @import("email.zig");
const stream = @import("stream.zig");

pub const panic = plugbay.panic;

const Redactor = struct {
    pub const name = "redactor_zig";

    const Config = struct { replacement: ?[]const u8 = null };

    /// What stands in an address's place.
    replacement: []const u8,

    /// Replaces addresses by `[redacted]` unless the configuration says otherwise.
    pub fn init(config: Config) Redactor {
        return .{ .replacement = config.replacement orelse "[redacted]" };
    }

    /// Prompts are looked at in `preHook`, once they are parsed.
    pub fn httpPreHook(_: *Redactor, _: *plugbay.HttpPreHook) void {}

    /// Answers are looked at in `postHook`, before they are encoded.
    pub fn httpPostHook(_: *Redactor, _: *plugbay.HttpPostHook) void {}

    /// There is nothing to tidy up; it is here so that the sample has all that the contract names.
    pub fn cleanup(_: *Redactor) void {}

    /// Removes addresses from the messages of a request.
    pub fn preHook(redactor: *Redactor, call: *plugbay.PreHook) void {
        redactor.redact(&call.context, call.request.texts());
    }

    /// Removes addresses from the choices of an answer.
    pub fn postHook(redactor: *Redactor, call: *plugbay.PostHook) void {
        if (!call.has_error) redactor.redact(&call.context, call.response.texts());
    }

    /// Removes addresses from the chunks of a stream: from this one, and from what is held back.
    pub fn httpStreamChunkHook(redactor: *Redactor, call: *plugbay.StreamChunkHook) plugbay.StreamAction {
        var count: u64 = 0;
        const action = stream.redact(call, redactor.replacement, &count);
        add(&call.context, count);
        return action;
    }

    fn redact(redactor: *Redactor, context: *plugbay.Context, texts: []const plugbay.Text) void {
        var count: u64 = 0;
        for (texts) |text| {
            if (email.redact(text.get(), redactor.replacement, &count)) |redacted| text.set(redacted);
        }
        add(context, count);
    }

    /// Adds to what was found in this request so far.
    fn add(context: *plugbay.Context, count: u64) void {
        if (count == 0) return;
        const before = plugbay.json.whole(u64, context.get("redacted")) orelse 0;
        context.set("redacted", before +| count);
    }
};

comptime {
    plugbay.exportHooks(Redactor);
}

const testing = plugbay.testing;

test "prompts and answers lose their addresses" {
    var redactor: testing.Instance(Redactor) = try .init(.{ .replacement = "[mail]" });
    defer redactor.deinit();
    var output = redactor.preHook(.{ .request = .{ .input = .{.{ .content = "mail ada@example.org and bob@example.org" }} } });
    try testing.expectAt(output, "request.input.0.content", "mail [mail] and [mail]");
    try testing.expectAt(output, "context.redacted", 2);
    try std.testing.expect(redactor.preHook(.{ .request = .{ .input = "good evening" } }) == .null);
    const response = .{ .chat_response = .{ .choices = .{.{ .message = .{ .content = "ada@example.org" } }} } };
    output = redactor.postHook(.{ .context = .{ .redacted = 1 }, .response = response });
    try testing.expectAt(output, "response.chat_response.choices.0.message.content", "[mail]");
    try testing.expectAt(output, "context.redacted", 2);
}

test "an address in two chunks is held back" {
    var redactor: testing.Instance(Redactor) = try .init(.{});
    defer redactor.deinit();
    var output = redactor.httpStreamChunkHook(.{ .chunk = .{ .choices = .{.{ .index = 0, .delta = .{ .content = "to ada@exam" } }} } });
    try testing.expectAt(output, "chunks.0.choices.0.delta.content", "to ");
    try testing.expectAt(output, "hold", true);
    const held = testing.at(output, "keep").?;
    const chunk = .{ .choices = .{.{ .index = 0, .delta = .{ .content = "ple.org " } }} };
    output = redactor.httpStreamChunkHook(.{ .held = held, .chunk = chunk });
    try testing.expectAt(output, "context.redacted", 1);
    try std.testing.expect(std.mem.find(u8, plugbay.json.write(output), "[redacted]") != null);
}
