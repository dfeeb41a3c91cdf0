const std = @import("std");

/// `zig build` makes build/{{ident}}.wasm, and `zig build test` runs the tests on this machine.
pub fn build(b: *std.Build) void {
    const wasm = b.resolveTargetQuery(.{ .cpu_arch = .wasm32, .os_tag = .freestanding });
    const plugin = b.addExecutable(.{
        .name = "{{ident}}",
        .root_module = module(b, wasm, .ReleaseSmall),
    });
    plugin.entry = .disabled;
    plugin.rdynamic = true;
    const install = b.addInstallFileWithDir(plugin.getEmittedBin(), .prefix, "{{ident}}.wasm");
    b.getInstallStep().dependOn(&install.step);

    const tests = b.addTest(.{ .root_module = module(b, b.graph.host, .Debug) });
    b.step("test", "Run the tests").dependOn(&b.addRunArtifact(tests).step);
}

fn module(b: *std.Build, target: std.Build.ResolvedTarget, optimize: std.builtin.OptimizeMode) *std.Build.Module {
    const sdk = b.createModule(.{ .root_source_file = b.path("vendor/plugbay/src/root.zig") });
    return b.createModule(.{
        .root_source_file = b.path("src/plugin.zig"),
        .target = target,
        .optimize = optimize,
        .strip = optimize != .Debug,
        .imports = &.{.{ .name = "plugbay", .module = sdk }},
    });
}
