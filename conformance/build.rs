//! Writes an rpath to the prebuilt libduckdb, and rebuilds the tests when a file of spec/ or slt/ comes or goes, because rstest lists
//! the files when it compiles.

#[path = "../server/build/rpath.rs"]
mod rpath;

fn main() {
    println!("cargo:rerun-if-changed=spec");
    println!("cargo:rerun-if-changed=slt");
    rpath::write();
}
