//! Writes an rpath to the prebuilt libduckdb, so that the binary runs without `LD_LIBRARY_PATH`.

fn main() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    if let Ok(dir) = std::env::var("DUCKDB_LIB_DIR") {
        // `$ORIGIN` first, so that an image or a wheel may carry the library beside the binary.
        println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN:$ORIGIN/../lib:{dir}");
    }
}
