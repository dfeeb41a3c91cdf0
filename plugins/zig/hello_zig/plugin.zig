//! The smallest hook plugin: it leaves a greeting in the request's context and in a header.

const plugbay = @import("plugbay");

pub const panic = plugbay.panic;

const Hello = struct {
    pub const name = "hello_zig";

    /// The configuration: `{"greeting": "good evening"}`.
    greeting: []const u8 = "hello",

    pub fn init(config: Hello) Hello {
        return config;
    }

    pub fn httpPreHook(hello: *Hello, call: *plugbay.HttpPreHook) void {
        call.request.setHeader("x-greeting", hello.greeting);
    }

    pub fn preHook(hello: *Hello, call: *plugbay.PreHook) void {
        call.context.set("greeting", plugbay.format("{s}, {s}", .{ hello.greeting, call.request.model() }));
    }
};

comptime {
    plugbay.exportHooks(Hello);
}

test "it says hello" {
    const testing = plugbay.testing;
    var hello: testing.Instance(Hello) = try .init(.{ .greeting = "good evening" });
    defer hello.deinit();
    var output = hello.httpPreHook(.{ .request = .{ .headers = .{ .a = "b" } } });
    try testing.expectAt(output, "request.headers", .{ .a = "b", .@"x-greeting" = "good evening" });
    output = hello.preHook(.{ .request = .{ .model = "gpt" } });
    try testing.expectAt(output, "", .{ .context = .{ .greeting = "good evening, gpt" } });
    const refused = testing.Instance(Hello).init(.{ .greeting = 1 });
    try testing.expectFailure("config.greeting: expected a string, found a number", refused);
}
