//! The SDK as a package: `b.dependency("plugbay", .{}).module("plugbay")`.

const std = @import("std");

pub fn build(b: *std.Build) void {
    _ = b.addModule("plugbay", .{ .root_source_file = b.path("src/root.zig") });
}
