//! Writes an rpath to the prebuilt libduckdb, as the server's build does.

#[path = "../server/build/rpath.rs"]
mod rpath;

fn main() {
    rpath::write();
}
