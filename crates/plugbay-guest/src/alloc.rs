//! The allocator of plugins: a tenth of the size of the one that std brings, and as fast.
//!
//! Blocks are powers of two, from 16 bytes on. A block that is given back is kept for its size; nothing is put together again.
//! A plugin asks for the same sizes call after call, and a host replaces an instance whose memory has grown
//! past its mark. The feature `allocator` turns it on; it is one of the defaults.
#![allow(unsafe_code, reason = "an allocator hands out addresses")]

use std::alloc::{GlobalAlloc, Layout};
use std::arch::wasm32::memory_grow;
use std::cell::Cell;
use std::ptr;

/// The smallest block, of 16 bytes, and what all blocks that are less than a page are aligned to.
const SMALLEST: u32 = 4;

/// A page of WebAssembly: blocks from here on are whole pages of their own.
const PAGE: u32 = 16;

/// What there is to hand out.
struct Blocks {
    /// The first block of each size that was given back. Its first word is the address of the next one.
    free: [Cell<usize>; 32],
    /// A page of which small blocks are cut: where the next one begins, and how much is left.
    start: Cell<usize>,
    left: Cell<usize>,
}

// SAFETY: modules with threads share their memory, which no host of this contract allows.
unsafe impl Sync for Blocks {}

#[global_allocator]
static BLOCKS: Blocks =
    Blocks { free: [const { Cell::new(0) }; 32], start: Cell::new(0), left: Cell::new(0) };

/// The power of two that a block of this layout has.
fn class(layout: Layout) -> u32 {
    let size = layout.size().max(1 << SMALLEST);
    let class = usize::BITS - (size - 1).leading_zeros();
    // Pages alone are aligned to more than the smallest block.
    if layout.align() > 1 << SMALLEST { class.max(PAGE) } else { class }
}

impl Blocks {
    fn cut(&self, class: u32) -> usize {
        if class >= PAGE {
            return grow(1 << (class - PAGE));
        }
        let size = 1 << class;
        while self.left.get() < size {
            // What is left of the page before is blocks of smaller sizes.
            while self.left.get() >= 1 << SMALLEST {
                let class = self.left.get().ilog2();
                let block = self.take(1 << class);
                self.keep(block, class);
            }
            let page = grow(1);
            if page == 0 {
                return 0;
            }
            self.start.set(page);
            self.left.set(1 << PAGE);
        }
        self.take(size)
    }

    fn take(&self, size: usize) -> usize {
        let block = self.start.get();
        self.start.set(block + size);
        self.left.set(self.left.get() - size);
        block
    }

    fn keep(&self, block: usize, class: u32) {
        let Some(first) = self.free.get(class as usize) else { return };
        // SAFETY: a block has 16 bytes or more, and nobody uses it.
        unsafe { ptr::with_exposed_provenance_mut::<usize>(block).write(first.get()) };
        first.set(block);
    }
}

/// New pages; 0 where there are none.
fn grow(pages: usize) -> usize {
    match memory_grow::<0>(pages) {
        usize::MAX => 0,
        page => page << PAGE,
    }
}

// SAFETY: a block is in nobody's hands or in one pair of them: it is cut once, and is in a list only from when it was
// given back until it is taken out. It is as large as its class says, and its layout says the class.
unsafe impl GlobalAlloc for Blocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let class = class(layout);
        let Some(first) = self.free.get(class as usize) else { return ptr::null_mut() };
        let mut block = first.get();
        if block == 0 {
            block = self.cut(class);
        } else {
            // SAFETY: `keep` wrote it, and nobody since.
            first.set(unsafe { ptr::with_exposed_provenance::<usize>(block).read() });
        }
        ptr::with_exposed_provenance_mut(block)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.keep(block.expose_provenance(), class(layout));
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: whoever calls this promises that the size is a layout's, too.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if class(new) == class(layout) {
            return block;
        }
        // SAFETY: the old block is the caller's, the new one nobody's, and both are as long as is copied.
        unsafe {
            let to = self.alloc(new);
            if !to.is_null() {
                ptr::copy_nonoverlapping(block, to, size.min(layout.size()));
                self.dealloc(block, layout);
            }
            to
        }
    }
}
