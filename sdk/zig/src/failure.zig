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

/// The words of any error, and of those of `fail` its own.
pub fn message(err: anyerror) []const u8 {
    const said = if (err == error.Failed) words orelse "" else @errorName(err);
    words = null;
    // The contract takes an empty message for none.
    return if (said.len == 0) "the plugin failed without a message" else said;
}
