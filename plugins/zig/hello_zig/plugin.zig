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
