//! Writes an rpath to the prebuilt libduckdb, and rebuilds the tests when a spec file comes or goes, because rstest lists
//! the files when it compiles.

#[path = "../server/build/rpath.rs"]
mod rpath;

fn main() {
    println!("cargo:rerun-if-changed=spec");
    rpath::write();
}
