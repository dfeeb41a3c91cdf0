//! A hook plugin that gives each client so many requests in a minute.
//!
//! The counts are kept by key with the host, so all instances of the plugin count together, and a restart forgets
//! nothing.

const std = @import("std");
const plugbay = @import("plugbay");
const host = plugbay.host;

pub const panic = plugbay.panic;

const RateLimiter = struct {
    pub const name = "rate_limiter_zig";
    /// The configuration has these fields and no others.
    pub const only_known = true;

    /// Requests in a minute.
    per_minute: u64 = 60,
    /// The header that tells clients apart.
    client_header: []const u8 = "x-client-id",

    pub fn init(config: RateLimiter) !RateLimiter {
        if (config.per_minute == 0) return plugbay.fail("config.per_minute: nobody could ever ask", .{});
        return config;
    }

    pub fn httpPreHook(limiter: *RateLimiter, call: *plugbay.HttpPreHook) !?plugbay.HttpResponse {
        const seconds = host.now() / std.time.ns_per_s;
        const client = call.request.header(limiter.client_header) orelse "anonymous";
        const count = countOne(client, seconds / 60) catch |err| return host.fail(err);
        call.context.set("requests_this_minute", count);
        if (count <= limiter.per_minute) return null;

        const message = plugbay.format("{d} requests in a minute are enough", .{limiter.per_minute});
        const body = .{ .@"error" = .{ .message = message, .type = "rate_limit_error" } };
        var response: plugbay.HttpResponse = .jsonResponse(429, body);
        response.setHeader("retry-after", plugbay.format("{d}", .{60 - seconds % 60}));
        return response;
    }
};

/// Counts one more request of a client in this minute, and says how many there were.
///
/// What is kept is `minute count`, so there is one key for each client.
fn countOne(client: []const u8, minute: u64) host.Error!u64 {
    const key = plugbay.format("count/{s}", .{shortened(client)});
    var before = try host.kv.get(key);
    while (true) {
        const count = (if (before) |value| kept(value, minute) orelse 0 else 0) + 1;
        switch (try host.kv.swap(key, before, plugbay.format("{d} {d}", .{ minute, count }))) {
            .done => return count,
            // Another instance was faster.
            .other => |value| before = value,
        }
    }
}

/// Keys have 1,024 bytes at most: the first 200 letters will do.
fn shortened(text: []const u8) []const u8 {
    var letters: usize = 0;
    for (text, 0..) |byte, at| {
        // Each byte but those inside of a letter.
        if (byte & 0xc0 != 0x80) letters += 1;
        if (letters > 200) return text[0..at];
    }
    return text;
}

/// The count that is kept, if it is of this minute.
fn kept(value: []const u8, minute: u64) ?u64 {
    const space = std.mem.indexOfScalar(u8, value, ' ') orelse return null;
    const of = plugbay.json.wholeOf(u64, value[0..space]) orelse return null;
    return if (of == minute) plugbay.json.wholeOf(u64, value[space + 1 ..]) else null;
}

comptime {
    plugbay.exportHooks(RateLimiter);
}

const testing = plugbay.testing;
const ask = .{ .request = .{ .headers = .{ .@"x-client-id" = "ada" } } };

test "a minute has so many requests" {
    const mock: testing.Host = .start();
    defer mock.stop();
    mock.setNow((1000 * 60 + 50) * std.time.ns_per_s);
    var limiter: testing.Instance(RateLimiter) = try .init(.{ .per_minute = 2 });
    try testing.expectAt(limiter.httpPreHook(ask), "", .{ .context = .{ .requests_this_minute = 1 } });
    try testing.expectAt(limiter.httpPreHook(ask), "context.requests_this_minute", 2);
    try std.testing.expectEqualStrings("1000 2", mock.kv("count/ada").?);
    const output = limiter.httpPreHook(ask);
    try testing.expectAt(output, "response.status_code", 429);
    try testing.expectAt(output, "response.headers.retry-after", "10");
    // Another client has a count of its own, and so has the next minute.
    try testing.expectAt(limiter.httpPreHook(.{}), "context.requests_this_minute", 1);
    mock.advance(10 * std.time.ns_per_s);
    try testing.expectAt(limiter.httpPreHook(ask), "context.requests_this_minute", 1);
}

test "without a grant it fails" {
    const mock: testing.Host = .start();
    defer mock.stop();
    var limiter: testing.Instance(RateLimiter) = try .init(.{});
    mock.deny("kv_get");
    try testing.expectAt(limiter.httpPreHook(ask), "error", "denied: kv_get is not granted");
    const refused = testing.Instance(RateLimiter).init(.{ .per_minute = 0 });
    try testing.expectFailure("config.per_minute: nobody could ever ask", refused);
}
