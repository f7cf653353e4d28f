use std::hint::black_box;

use crate::defaults::HEAP_KEPT_BYTES;

/// Makes the allocator keep freed memory for the next burst. By default glibc returns it to the
/// kernel, which then has to clear a thousand pages a second again.
///
/// glibc returns the free end of its heap beyond twice the size of the largest block that it mapped
/// separately and saw freed ("dynamic mmap threshold", mallopt(3)): initially 128 KiB. One such
/// block, which nothing touches, raises the threshold. Other allocators have rules of their own;
/// for them this is one allocation.
pub fn keep_freed_memory() {
    drop(black_box(Vec::<u8>::with_capacity(HEAP_KEPT_BYTES / 2)));
}
