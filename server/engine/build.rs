//! Writes an rpath to the prebuilt libduckdb, so that the tests run without `LD_LIBRARY_PATH`.

#[path = "../build/rpath.rs"]
mod rpath;

fn main() {
    rpath::write();
}
