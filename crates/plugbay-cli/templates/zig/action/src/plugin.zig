//! {{name}}: plays the note that was struck once more, an octave higher, on the output that a mapping names.

const std = @import("std");
const plugbay = @import("plugbay");

/// What a panic says, the host is told.
pub const panic = plugbay.panic;

const Plugin = struct {
    /// What has to be granted: plugbay grant build/{{ident}}.wasm Midi --output synth
    pub const capabilities = [_]plugbay.Capability{.Midi};

    /// The mapping's params: `{"output": "synth"}`.
    const Params = struct { output: []const u8 };

    pub fn execute(params: Params, event: plugbay.Event) !void {
        // Not every trigger has a note.
        const message = octave(event) orelse return;
        plugbay.host.midi.send(params.output, &message) catch |err| return plugbay.host.fail(err);
        plugbay.print("{{name}}: note {d}", .{message[1]});
    }

    pub fn init() !void {
        plugbay.print("{{name}} is ready", .{});
    }
};

fn octave(event: plugbay.Event) ?[3]u8 {
    const note = event.note orelse return null;
    if (note > 115) return null;
    return .{ 0x90, note + 12, event.velocity orelse 64 };
}

comptime {
    plugbay.exportAction(Plugin);
}

test "an octave has twelve notes" {
    try std.testing.expectEqual([_]u8{ 0x90, 72, 100 }, octave(.{ .note = 60, .velocity = 100 }).?);
    try std.testing.expect(octave(.{}) == null and octave(.{ .note = 116 }) == null);
}
