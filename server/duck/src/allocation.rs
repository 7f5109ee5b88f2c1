//! Holds what DuckDB allocates, for all users together, to the memory that the process may take (LX-18).
//!
//! DuckDB's own `memory_limit` counts tables, joins, sorts and aggregates, but no single values: `repeat('x', 2500000000)`
//! or a list of a hundred million numbers lies outside it, and a few of them at once have the system kill the process. The
//! functions here have the names of DuckDB's allocator and of C++'s `operator new`, so the dynamic linker binds DuckDB's
//! calls to them, as it does for [`json_depth`](super::json_depth) and with the same bounds. They count blocks from
//! [`COUNTED`] bytes on, which hold nearly all of the memory of anything large; one that would pass the limit fails as it
//! does when the system has no memory, and DuckDB makes an `Out of Memory Error` of that for the statement alone.

use std::sync::atomic::{AtomicU64, Ordering};

/// The least block that is counted.
const COUNTED: usize = 64 << 10;

static LIMIT: AtomicU64 = AtomicU64::new(u64::MAX);
static USED: AtomicU64 = AtomicU64::new(0);

/// What was given back since the allocators were last flushed: they keep it for a while, for whoever asks next.
static KEPT: AtomicU64 = AtomicU64::new(0);

/// Sets how many bytes DuckDB may take in this process, from now on.
pub fn limit_memory(bytes: u64) {
    LIMIT.store(bytes, Ordering::Relaxed);
}

/// How many bytes DuckDB has taken in large blocks, and how many it may.
pub fn memory() -> (u64, u64) {
    (USED.load(Ordering::Relaxed), LIMIT.load(Ordering::Relaxed))
}

/// Counts a block, unless it is small; false if it is beyond the limit.
fn take(size: usize) -> bool {
    if size < COUNTED {
        return true;
    }
    let (size, limit) = (size as u64, LIMIT.load(Ordering::Relaxed));
    let used = USED.fetch_add(size, Ordering::Relaxed).saturating_add(size);
    if used.saturating_add(KEPT.load(Ordering::Relaxed)) > limit && KEPT.swap(0, Ordering::Relaxed) > 0 {
        flush();
    }
    if used > limit {
        USED.fetch_sub(size, Ordering::Relaxed);
    }
    used <= limit
}

/// A block that was taken is there no more.
fn give_back(size: usize) {
    if size >= COUNTED {
        USED.fetch_sub(size as u64, Ordering::Relaxed);
        KEPT.fetch_add(size as u64, Ordering::Relaxed);
    }
}

/// How many bytes were given back since the last [`flush`].
pub fn kept_memory() -> u64 {
    KEPT.load(Ordering::Relaxed)
}

/// Gives the system what is free in DuckDB's allocators.
pub fn flush() {
    KEPT.store(0, Ordering::Relaxed);
    #[cfg(all(target_os = "linux", not(feature = "bundled")))]
    entries::flush();
}

#[cfg(all(target_os = "linux", not(feature = "bundled")))]
pub(super) use entries::next;

/// The names that DuckDB's own calls are bound by.
#[cfg(all(target_os = "linux", not(feature = "bundled")))]
mod entries {
    use std::ffi::{CStr, c_void};
    use std::ptr;
    use std::sync::OnceLock;

    use nix::libc;

    use super::super::planning;
    use super::{COUNTED, give_back, take};

    /// The next function of that name, behind the one here.
    ///
    /// # Safety
    /// `F` is the type of the function of that name.
    pub(in super::super) unsafe fn next<F: Copy>(found: &OnceLock<Option<F>>, name: &CStr) -> Option<F> {
        *found.get_or_init(|| {
            // SAFETY: the name is NUL-terminated.
            let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
            // SAFETY: a pointer to a function has the size of a pointer, and the caller vouches for its type.
            (!found.is_null()).then(|| unsafe { std::mem::transmute_copy::<*mut c_void, F>(&found) })
        })
    }

    type Allocate = unsafe extern "C-unwind" fn(*mut c_void, usize) -> *mut c_void;
    type Free = unsafe extern "C-unwind" fn(*mut c_void, *mut c_void, usize);
    type Reallocate = unsafe extern "C-unwind" fn(*mut c_void, *mut c_void, usize, usize) -> *mut c_void;

    /// `duckdb::Allocator::DefaultAllocate(PrivateAllocatorData*, idx_t)`; null makes its caller throw.
    ///
    /// # Safety
    /// As that function's: DuckDB is the one caller, of this and of the next two.
    #[unsafe(export_name = "_ZN6duckdb9Allocator15DefaultAllocateEPNS_20PrivateAllocatorDataEm")]
    unsafe extern "C-unwind" fn allocate(own: *mut c_void, size: usize) -> *mut c_void {
        static REAL: OnceLock<Option<Allocate>> = OnceLock::new();
        let name = c"_ZN6duckdb9Allocator15DefaultAllocateEPNS_20PrivateAllocatorDataEm";
        // SAFETY: the mangled name states the types.
        let Some(real) = (unsafe { next(&REAL, name) }) else { return ptr::null_mut() };
        if !take(size) {
            return ptr::null_mut();
        }
        // SAFETY: the arguments are the caller's own.
        let block = unsafe { real(own, size) };
        if block.is_null() {
            give_back(size);
        }
        block
    }

    /// `duckdb::Allocator::DefaultFree(PrivateAllocatorData*, data_ptr_t, idx_t)`
    ///
    /// # Safety
    /// See [`allocate`].
    #[unsafe(export_name = "_ZN6duckdb9Allocator11DefaultFreeEPNS_20PrivateAllocatorDataEPhm")]
    unsafe extern "C-unwind" fn free(own: *mut c_void, block: *mut c_void, size: usize) {
        static REAL: OnceLock<Option<Free>> = OnceLock::new();
        let name = c"_ZN6duckdb9Allocator11DefaultFreeEPNS_20PrivateAllocatorDataEPhm";
        // SAFETY: the mangled name states the types.
        if let Some(real) = unsafe { next(&REAL, name) } {
            // SAFETY: the arguments are the caller's own.
            unsafe { real(own, block, size) };
            give_back(size);
        }
    }

    /// `duckdb::Allocator::DefaultReallocate(PrivateAllocatorData*, data_ptr_t, idx_t, idx_t)`; null makes its caller throw.
    ///
    /// # Safety
    /// See [`allocate`].
    #[unsafe(export_name = "_ZN6duckdb9Allocator17DefaultReallocateEPNS_20PrivateAllocatorDataEPhmm")]
    unsafe extern "C-unwind" fn reallocate(
        own: *mut c_void,
        block: *mut c_void,
        old: usize,
        new: usize,
    ) -> *mut c_void {
        static REAL: OnceLock<Option<Reallocate>> = OnceLock::new();
        let name = c"_ZN6duckdb9Allocator17DefaultReallocateEPNS_20PrivateAllocatorDataEPhmm";
        // SAFETY: the mangled name states the types.
        let Some(real) = (unsafe { next(&REAL, name) }) else { return ptr::null_mut() };
        if !take(new) {
            return ptr::null_mut();
        }
        // SAFETY: the arguments are the caller's own.
        let moved = unsafe { real(own, block, old, new) };
        give_back(if moved.is_null() { new } else { old });
        moved
    }

    /// `operator new(size_t)`, on which the other forms of `new` are built. What is counted is what `delete` finds: how
    /// much the system's allocator gave.
    ///
    /// # Safety
    /// Throws `std::bad_alloc` as C++ has it.
    #[unsafe(export_name = "_Znwm")]
    unsafe extern "C-unwind" fn new(size: usize) -> *mut c_void {
        // SAFETY: `malloc` takes any size.
        let block = unsafe { libc::malloc(size.max(1)) };
        if block.is_null() {
            throw();
        }
        if planning::refuses() {
            // SAFETY: it was made above, and nobody else knows it.
            unsafe { libc::free(block) };
            throw();
        }
        // What is given is never much more than what was asked for.
        // SAFETY: `malloc` made the block.
        if size >= COUNTED / 2 && !take(unsafe { libc::malloc_usable_size(block) }) {
            // SAFETY: it was made above, and nobody else knows it.
            unsafe { libc::free(block) };
            throw();
        }
        block
    }

    /// `operator delete(void*)`
    ///
    /// # Safety
    /// The block came from `new`, or is null.
    #[unsafe(export_name = "_ZdlPv")]
    unsafe extern "C-unwind" fn delete(block: *mut c_void) {
        // SAFETY: the block came from `malloc`, or is null, which has no size.
        give_back(unsafe { libc::malloc_usable_size(block) });
        // SAFETY: likewise.
        unsafe { libc::free(block) };
    }

    /// `duckdb::Allocator::FlushAll()`
    pub(super) fn flush() {
        type Flush = unsafe extern "C-unwind" fn();
        static REAL: OnceLock<Option<Flush>> = OnceLock::new();
        // SAFETY: the mangled name states that it takes nothing; what it may return is not looked at.
        unsafe {
            if let Some(real) = next(&REAL, c"_ZN6duckdb9Allocator8FlushAllEv") {
                real();
            }
        }
    }

    /// Throws `std::bad_alloc`.
    fn throw() -> ! {
        type Throw = unsafe extern "C-unwind" fn() -> !;
        static REAL: OnceLock<Option<Throw>> = OnceLock::new();
        // SAFETY: `std::__throw_bad_alloc()` takes nothing and never returns.
        match unsafe { next(&REAL, c"_ZSt17__throw_bad_allocv") } {
            // SAFETY: as above.
            Some(real) => unsafe { real() },
            None => std::process::abort(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_blocks_are_not_counted() {
        limit_memory(u64::MAX);
        assert!(take(COUNTED - 1) && take(usize::MAX >> 1));
        give_back(COUNTED - 1);
        give_back(usize::MAX >> 1);
    }
}
