//! Ends the planning of a statement, which DuckDB does as one piece and never asks whether it is still wanted (LX-15).
//!
//! A short text can be planned for minutes and take all memory meanwhile: eight thousand window functions with an order
//! each, a macro that calls another twice, and so on twenty times. What all of them do is ask for memory. So a planning that
//! goes on after its statement was cancelled is refused its next small block: C++ throws, and DuckDB answers with an error as
//! it does when the system has no memory. Some of DuckDB's functions go on after an error, as those do that compute constants
//! beforehand: a planning that is asked again to end is refused eight times as many blocks as before, in the end every one.
//!
//! C++ does not survive that everywhere. It is done on the thread that plans, while no other error is on its way, and only
//! within the four functions of DuckDB named below, which hold the work of a planner and are called where DuckDB catches
//! what they throw; not within our own functions that they call. They are found as
//! [`allocation`](super::allocation)'s are, and with the same bounds.

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

/// How many plannings are to end, in all of the process; while there are none, a block costs no more than a look at this.
static ENDING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// How many blocks the planning that this thread is at is to be refused; null outside one.
    static CURRENT: Cell<*const AtomicU32> = const { Cell::new(ptr::null()) };
    /// Whether this thread is where a block may be refused.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// The planning of one connection, which other threads may end.
#[derive(Debug, Default)]
pub(super) struct Planning {
    begun: AtomicBool,
    /// How many blocks it is to be refused.
    refusals: AtomicU32,
    /// How often it was asked to end.
    asked: AtomicU32,
}

impl Planning {
    /// Plans on this thread.
    pub(super) fn run<T>(&self, plan: impl FnOnce() -> T) -> T {
        struct Over<'a>(&'a Planning, *const AtomicU32);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                CURRENT.set(self.1);
                self.0.begun.store(false, Ordering::SeqCst);
                take_back(&self.0.refusals);
            }
        }
        let _over = Over(self, CURRENT.replace(&raw const self.refusals));
        self.asked.store(0, Ordering::SeqCst);
        self.begun.store(true, Ordering::SeqCst);
        plan()
    }

    /// Has the planning that is under way, if any, fail soon.
    pub(super) fn end(&self) {
        if !self.begun.load(Ordering::SeqCst) {
            return;
        }
        let times = self.asked.fetch_add(1, Ordering::SeqCst).min(9);
        if self.refusals.swap(8_u32.pow(times), Ordering::SeqCst) == 0 {
            ENDING.fetch_add(1, Ordering::SeqCst);
        }
        // It may have been over in the meantime, and did not see this.
        if !self.begun.load(Ordering::SeqCst) {
            take_back(&self.refusals);
        }
    }
}

/// No more blocks are to be refused.
fn take_back(refusals: &AtomicU32) {
    if refusals.swap(0, Ordering::SeqCst) > 0 {
        ENDING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Keeps blocks from being refused, or lets them be, until it is dropped.
pub(super) struct Refusing(bool);

impl Refusing {
    /// Functions of ours that DuckDB calls while it plans hold this: nothing is thrown through them.
    pub(super) fn never() -> Self {
        Self(INSIDE.replace(false))
    }

    #[cfg(all(target_os = "linux", not(feature = "bundled")))]
    fn from_here() -> Self {
        Self(INSIDE.replace(true))
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        INSIDE.set(self.0);
    }
}

/// Whether the thread's next block is to be refused.
#[cfg(all(target_os = "linux", not(feature = "bundled")))]
#[inline]
pub(super) fn refuses() -> bool {
    ENDING.load(Ordering::Relaxed) > 0 && entries::refuses()
}

/// The functions of DuckDB within which a block may be refused, by the names that its own calls are bound by.
#[cfg(all(target_os = "linux", not(feature = "bundled")))]
mod entries {
    use std::ffi::{CStr, c_int, c_void};
    use std::sync::OnceLock;
    use std::sync::atomic::Ordering;

    use super::super::allocation::next;
    use super::{CURRENT, ENDING, INSIDE, Refusing};

    #[cold]
    pub(super) fn refuses() -> bool {
        type Count = unsafe extern "C" fn() -> c_int;
        static UNCAUGHT: OnceLock<Option<Count>> = OnceLock::new();
        let current = CURRENT.get();
        if current.is_null() || !INSIDE.get() {
            return false;
        }
        // SAFETY: `int std::uncaught_exceptions() noexcept`
        let no_other_error =
            unsafe { next(&UNCAUGHT, c"_ZSt19uncaught_exceptionsv").is_some_and(|count| count() == 0) };
        if !no_other_error {
            return false;
        }
        // SAFETY: it is set while what it points to is borrowed, and by this thread.
        let refusals = unsafe { &*current };
        let left = refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left == Ok(1) {
            ENDING.fetch_sub(1, Ordering::SeqCst);
        }
        left.is_ok()
    }

    /// What the functions here take: pointers, references, and numbers that go as they do.
    type Call = unsafe extern "C-unwind" fn(*mut c_void, *mut c_void, *mut c_void) -> *mut c_void;

    /// Calls the real function of that name.
    ///
    /// # Safety
    /// It takes at most three pointers, and gives one or nothing.
    unsafe fn inside(real: &OnceLock<Option<Call>>, name: &CStr, [a, b, c]: [*mut c_void; 3]) -> *mut c_void {
        // SAFETY: the caller vouches for its type.
        let Some(real) = (unsafe { next(real, name) }) else {
            // DuckDB has it, or would not have called.
            std::process::abort();
        };
        let _inside = Refusing::from_here();
        // SAFETY: the arguments are the caller's own. What is thrown passes through here.
        unsafe { real(a, b, c) }
    }

    macro_rules! inside {
        ($($(#[$doc:meta])* $name:ident: $symbol:literal,)*) => {$(
            $(#[$doc])*
            ///
            /// # Safety
            /// As that function's: DuckDB is the one caller.
            #[unsafe(export_name = $symbol)]
            unsafe extern "C-unwind" fn $name(a: *mut c_void, b: *mut c_void, c: *mut c_void) -> *mut c_void {
                static REAL: OnceLock<Option<Call>> = OnceLock::new();
                const NAME: &CStr = match CStr::from_bytes_with_nul(concat!($symbol, "\0").as_bytes()) {
                    Ok(name) => name,
                    // A symbol has no other NUL.
                    Err(_) => c"",
                };
                // SAFETY: the mangled name states the types.
                unsafe { inside(&REAL, NAME, [a, b, c]) }
            }
        )*};
    }

    inside! {
        /// `void duckdb::Planner::CreatePlan(unique_ptr<SQLStatement>)`: names are resolved, views and macros replaced.
        create_plan: "_ZN6duckdb7Planner10CreatePlanENS_10unique_ptrINS_12SQLStatementESt14default_deleteIS2_ELb1EEE",
        /// `void duckdb::Optimizer::RunOptimizer(OptimizerType, const std::function<void()>&)`: one pass over the plan.
        run_optimizer: "_ZN6duckdb9Optimizer12RunOptimizerENS_13OptimizerTypeERKSt8functionIFvvEE",
        /// `PhysicalOperator& duckdb::PhysicalPlanGenerator::CreatePlan(LogicalWindow&)`: each order's window has all columns.
        create_window: "_ZN6duckdb21PhysicalPlanGenerator10CreatePlanERNS_13LogicalWindowE",
        /// `void duckdb::Executor::InitializeInternal(PhysicalOperator&)`: each branch of a UNION ALL waits for all before it.
        initialize: "_ZN6duckdb8Executor18InitializeInternalERNS_16PhysicalOperatorE",
    }
}

#[cfg(test)]
#[cfg(all(target_os = "linux", not(feature = "bundled")))]
#[path = "planning_tests.rs"]
mod tests;
