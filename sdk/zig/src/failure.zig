//! Why a call has failed, in words.

const memory = @import("memory.zig");

pub const Error = error{Failed};

/// The words of `error.Failed`, of the call.
var words: ?[]const u8 = null;

/// Makes an error with words of its own: `return plugbay.fail("{d} is too many", .{count})`.
pub fn fail(comptime fmt: []const u8, args: anytype) Error {
    words = memory.format(fmt, args);
    return error.Failed;
}

/// Forgets words that nobody has asked for: they are of a call that has ended, or of another error.
pub fn forget() void {
    words = null;
}

/// What is said by every plugin that says nothing. By what is before it, `plugbay check` tells in a module that was
/// stripped that it was written in Zig.
const written_in = "written in Zig with plugbay\x00";
const nothing = written_in ++ "the plugin failed without a message";

/// The words of any error, and of those of `fail` its own.
pub fn message(err: anyerror) []const u8 {
    const said = if (err == error.Failed) words orelse "" else @errorName(err);
    words = null;
    // The contract takes an empty message for none.
    return if (said.len == 0) nothing[written_in.len..] else said;
}
