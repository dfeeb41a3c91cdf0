//! Plugins for Plugbay in Zig: hooks of the gateway, actions of conductor, and the host's functions.
//!
//! What is in documents and what functions here return belongs to the call, and is freed at its end; `keep` copies
//! what has to stay. `arena()` is an allocator for the call, `gpa` one for what stays.

const std = @import("std");
const failure = @import("failure.zig");
const memory = @import("memory.zig");
const hooks = @import("hooks.zig");
const action = @import("action.zig");

pub const json = @import("json.zig");
pub const host = @import("host.zig");
/// A host for tests, and plugins as hosts call them.
pub const testing = @import("testing.zig");
pub const Value = json.Value;
pub const keep = json.keep;
pub const fail = failure.fail;
pub const failureMessage = failure.message;
pub const arena = memory.arena;
pub const endCall = memory.endCall;
pub const arenaCapacity = memory.arenaCapacity;
pub const gpa = memory.gpa;
pub const format = memory.format;

pub const Context = hooks.Context;
pub const HttpRequest = hooks.HttpMessage;
pub const HttpResponse = hooks.HttpMessage;
pub const LlmRequest = hooks.LlmRequest;
pub const LlmResponse = hooks.LlmResponse;
pub const Text = hooks.Text;
pub const HttpPreHook = hooks.HttpPreHook;
pub const PreHook = hooks.PreHook;
pub const PostHook = hooks.PostHook;
pub const StreamChunkHook = hooks.StreamChunkHook;
pub const HttpPostHook = hooks.HttpPostHook;
pub const ShortCircuit = hooks.ShortCircuit;
pub const StreamAction = hooks.StreamAction;
pub const llmError = hooks.llmError;
pub const chat = hooks.chat;
pub const delta = hooks.delta;
pub const exportHooks = hooks.exportHooks;
pub const runHook = hooks.run;

pub const Event = action.Event;
pub const Capability = action.Capability;
pub const print = action.print;
pub const exportAction = action.exportAction;
pub const runAction = action.run;

/// `pub const panic = plugbay.panic;` in the root file: a panic tells the host what it says, and stops the plugin.
/// Its instance is dropped, and the next call has a new one.
pub const panic = std.debug.FullPanic(stop);

fn stop(message: []const u8, _: ?usize) noreturn {
    host.say(.err, message);
    @trap();
}
