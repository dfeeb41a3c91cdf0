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

test "the note sounds an octave higher, where that is granted" {
    const testing = plugbay.testing;
    const host: testing.Host = .start();
    defer host.stop();
    try testing.execute(Plugin, .{ .output = "synth" }, .{ .note = 60, .velocity = 100 });
    try std.testing.expectEqualStrings("synth", host.calls("midi_send")[0].name);
    try std.testing.expectEqualStrings("\x90\x48\x64", host.calls("midi_send")[0].data);
    host.deny("midi_send");
    const refused = testing.execute(Plugin, .{ .output = "synth" }, .{ .note = 60 });
    try testing.expectFailure("denied: midi_send is not granted", refused);
}
