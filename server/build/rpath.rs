//! Writes an rpath to the prebuilt libduckdb, so that binaries run without `LD_LIBRARY_PATH`, and has the linker export the
//! functions that take the place of C++'s: it knows by itself only of those that libduckdb defines.

pub fn write() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    // The loader's own folder first, so that an image or a wheel may carry the library beside the binary.
    let origin = match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos") => "@loader_path",
        Ok("linux") => "$ORIGIN",
        _ => return,
    };
    if origin == "$ORIGIN" {
        for symbol in ["_Znwm", "_ZdlPv"] {
            println!("cargo:rustc-link-arg=-Wl,--undefined={symbol},--export-dynamic-symbol={symbol}");
        }
    }
    if let Ok(dir) = std::env::var("DUCKDB_LIB_DIR") {
        for path in [origin.to_owned(), format!("{origin}/../lib"), dir] {
            println!("cargo:rustc-link-arg=-Wl,-rpath,{path}");
        }
    }
}
