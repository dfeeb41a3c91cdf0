//! {{name}}: tells each model how to speak, and counts the words of what it is asked.

const std = @import("std");
const plugbay = @import("plugbay");

/// What a panic says, the host is told.
pub const panic = plugbay.panic;

const Plugin = struct {
    pub const name = "{{name}}";

    /// The configuration: `{"instruction": "..."}`, and nothing else.
    pub const only_known = true;
    instruction: []const u8 = "Be brief.",

    pub fn init(config: Plugin) !Plugin {
        if (config.instruction.len == 0) return plugbay.fail("config.instruction: there is none", .{});
        return config;
    }

    /// Before the provider is asked. What is changed in the request goes on to it.
    pub fn preHook(plugin: *Plugin, call: *plugbay.PreHook) void {
        var count: u64 = 0;
        for (call.request.texts()) |text| count += words(text.get());
        // For the hooks that come, of this plugin and of others.
        call.context.set("words", count);
        call.request.pushMessage("system", plugin.instruction);
    }
};

fn words(text: []const u8) u64 {
    var count: u64 = 0;
    var each = std.mem.tokenizeScalar(u8, text, ' ');
    while (each.next() != null) count += 1;
    return count;
}

comptime {
    plugbay.exportHooks(Plugin);
}

const testing = plugbay.testing;

test "words are counted" {
    try std.testing.expectEqual(2, words(" hello  there "));
}

test "the model is told how to speak" {
    var plugin: testing.Instance(Plugin) = try .init(.{ .instruction = "Speak up." });
    defer plugin.deinit();
    const output = plugin.preHook(.{ .request = .{ .input = .{.{ .role = "user", .content = "how are you" }} } });
    try testing.expectAt(output, "context.words", 3);
    try testing.expectAt(output, "request.input.1.content", "Speak up.");
    try testing.expectFailure("config.instruction: there is none", testing.Instance(Plugin).init(.{ .instruction = "" }));
}
