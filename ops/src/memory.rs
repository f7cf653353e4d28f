use std::hint::black_box;

/// What a busy program may hold on to between two bursts, halved.
const KEPT_BYTES: usize = 1024 * 1024;

/// Has the allocator keep freed memory for the next burst, instead of giving it back to the kernel and
/// having a thousand pages a second cleared anew.
///
/// glibc gives back what is free at the end of its heap beyond twice the size of the largest block
/// that it mapped by itself and saw freed ("dynamic mmap threshold", mallopt(3)): at first that is
/// 128 KiB. So one such block, which nothing ever touches, is all that it takes. Other allocators
/// have ways of their own, and see a block come and go.
pub fn keep_freed_memory() {
    drop(black_box(Vec::<u8>::with_capacity(KEPT_BYTES)));
}
