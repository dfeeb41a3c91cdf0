//! An action plugin that answers to how hard a key was struck.

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
