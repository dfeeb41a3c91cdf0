//! Memory: what belongs to a call, what stays, and what the host asks for.

const std = @import("std");
const builtin = @import("builtin");

pub const is_wasm = builtin.cpu.arch.isWasm();

/// For what stays between calls: a configuration, a cache.
pub const gpa: std.mem.Allocator = if (is_wasm) std.heap.wasm_allocator else std.heap.page_allocator;

var call_arena: std.heap.ArenaAllocator = .init(gpa);

/// For what belongs to the call: it is freed when that ends.
pub fn arena() std.mem.Allocator {
    return call_arena.allocator();
}

/// The end of a call.
pub fn endCall() void {
    @import("failure.zig").forget();
    // A call like the one before needs no new pages.
    _ = call_arena.reset(.{ .retain_with_limit = 64 << 10 });
}

/// How much is kept for the next call.
pub fn arenaCapacity() usize {
    return call_arena.queryCapacity();
}

/// There is nothing that a plugin without memory could go on with.
pub fn outOfMemory() noreturn {
    @panic("out of memory");
}

/// Text of the call.
pub fn format(comptime fmt: []const u8, args: anytype) []const u8 {
    return std.fmt.allocPrint(arena(), fmt, args) catch outOfMemory();
}

// Before each block that the host has: how long it is. Blocks stay aligned to 16.
const head = 16;

/// Memory for the host to write its documents to; null where there is none left.
pub fn malloc(len: usize) ?[*]u8 {
    const whole = std.math.add(usize, len, head) catch return null;
    const block = gpa.alignedAlloc(u8, .@"16", whole) catch return null;
    std.mem.writeInt(usize, block[0..@sizeOf(usize)], whole, .little);
    return block[head..].ptr;
}

/// Takes back what `malloc` or `give` has returned.
pub fn free(start: ?[*]u8) void {
    const block: [*]align(16) u8 = @alignCast((start orelse return) - head);
    const whole = std.mem.readInt(usize, block[0..@sizeOf(usize)], .little);
    gpa.free(block[0..whole]);
}

/// Hands text over to the host, which frees it.
pub fn give(text: []const u8) u64 {
    if (text.len == 0) return 0;
    const copy = malloc(text.len) orelse outOfMemory();
    @memcpy(copy[0..text.len], text);
    return pack(copy[0..text.len]);
}

/// An address in the upper half, a length in the lower.
pub fn pack(text: []const u8) u64 {
    return @as(u64, @intFromPtr(text.ptr)) << 32 | @as(u32, @intCast(text.len));
}

/// What the host has written.
pub fn taken(start: ?[*]const u8, len: usize) []const u8 {
    // Memory may begin at 0, where there is nothing to read.
    return if (len == 0) "" else (start orelse return "")[0..len];
}
