//! Keeps JSON that nests too deeply away from DuckDB's functions, most of which recurse once per level (LX-17).
//!
//! DuckDB reads JSON without a limit of depth, and then `json_structure`, schema inference of `read_json` and casts to
//! VARIANT go as deep on the thread's stack as the text does. None of them can be replaced or wrapped over the C API: a
//! cast to VARIANT may hold its JSON in any type around it. What they have in common is yyjson, DuckDB's JSON parser,
//! whose one entry the shared library exports. The function here has that entry's name, so the dynamic linker binds
//! DuckDB's own calls to it: it counts, and hands what passes on to the real one. A test opens a database and asks.
//!
//! That needs the shared library, and a system whose linker binds names across libraries: elsewhere (DuckDB compiled in,
//! macOS) JSON keeps the depth that DuckDB gives it. ARCHITECTURE.md has the figures.

/// How many levels JSON may nest, as many as DuckDB's own `max_expression_depth` gives expressions.
const JSON_DEPTH: usize = 1000;

/// What a byte outside strings does: 1 opens a level, 2 closes one, 3 begins a string.
const ROLE: [u8; 256] = {
    let mut role = [0; 256];
    role[b'[' as usize] = 1;
    role[b'{' as usize] = 1;
    role[b']' as usize] = 2;
    role[b'}' as usize] = 2;
    role[b'"' as usize] = 3;
    role
};

/// Where the first value of a text has its first bracket beyond `limit` levels. Each level has a bracket at both ends, so
/// a text that is no longer than twice the limit has none; of a longer one the brackets outside strings are counted, at
/// more than twice the speed of the parser.
fn beyond(text: &[u8], limit: usize) -> Option<usize> {
    if text.len() <= limit.saturating_mul(2) {
        return None;
    }
    let value = text.trim_ascii_start();
    // Brackets behind a number, a word or a string are no part of it.
    if value.first().is_none_or(|first| ROLE[usize::from(*first)] != 1) {
        return None;
    }
    let mut depth = 0;
    let mut bytes = value.iter();
    while let Some(byte) = bytes.find(|byte| ROLE[usize::from(**byte)] != 0) {
        match ROLE[usize::from(*byte)] {
            1 if depth == limit => return Some(text.len() - bytes.len() - 1),
            1 => depth += 1,
            // The reader of a file is given all that follows in it, and reads one value.
            2 if depth <= 1 => return None,
            2 => depth -= 1,
            _ => {
                while *bytes.find(|byte| matches!(byte, b'"' | b'\\'))? == b'\\' {
                    bytes.next()?;
                }
            }
        }
    }
    None
}

/// The name that DuckDB's own calls are bound by.
#[cfg(all(target_os = "linux", not(feature = "bundled")))]
mod entry {
    use std::ffi::{c_char, c_void};
    use std::sync::OnceLock;

    use nix::libc;

    use super::{JSON_DEPTH, beyond};

    /// `yyjson_read_err`, as DuckDB 1.5.5 has it.
    #[repr(C)]
    struct ReadError {
        code: u32,
        message: *const c_char,
        position: usize,
    }

    /// `YYJSON_READ_ERROR_JSON_STRUCTURE`
    const STRUCTURE: u32 = 7;

    type Read = unsafe extern "C" fn(*mut c_char, usize, u32, *const c_void, *mut ReadError) -> *mut c_void;

    /// `duckdb_yyjson::yyjson_read_opts(char*, size_t, yyjson_read_flag, const yyjson_alc*, yyjson_read_err*)`
    ///
    /// # Safety
    /// As that function's: DuckDB is the one caller.
    #[unsafe(export_name = "_ZN13duckdb_yyjson16yyjson_read_optsEPcmjPKNS_10yyjson_alcEPNS_15yyjson_read_errE")]
    unsafe extern "C" fn read(
        text: *mut c_char,
        length: usize,
        flags: u32,
        allocator: *const c_void,
        error: *mut ReadError,
    ) -> *mut c_void {
        // SAFETY: the caller lends `length` bytes for the call; null is the parser's own to refuse.
        let given = (!text.is_null())
            .then(|| unsafe { std::slice::from_raw_parts(text.cast_const().cast::<u8>(), length) });
        let beyond = given.and_then(|given| beyond(given, JSON_DEPTH));
        let (None, Some(real)) = (beyond, real()) else {
            // SAFETY: null, or the caller's to be filled.
            if let Some(error) = unsafe { error.as_mut() } {
                let message = c"nested deeper than 1000 levels".as_ptr();
                *error = ReadError { code: STRUCTURE, message, position: beyond.unwrap_or(0) };
            }
            return std::ptr::null_mut();
        };
        // SAFETY: the arguments are the caller's own.
        unsafe { real(text, length, flags, allocator, error) }
    }

    /// DuckDB's own function, the next of this name.
    fn real() -> Option<Read> {
        static REAL: OnceLock<Option<Read>> = OnceLock::new();
        *REAL.get_or_init(|| {
            let name = c"_ZN13duckdb_yyjson16yyjson_read_optsEPcmjPKNS_10yyjson_alcEPNS_15yyjson_read_errE";
            // SAFETY: the name is NUL-terminated. What is found is the function of this mangled name, which states the
            // types of its arguments.
            unsafe {
                let found = libc::dlsym(libc::RTLD_NEXT, name.as_ptr());
                (!found.is_null()).then(|| std::mem::transmute::<*mut c_void, Read>(found))
            }
        })
    }
}

#[cfg(test)]
#[path = "json_depth_tests.rs"]
mod tests;
