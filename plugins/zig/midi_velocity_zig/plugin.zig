//! An action plugin that answers to how hard a key was struck.

const std = @import("std");
const plugbay = @import("plugbay");

pub const panic = plugbay.panic;

const Velocity = struct {
    /// The parameters of one mapping, as the user wrote them.
    const Params = struct { action: []const u8 };

    pub fn execute(params: Params, event: plugbay.Event) !void {
        // A program change, for one, has no velocity.
        const velocity = event.velocity orelse 0;
        const touch = switch (velocity) {
            0...40 => "gently",
            41...80 => "firmly",
            81...127 => "with force",
            else => return plugbay.fail("velocity {d} is above 127", .{velocity}),
        };
        const mode = if (event.mode) |mode| plugbay.format(" in mode {d}", .{mode}) else "";
        plugbay.print("midi_velocity: {s} {s} (velocity {d}){s}", .{ params.action, touch, velocity, mode });
    }

    pub fn init() !void {
        plugbay.print("midi_velocity is ready", .{});
    }

    pub fn shutdown() !void {
        plugbay.print("midi_velocity is going away", .{});
    }
};

comptime {
    plugbay.exportAction(Velocity);
}

test "it tells how hard a key was struck" {
    const testing = plugbay.testing;
    const play = .{ .action = "play" };
    const mock: testing.Host = .start();
    defer mock.stop();
    try testing.execute(Velocity, play, .{ .velocity = 40 });
    try testing.execute(Velocity, play, .{ .velocity = 41, .mode = 2 });
    try testing.execute(Velocity, play, .{ .velocity = 127 });
    try testing.execute(Velocity, play, .{ .trigger = "ProgramChange" });
    for (mock.calls("print"), [_][]const u8{
        "midi_velocity: play gently (velocity 40)",
        "midi_velocity: play firmly (velocity 41) in mode 2",
        "midi_velocity: play with force (velocity 127)",
        "midi_velocity: play gently (velocity 0)",
    }) |call, wanted| try std.testing.expectEqualStrings(wanted, call.data);
    try testing.expectFailure("velocity 128 is above 127", testing.execute(Velocity, play, .{ .velocity = 128 }));
    const missing = "failed to parse input JSON: params: missing field `action`";
    try testing.expectFailure(missing, testing.execute(Velocity, .{}, .{}));
}
