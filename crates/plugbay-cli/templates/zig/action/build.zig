//! `zig build --prefix build` builds the plugin, and `zig build test` runs the tests in src/plugin.zig on this machine.

const std = @import("std");

pub fn build(b: *std.Build) void {
    const sdk = b.dependency("plugbay", .{}).module("plugbay");
    const imports = &.{std.Build.Module.Import{ .name = "plugbay", .module = sdk }};

    const plugin = b.addExecutable(.{
        .name = "{{ident}}",
        .root_module = b.createModule(.{
            .root_source_file = b.path("src/plugin.zig"),
            .target = b.resolveTargetQuery(.{ .cpu_arch = .wasm32, .os_tag = .freestanding }),
            .optimize = .ReleaseSmall,
            .strip = true,
            .imports = imports,
        }),
    });
    // Nothing runs by itself; what is exported stays.
    plugin.entry = .disabled;
    plugin.rdynamic = true;
    const install = b.addInstallArtifact(plugin, .{ .dest_dir = .{ .override = .prefix } });
    b.getInstallStep().dependOn(&install.step);

    const tests = b.addTest(.{
        .root_module = b.createModule(.{
            .root_source_file = b.path("src/plugin.zig"),
            .target = b.graph.host,
            .imports = imports,
        }),
    });
    b.step("test", "Run the tests on this machine").dependOn(&b.addRunArtifact(tests).step);
}
